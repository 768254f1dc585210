"""Exports a sentence-transformers folder to a model folder, for someone in a checkout.

The same as `rekall model export`: see `scripts/export_onnx.py --help`.
"""

import sys

from rekall.cli.main import run

if __name__ == "__main__":
    run(["model", "export", *sys.argv[1:]])
