"""What a Python program begins with: a base, and a model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rekall.app import App

if TYPE_CHECKING:  # `import rekall` must stay light
    from rekall.knowledge_base import KnowledgeBase
    from rekall.models.contract import ArrayEncoder


def open_base(path: str | os.PathLike[str] | None = None, settings: Mapping[str, str] | None = None) -> KnowledgeBase:
    """Open a knowledge base, as the commands do; a new one is made where there is none.

        with rekall.open() as base:
            base.add("til", "git log -S finds when a string came or went", tags=["git"])
            for hit in base.search("when was this line removed").hits:
                print(hit.entry.title)

    Args:
        path: A folder to keep everything in, as REKALL_HOME names it; by default the user's own base.
        settings: Settings by key, for instance {"search.lexical_share": "0.4"}.

    Returns:
        A base that is open until `close`.

    Raises:
        StorageError: The database cannot be used.
        InvalidInput, NotFound: A setting is wrong.
    """
    environ = os.environ if path is None else {**os.environ, "REKALL_HOME": os.fspath(path)}
    return App(environ, settings).open_base(to_write=True)


def load_encoder(name: str | None = None) -> ArrayEncoder:
    """Load an embedding model into this process.

    Args:
        name: A model that `rekall model list` shows; None takes the configured one.

    Returns:
        An encoder: `encode_documents(texts)` and `encode_queries(texts)` give (n, d) float32, rows of unit length.

    Raises:
        ModelNotFound: It is not installed.
        ModelDamaged: Its folder is incomplete or altered.
        EngineError: Nothing that is installed here can run it.
    """
    return App().load_encoder(name)
