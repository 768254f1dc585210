"""Text to token ids, with the model's own limit and never the one baked into its tokenizer file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rekall.engine.card import repair_hint
from rekall.errors import EngineError, ModelDamaged

_CHARS_PER_TOKEN = 16
"""First cut of a long text: English and code average 3 to 5 characters a token."""


class Tokenizer:
    """A `tokenizer.json`, stripped of its padding and truncation.

    `tokenizer.json` files carry the truncation and padding of whoever saved them (128 tokens for
    all-MiniLM-L6-v2, whose limit is 256), so both are switched off and the limit is applied here.
    """

    def __init__(self, path: Path, max_tokens: int) -> None:
        """Load a tokenizer.

        Args:
            path: A `tokenizer.json`.
            max_tokens: Longest sequence the model reads, special tokens included.

        Raises:
            ModelDamaged: The file is no tokenizer.
        """
        try:
            from tokenizers import Tokenizer as Backend
        except ImportError as error:
            raise EngineError(
                f"tokenizers cannot be loaded: {error}", "run `pip install --force-reinstall tokenizers`"
            ) from error
        try:
            self._backend = Backend.from_file(str(path))
        except Exception as error:  # the binding raises bare Exception for any unreadable file
            raise ModelDamaged(f"{path} is not a tokenizer: {error}", repair_hint(path.parent.name)) from error
        self._backend.no_truncation()
        self._backend.no_padding()
        self._prefix, self._suffix = self._special_tokens(path)
        self._room = max_tokens - len(self._prefix) - len(self._suffix)
        if self._room < 1:
            raise ModelDamaged(f"{path}: {max_tokens} tokens leave no room for text", repair_hint(path.parent.name))
        added = self._backend.get_added_tokens_decoder().values()
        self._margin = max((len(token.content) for token in added), default=0)
        self._window = max_tokens * _CHARS_PER_TOKEN

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, at most the model's limit.

        A long text is cut before it is tokenised, where the cut cannot change the ids that are kept.
        """
        cut = [self._cut(_clean(text)) for text in texts]
        encodings = self._backend.encode_batch_fast(cut, add_special_tokens=False)
        return [[*self._prefix, *encoding.ids[: self._room], *self._suffix] for encoding in encodings]

    def _cut(self, text: str) -> str:
        """The shortest tried beginning of `text` with the same first ids as the whole.

        A beginning will do when its last kept token belongs to an earlier word than its last token, since
        tokenizers split text into words first, and when it ends so far from the cut that no special token
        can lie across both.
        """
        window = self._window
        while len(text) > window:
            encoding = self._backend.encode(text[:window], add_special_tokens=False)
            words = encoding.word_ids
            if len(words) > self._room and words[self._room - 1] != words[-1]:
                kept_to = encoding.offsets[self._room - 1][1]
                if kept_to + self._margin <= window:
                    return text[:window]
            window *= 2
        return text

    def _special_tokens(self, path: Path) -> tuple[list[int], list[int]]:
        """Ids that the post-processor puts before and after a sequence."""
        bare = self._backend.encode("a", add_special_tokens=False).ids
        full = self._backend.encode("a", add_special_tokens=True).ids
        for start in range(len(full) - len(bare) + 1):
            if full[start : start + len(bare)] == bare:
                return full[:start], full[start + len(bare) :]
        raise ModelDamaged(f"{path} rewrites a text when it adds special tokens", repair_hint(path.parent.name))


def _clean(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot carry, by U+FFFD; trim the ends.

    sentence-transformers trimmed every text until release 5.3, and the published vectors of its
    models were made so.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
