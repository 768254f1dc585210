"""A headless Chromium that is driven over a pipe, by the protocol of its own developer tools; no driver is needed."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.launching import with_ends

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")

PATIENCE_S = 60
"""A browser that has not answered by then never will."""


def browser_program() -> str:
    """The program of a browser; skips the test where there is none."""
    if sys.platform == "win32":
        pytest.skip("a pipe of two more descriptors is not to be had here")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser here: none of {', '.join(NAMES)}")
    return found


class Tab:
    """One page in a browser."""

    def __init__(self, sends: int, receives: int) -> None:
        self._sends, self._receives = sends, os.fdopen(receives, "rb")
        self._numbers = itertools.count(1)
        self._session = ""
        self.requests: list[str] = []
        """The addresses that the page asked for."""
        self.complaints: list[str] = []
        """What it wrote to the console, and what went wrong in its scripts."""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for each in ("Page", "Runtime", "Network", "Log"):
            self._ask(f"{each}.enable")

    def open(self, path: Path) -> None:
        """Load a page from a file, without any network, and wait until it is loaded."""
        self._ask(
            "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )
        self._ask("Page.navigate", url=path.as_uri())
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """What an expression is, or what a promise comes to."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(json.dumps(answer["exceptionDetails"], indent=1))
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait, frame by frame, until an expression is true."""
        self.run(
            "new Promise((done, fail) => { const began = performance.now(); const look = () => "
            f"{{ if ({condition}) done(true); else if (performance.now() - began > {PATIENCE_S * 900}) fail(new Error({json.dumps(condition)}));"
            " else setTimeout(look, 20); }; look(); })"
        )

    def click(self, x: float, y: float) -> None:
        """Press and lift the mouse."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = "none" if kind == "mouseMoved" else "left"
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Move the mouse with its button down."""
        self._ask("Input.dispatchMouseEvent", type="mousePressed", x=start[0], y=start[1], button="left", clickCount=1)
        for share in (0.25, 0.5, 0.75, 1.0):
            x, y = (one + (other - one) * share for one, other in zip(start, end))
            self._ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button="left", buttons=1)
        self._ask("Input.dispatchMouseEvent", type="mouseReleased", x=end[0], y=end[1], button="left", clickCount=1)

    def wheel(self, x: float, y: float, by: float) -> None:
        """Turn the wheel."""
        self._ask("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=by)

    def key(self, name: str, text: str = "") -> None:
        """Press a key."""
        said = {"text": text} if text else {}
        self._ask("Input.dispatchKeyEvent", type="keyDown", key=name, code=name, **said)
        self._ask("Input.dispatchKeyEvent", type="keyUp", key=name, code=name)

    def type(self, text: str) -> None:
        """Type a text into what has the keyboard."""
        self._ask("Input.insertText", text=text)

    def scheme(self, name: str) -> None:
        """Make the page dark or light."""
        self._ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def size(self, width: int, height: int) -> None:
        """Give the window a size."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self) -> bytes:
        """What is to be seen, as PNG."""
        import base64

        return base64.b64decode(self._ask("Page.captureScreenshot")["data"])

    def close(self) -> None:
        """Let go of the pipe, which ends the browser."""
        os.close(self._sends)
        self._receives.close()

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        said: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            said["sessionId"] = self._session
        os.write(self._sends, json.dumps(said).encode() + b"\0")
        while True:
            answer = json.loads(self._message())
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return dict(answer["result"])
            self._note(answer)

    def _message(self) -> bytes:
        found = bytearray()
        while (byte := self._receives.read(1)) != b"\0":
            if not byte:
                raise AssertionError("the browser has ended")
            found += byte
        return bytes(found)

    def _note(self, event: dict[str, Any]) -> None:
        method, said = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(said["exceptionDetails"])[:2_000])
        elif method == "Log.entryAdded":
            self.complaints.append(said["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(said["args"])[:500])


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """A browser with a page, and a folder for what it keeps; it ends with the block."""
    program = browser_program()
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
    options += [
        "--no-first-run",
        "--disable-background-networking",
        f"--user-data-dir={profile}",
        "--window-size=1200,800",
    ]
    process = subprocess.Popen(
        with_ends([program, *options, "about:blank"], theirs_in, theirs_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(theirs_in, theirs_out),
        start_new_session=True,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        tab = Tab(ours_out, ours_in)
        try:
            yield tab
        finally:
            tab.close()
    finally:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
