"""The terminal UI when its window is closed."""

from __future__ import annotations

import asyncio

from rekall.tui.closing import told_by_console

CTRL_C, CLOSED, LOGGED_OFF, SHUTTING_DOWN = 0, 2, 5, 6


def test_windows_is_answered_only_when_what_was_typed_is_kept() -> None:
    async def main() -> None:
        kept: list[str] = []
        told = told_by_console(asyncio.get_running_loop(), lambda: kept.append("text"))
        for number, event in enumerate((CLOSED, LOGGED_OFF, SHUTTING_DOWN), 1):
            assert await asyncio.to_thread(told, event)
            assert kept == ["text"] * number
        assert not await asyncio.to_thread(told, CTRL_C)
        assert len(kept) == 3

    asyncio.run(main())
