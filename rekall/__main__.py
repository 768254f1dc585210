"""`python -m rekall`, and where the command `rekall` begins: Ctrl-C is taken care of before anything else is loaded."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:  # neither typing nor signal is loaded yet, which take as long as Python itself
    from typing import Any, NoReturn


def run() -> "NoReturn":
    """Run the command line."""
    signal = __import__("_signal")  # what the module signal is made of, and part of Python itself
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)  # while modules are loaded there is nothing to undo
    from rekall.cli.main import run as run_commands

    run_commands()


def _end(number: int, frame: "Any") -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    run()
