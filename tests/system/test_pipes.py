"""What each system says of a pipe that nobody reads."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from rekall.system.pipes import closed_pipe_ignored, is_closed_pipe


def test_writing_to_a_pipe_without_a_reader_is_known_here() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(OSError) as raised:  # noqa: PT011  # each system has another one
        os.write(writer, b"text")
    assert is_closed_pipe(raised.value)
    with closed_pipe_ignored():
        os.write(writer, b"text")
    os.close(writer)


@pytest.mark.parametrize(("platform", "is_closed"), [("win32", True), ("linux", False)])
def test_an_invalid_argument_is_a_closed_pipe_on_windows_alone(
    platform: str, is_closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert is_closed_pipe(OSError(errno.EINVAL, "Invalid argument")) == is_closed
    assert not is_closed_pipe(OSError(errno.EINVAL, "Invalid argument", "a?b.md"))
    assert not is_closed_pipe(OSError(errno.ENOSPC, "No space left on device"))


def test_a_full_disk_is_not_ignored() -> None:
    with pytest.raises(OSError, match="full"), closed_pipe_ignored():
        raise OSError(errno.ENOSPC, "full")
