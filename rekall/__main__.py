"""`python -m rekall`."""

from rekall.cli.main import run

if __name__ == "__main__":
    run()
