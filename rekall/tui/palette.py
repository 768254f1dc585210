"""The command palette: everything the keys of a screen do, found by typing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.binding import ActiveBinding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

_KEY_WIDTH = 8


class Commands(Provider):
    """The bindings of the screen below that say what they do; a binding says so in its tooltip."""

    async def discover(self) -> Hits:
        """All of them, in the order of their bindings."""
        for key, active in self._known():
            text = active.binding.tooltip
            yield DiscoveryHit(_line(key, Content(text)), partial(self._run, active), text)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for key, active in self._known():
            text = active.binding.tooltip
            if (score := matcher.match(f"{text} {key}")) > 0:
                yield Hit(score, _line(key, matcher.highlight(text)), partial(self._run, active), text)

    def _known(self) -> Iterator[tuple[str, ActiveBinding]]:
        """Each action once, with the key that is shown for it."""
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.tooltip and active.enabled and binding.action not in seen:
                seen.add(binding.action)
                yield self.app.get_key_display(binding), active

    async def _run(self, active: ActiveBinding) -> None:
        await self.app.run_action(active.binding.action, active.node)


def _line(key: str, text: Content) -> Content:
    return Content.assemble((key.ljust(_KEY_WIDTH), "bold"), text)
