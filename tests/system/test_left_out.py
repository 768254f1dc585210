"""What a process of ours leaves out of memory: not there for what is imported meanwhile, and there for whoever asks afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rekall.system.left_out import left_out, openssl

WITHOUT = """
import sys
from rekall.system.left_out import left_out, openssl
assert not {"ssl", "_ssl", "hashlib", "_hashlib"} & set(sys.modules)
with left_out(*openssl()):
    import asyncio, hashlib, http.client
assert not {"ssl", "_ssl"} & set(sys.modules)
assert "_hashlib" not in sys.modules or "_hashlib" not in openssl()
assert asyncio.run(asyncio.sleep(0, "ran")) == "ran"
"""
AFTERWARDS = """
import hashlib, sys
for name in ("md5", "sha1", "sha256", "sha3_256", "blake2b"):
    print(name, hashlib.new(name, b"a note").hexdigest())
import ssl
assert ssl.create_default_context() and "_ssl" in sys.modules
"""


def said_by(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.stderr, ran.returncode) == ("", 0)
    return ran.stdout


def test_nothing_loads_openssl_and_hashes_are_the_same_and_tls_is_there_afterwards():
    assert said_by(WITHOUT + AFTERWARDS) == said_by(AFTERWARDS) != ""


def test_hashes_stay_openssls_where_python_was_built_without_its_own(monkeypatch):
    monkeypatch.setattr(
        "rekall.system.left_out.importlib.util.find_spec", lambda name: None if name == "_md5" else name
    )
    assert openssl() == ("ssl", "_ssl")


def test_what_is_imported_already_stays_and_what_fails_leaves_nothing_behind():
    with left_out("sys", "no_such_module"):
        import sys as again

        assert again is sys
        with pytest.raises(ImportError):
            __import__("no_such_module")
    assert "sys" in sys.modules
    assert "no_such_module" not in sys.modules
    with pytest.raises(ZeroDivisionError), left_out("no_such_module"):
        raise ZeroDivisionError
    assert "no_such_module" not in sys.modules


def test_the_terminal_ui_is_loaded_without_openssl():
    said_by("""
import sys
from rekall.cli.tui import is_installed
from rekall.system.left_out import openssl
assert is_installed() and "textual" in sys.modules and "asyncio" in sys.modules
import rekall.knowledge.review
assert not set(openssl()) & set(sys.modules)
""")
