"""Text to token ids, with the model's own limit and never the one baked into its tokenizer file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rekall.errors import EngineError, ModelDamaged
from rekall.models.engine.card import PIECES_FILE, repair_hint
from rekall.models.engine.growth import MOST_TIMES, growth_of
from rekall.models.engine.guard import first_line

if TYPE_CHECKING:
    from rekall.models.engine.bpe import Bpe
    from rekall.models.engine.unigram import Unigram

_CHARS_PER_TOKEN = 16
"""First cut of a long text: English and code average 3 to 5 characters a token."""


_UNSETTLED = 32  # characters that may become others with what follows: a letter and its marks
_BLANKS = "\u2581\u0120\u010a\u0109\u010d"
"""What tokenizers write for blanks, ends of lines and tabs."""

_STRANGE = "\U00010000"
"""A letter of Linear B, which no vocabulary is expected to have: one unknown token, or several bytes."""


_PROBES = ("a", "A", "1", "\u4e00")
_PIECES_TRIED = 1_000
"""A text of at least one token shows what stands around every text."""


class Tokenizer:
    """A `tokenizer.json`, stripped of its padding and truncation.

    `tokenizer.json` files carry the truncation and padding of whoever saved them (128 tokens for
    all-MiniLM-L6-v2, whose limit is 256), so both are switched off and the limit is applied here.

    A file whose vocabulary is the one row `PIECES_FILE` keeps its pieces in the file of that name beside it. To the
    library each word is then one unknown piece, which it hands back normalised, and `Unigram` or `Bpe` segments it:
    a vocabulary of 250,000 pieces takes the library 283 MiB and 0.6 s to load; this way it takes 4 MiB and 3 ms.
    One thread at a time.
    """

    def __init__(self, path: Path, max_tokens: int, *, trim: bool = True, special: bool = True) -> None:
        """Load a tokenizer.

        Args:
            path: A `tokenizer.json`.
            max_tokens: Longest sequence the model reads, special tokens included.
            trim: Whether the ends of a text are trimmed first.
            special: Whether a sequence gets the special tokens of the file's post-processor.

        Raises:
            ModelDamaged: The file is not a tokenizer.
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
            raise ModelDamaged(
                f"{path} is not a tokenizer: {first_line(error)}", repair_hint(path.parent.name)
            ) from error
        times = growth_of(self._backend.normalizer)
        if times > MOST_TIMES:
            raise ModelDamaged(
                f"{path} may make a text {'endlessly' if times > 1e9 else f'{times:,.0f} times'} longer, which ends a process",
                repair_hint(path.parent.name),
            )
        self._backend.no_truncation()
        self._backend.no_padding()
        self._pieces = self._open_pieces(path.with_name(PIECES_FILE))
        self._trim = trim
        self._prefix, self._suffix = self._special_tokens(path) if special else ([], [])
        self._room = max_tokens - len(self._prefix) - len(self._suffix)
        if self._room < 1:
            raise ModelDamaged(f"{path}: {max_tokens} tokens leave no room for text", repair_hint(path.parent.name))
        added = self._backend.get_added_tokens_decoder().values()
        self._margin = max((len(token.content) for token in added), default=0)
        self._window = max_tokens * _CHARS_PER_TOKEN
        self._unknown = self._unknown_id()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, at most the model's limit.

        A long text is cut before it is tokenised, at a place where that cannot change the ids that are kept.
        """
        cut = [self._cut(self._clean(text)) for text in texts]
        if len(cut) == 1:  # several take threads, one a processor, which a container on a large host may not let start
            encodings = [self._backend.encode(cut[0], add_special_tokens=False)]
        else:
            # the fast call also leaves out the words, which are all that a stripped file gives
            encode = self._backend.encode_batch if self._pieces else self._backend.encode_batch_fast
            encodings = encode(cut, add_special_tokens=False)
        return [[*self._prefix, *self._kept(encoding)[0], *self._suffix] for encoding in encodings]

    def opening_tokens(self, prompt: str) -> int:
        """How many tokens a prompt takes at the start of a text, as sentence-transformers counts them.

        Those of the prompt alone, but for a special one at its end: what a prompt and a text share is the text's.
        """
        if not prompt:
            return 0
        ids = self.encode([prompt])[0]
        last = self._backend.get_added_tokens_decoder().get(ids[-1]) if ids else None
        return len(ids) - bool(self._suffix or (last is not None and last.special))

    def known(self, texts: Sequence[str]) -> list[float]:
        """The share of each text's tokens that are in the vocabulary, of those that the model reads; 1 without any."""
        if self._unknown is None:
            return [1.0] * len(texts)
        special = len(self._prefix) + len(self._suffix)
        shares = []
        for ids in self.encode(texts):
            count = len(ids) - special
            shares.append(1.0 - ids.count(self._unknown) / count if count else 1.0)
        return shares

    def to_json(self) -> str:
        """The file as the library has read it: its ids, its defaults, and scores rounded as it rounds them."""
        return str(self._backend.to_str())

    def close(self) -> None:
        """Release the file of pieces, if there is one; the tokenizer cannot be used after that."""
        if self._pieces:
            self._pieces.close()

    def _open_pieces(self, path: Path) -> Unigram | Bpe | None:
        """The pieces of a stripped file; None for a whole one."""
        backend = self._backend
        if backend.get_vocab_size(with_added_tokens=False) != 1 or backend.id_to_token(0) != PIECES_FILE:
            return None
        from rekall.models.engine.bpe import Bpe
        from rekall.models.engine.unigram import Unigram

        pieces = Bpe(path) if Bpe.is_file_of(path) else Unigram(path)
        if len(pieces.added) != backend.get_vocab_size() - 1:
            pieces.close()
            raise ModelDamaged(f"{path} does not belong to the tokenizer beside it", repair_hint(path.parent.name))
        return pieces

    def _unknown_id(self) -> int | None:
        """What a text becomes that the vocabulary has nothing for; None where it has something for every byte."""
        if self._pieces is not None:
            return self._pieces.unknown
        name = getattr(self._backend.model, "unk_token", None)  # a Unigram model of the library does not say
        if name is not None:
            return self._backend.token_to_id(name)
        try:
            ids = {*self._backend.encode(_STRANGE, add_special_tokens=False).ids}
        except Exception:  # the binding raises bare Exception; such a vocabulary has no token for what it lacks
            return None
        ids -= {*self._backend.encode("a", add_special_tokens=False).ids}
        return ids.pop() if len(ids) == 1 else None

    def _kept(self, encoding: Any) -> tuple[Sequence[int], int]:
        """The first ids of a text, as many as there is room for, and the place of the library's token with the last one."""
        if self._pieces is None:
            whole = encoding.ids[: self._room]
            return whole, len(whole) - 1
        ids: list[int] = []
        for place, (row, word) in enumerate(zip(encoding.ids, encoding.tokens)):
            ids += self._pieces.ids(word, self._room - len(ids)) if row == 0 else [self._pieces.added[row - 1]]
            if len(ids) >= self._room:
                return ids[: self._room], place
        return ids, len(encoding) - 1

    def _clean(self, text: str) -> str:
        """Replace lone surrogates, which UTF-8 cannot carry, by U+FFFD; trim the ends.

        sentence-transformers trimmed every text until release 5.3, and the published vectors of the models of that
        time were made so.
        """
        valid = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return valid.strip() if self._trim else valid

    def _cut(self, text: str) -> str:
        """The shortest beginning of `text`, of those tried, with the same first ids as the whole.

        A beginning will do when its last kept token belongs to an earlier word than its last token, since
        tokenizers split text into words first, and when something other than blanks, which a special token
        may swallow, lies between that token and the first place where one across the cut can begin.
        """
        window = self._window
        while len(text) > window:
            encoding = self._backend.encode(text[:window], add_special_tokens=False)
            ids, last = self._kept(encoding)
            if len(ids) == self._room and encoding.word_ids[last] != encoding.word_ids[-1]:
                kept_to = encoding.offsets[last][1]
                if text[kept_to : max(kept_to, window - self._margin)].strip():
                    return text[:window]
            elif len(ids) == self._room and self._settles(text[: window // 2]):
                return text[:window]
            window *= 2
        return text

    def _settles(self, half: str) -> bool:
        """Whether the ids of a text are those of its beginning, where nobody splits it into words.

        The last characters of the beginning may belong to an added token that goes on, or become others with the next.
        """
        if self._pieces is None:
            return False
        encoding = self._backend.encode(half, add_special_tokens=False)
        if not encoding.ids or encoding.ids[-1] != 0:
            return False
        *earlier, last = encoding.tokens
        before = sum(1 if row else len(self._pieces.ids(word)) for row, word in zip(encoding.ids, earlier))
        return self._pieces.settles(_without_end(last, self._margin + _UNSETTLED), self._room - before)

    def _special_tokens(self, path: Path) -> tuple[list[int], list[int]]:
        """Ids that the post-processor puts before and after a sequence."""
        for text in (*_PROBES, *(self._backend.id_to_token(row) or "" for row in range(_PIECES_TRIED))):
            bare = self._backend.encode(text, add_special_tokens=False)
            if len(bare):
                break
        full = self._backend.encode(text, add_special_tokens=True)
        for start in range(len(full) - len(bare) + 1):
            stop = start + len(bare)
            if full.ids[start:stop] == bare.ids and full.tokens[start:stop] == bare.tokens:
                return full.ids[:start], full.ids[stop:]
        raise ModelDamaged(f"{path} rewrites a text when it adds special tokens", repair_hint(path.parent.name))


def _without_end(word: str, characters: int) -> str:
    """A word without its last `characters`, and without the blanks before them, which an added token may swallow."""
    stop = len(word) - characters
    while stop > 0 and (word[stop - 1].isspace() or word[stop - 1] in _BLANKS):
        stop -= 1
    return word[: max(stop, 0)]


def as_written(text: str) -> str:
    """A `tokenizer.json` as the library writes it once it has read it.

    Raises:
        ModelDamaged: It is not a tokenizer.
    """
    return str(_backend_of(text).to_str())


def with_added(text: str, tokens: Sequence[Mapping[str, Any]]) -> str:
    """A `tokenizer.json` with some tokens added: one that is known keeps its id and gets the new flags.

    Args:
        text: The file's content.
        tokens: The arguments of `tokenizers.AddedToken` for each.
    """
    from tokenizers import AddedToken

    backend = _backend_of(text)
    backend.add_tokens([AddedToken(**token) for token in tokens])
    return str(backend.to_str())


def ids_of(text: str, texts: Sequence[str]) -> list[list[int]]:
    """The ids that a `tokenizer.json` gives for whole texts, special tokens included.

    Raises:
        ModelDamaged: It is not a tokenizer, or has no token for something and none for the unknown.
    """
    backend = _backend_of(text)
    backend.no_truncation()
    backend.no_padding()
    try:
        return [list(encoding.ids) for encoding in backend.encode_batch_fast(list(texts))]
    except Exception as error:  # the binding raises bare Exception for a piece that the vocabulary lacks
        raise ModelDamaged(f"it cannot read every text: {first_line(error)}") from error


def _backend_of(text: str) -> Any:
    try:
        from tokenizers import Tokenizer as Backend
    except ImportError as error:
        raise EngineError(
            f"tokenizers cannot be loaded: {error}", "run `pip install --force-reinstall tokenizers`"
        ) from error
    try:
        return Backend.from_str(text)
    except Exception as error:  # the binding raises bare Exception for anything unreadable
        raise ModelDamaged(f"not a tokenizer: {first_line(error)}") from error
