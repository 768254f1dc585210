"""What a server leaves out of the SDK: not in memory, and there for whoever asks."""

from __future__ import annotations

import os
import subprocess
import sys

SERVER = """
import sys
from rekall.mcp.lean import PACKAGES, defer_packages
defer_packages()
from rekall.mcp import pipes, run
defer_packages()
for name in ("httpx2", "cryptography", "mcp.client", "mcp.server.mcpserver"):
    assert name not in sys.modules, name
assert all(type(sys.modules[name]).__name__ == "_Deferred" for name in PACKAGES)
"""
WHOLE = """
import mcp
assert not hasattr(mcp, "__wrapped__")
assert mcp.ClientSession.__module__ == "mcp.client.session"
from mcp.server import MCPServer
from mcp.server.lowlevel import Server
assert run.RekallServer and mcp.server.Server is Server
assert type(mcp).__name__ == "module"
try:
    mcp.nothing
except AttributeError as error:
    assert "nothing" in str(error)
"""


def test_a_server_leaves_out_what_it_never_uses_and_others_find_it():
    said = subprocess.run([sys.executable, "-c", SERVER + WHOLE], capture_output=True, text=True, check=False)
    assert (said.stderr, said.returncode) == ("", 0)


def test_nothing_changes_where_the_sdk_is_there_already_or_is_missing():
    code = (
        "import sys, mcp; from rekall.mcp.lean import defer_packages as d; d(); assert type(mcp).__name__ == 'module'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import rekall.mcp.lean as lean; lean.PACKAGES = ('no_such_package',); lean.defer_packages()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_server_over_pipes_has_no_web_server():
    environ = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "rekall", "mcp"], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environ
    )
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert ran.returncode == 0
    assert "mcp.server.lowlevel.server" in imported
    assert not {"uvicorn.config", "watchfiles.main", "httpx2"} & imported
