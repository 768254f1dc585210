"""What the build fills in: the page of a package index, and the links beside it.

`REKALL_REPOSITORY_URL` names the repository that a release is made from.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class CustomMetadataHook(MetadataHookInterface):
    """Fills in `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by the build with what pyproject.toml says."""
        sys.path.insert(0, str(Path(self.root, "scripts")))
        from index_page import page, urls

        url = os.environ.get("REKALL_REPOSITORY_URL", "").rstrip("/")
        text = Path(self.root, "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": page(text, url, f"v{metadata['version']}")}
        metadata["urls"] = urls(url)
