"""Files written whole: where a link leads, and what is no file."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rekall.system.files import write_atomically

posix = pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")


@posix
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "dotfiles").mkdir()
    real, link = tmp_path / "dotfiles" / "config.toml", tmp_path / "config.toml"
    real.write_bytes(b"before")
    link.symlink_to(real)
    write_atomically(link, b"after", is_named=True)
    assert link.is_symlink()
    assert real.read_bytes() == b"after"
    assert [each.name for each in real.parent.iterdir()] == ["config.toml"]


@posix
def test_a_link_that_leads_nowhere_yet_leads_to_the_file(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "new")
    write_atomically(link, b"here", is_named=True)
    assert link.is_symlink()
    assert (tmp_path / "new").read_bytes() == b"here"


@posix
def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_atomically(pipe, b"through", is_named=True)
    reader.join(60)
    assert read == [b"through"]
    assert pipe.is_fifo()


@posix
def test_an_export_to_a_pipe_of_the_shell_comes_through(tmp_path: Path):
    for command in (["add", "til", "a note"], ["export", "--format", "jsonl", "/dev/stdout"]):
        ran = subprocess.run(
            [sys.executable, "-m", "rekall", *command], capture_output=True, text=True, check=False, timeout=120
        )
        assert ran.returncode == 0, ran.stderr
    assert '"a note"' in ran.stdout


@posix
def test_no_backup_takes_the_place_of_a_pipe(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for command in (["add", "til", "a note"], ["backup", "--force", str(pipe)]):
        ran = subprocess.run(
            [sys.executable, "-m", "rekall", *command], capture_output=True, text=True, check=False, timeout=120
        )
    assert ran.returncode == 4
    assert "is no file" in ran.stderr
    assert pipe.is_fifo()
