"""Which tokenizer a model is exported with: that of its tokenizer.json, with what the files beside it say, or none.

transformers 4 followed tokenizer.json and applied a few settings to it; transformers 5 takes the vocabulary alone and lets
a class build the rest. Where both agree, that is what is exported, and a file that already says so stays as it is.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rekall.errors import EngineError, ExportFailed, ModelDamaged, OutOfMemory
from rekall.models.engine.card import TOKENIZER_FILE
from rekall.models.engine.card_values import as_line
from rekall.models.engine.guard import first_line
from rekall.models.engine.tokenizer import as_written, ids_of
from rekall.models.export.options import TokenizerReading
from rekall.models.export.probe_texts import PROBE_TEXTS
from rekall.models.export.tokenizer_classes import NotItsKind, class_of, is_known
from rekall.models.export.tokenizer_reading import by_class, by_file, contents, ends_of
from rekall.models.export.tokenizer_settings import CONFIG_FILE, TokenizerSettings, read_settings

Json = Mapping[str, Any]
_HINT = (
    "`--tokenizer file` follows tokenizer.json as transformers 4 does, `--tokenizer class` what transformers 5 makes of it: "
    "take the one that the model was trained and measured with"
)
_DAMAGED = "fetch the model again, or look for another revision of it"
_PARTS = ("normalizer", "pre_tokenizer", "model", "post_processor", "added_tokens")
_SAMPLE = 2_000
_NAMED = 5

_ORDINARY = (
    "Grüße aus Zürich, naïve façade: ÉTÉ İstanbul ẞ ŁÓDŹ",
    "检索 数据库 index ひらがなカタカナ 한국어 searching",
    "ALL CAPS and MixedCase, snake_case; don't, can't; x=1.5e-3 & <tag> [link](http://a.b/c?d=e#f)",
    "word " * 40,
    "antidisestablishmentarianism" * 5,
    "0123456789" * 13,
)
_ODD = (
    "",
    " leading and trailing ",
    "two  blanks   three\tand\r\nlines\n\n\nend\n",
    "\u00a0\u2003\u3000 \u200b\u200d\ufeff\u0000\u0001\u0085\ufffd",
    "e\u0301a\u0308 ﬁ ① ½ ｆｕｌｌ ㎏ \U0001f642\U0001f3fd",
    "``quoted'' \u2581 \u2581\u2581x",
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A tokenizer to export.

    Attributes:
        content: The tokenizer.json to write; None when the source's own stays.
        notes: What was done that a person should know.
    """

    content: str | None
    notes: tuple[str, ...] = ()


@contextlib.contextmanager
def tokenizer_explained(path: Path) -> Iterator[None]:
    """Turn whatever a tokenizer's file brings about into an ExportFailed; memory that is not there passes through."""
    try:
        yield
    except (ExportFailed, OutOfMemory, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except EngineError as error:
        raise ExportFailed(error.message, _DAMAGED) from error
    except BaseException as error:  # `tokenizers` raises bare exceptions, and panics of Rust that are not even that
        raise ExportFailed(f"{path} cannot be used as a tokenizer: {first_line(error)}", _DAMAGED) from error


def choose_tokenizer(
    root: Path,
    architecture: str,
    config: Mapping[str, Any],
    rows: int,
    asked: TokenizerReading = "agreed",
    *,
    lowers: bool = False,
    elsewhere: Collection[int] = (),
    known_otherwise: bool = False,
) -> Chosen:
    """The tokenizer that a transformer's folder asks for.

    Args:
        root: The folder of tokenizer.json.
        architecture: The model type.
        config: The content of config.json.
        rows: Rows of the table that ids are looked up in.
        asked: Which reading to follow.
        lowers: Whether sentence-transformers lowercases before the tokenizer does anything.
        elsewhere: Ids that the model itself replaces before it looks them up.
        known_otherwise: Whether the vectors are held against those of the source's own library, so that a class that is
            not known here need not be refused.

    Raises:
        ExportFailed: The files contradict each other, or an id has no row.
    """
    file = _described(root / TOKENIZER_FILE)
    settings = read_settings(root, config)
    kind = class_of(settings, architecture, file)
    truncation = file.get("truncation") or {}
    if truncation.get("direction") == "Left" and "truncation_side" not in settings.given:
        raise ExportFailed(
            f"{root / TOKENIZER_FILE} keeps the end of a long text (truncation, direction Left), which is not supported",
            "set `truncation` to null in that file if the beginning will do",
        )
    try:
        followed = _followed(kind, settings, file, asked, root, known_otherwise)
        fitted, dropped = with_rows(lowercased(followed[0]) if lowers else followed[0], rows, root, elsewhere)
    except ModelDamaged as error:
        raise ExportFailed(f"{root / TOKENIZER_FILE}: {error.message}", "fetch the model again") from error
    notes = [*followed[1], *dropped]
    if not dropped and _alike(fitted, file):
        return Chosen(None, tuple(notes))
    notes[:0] = _changes(file, followed[0])
    return Chosen(json.dumps({**fitted, "truncation": None, "padding": None}, ensure_ascii=False), tuple(notes))


def lowercased(described: Json) -> dict[str, Any]:
    """A tokenizer that lowercases first, as sentence-transformers makes one of it where it is asked to."""
    normalizer = described.get("normalizer")
    steps = (normalizer or {}).get("normalizers") or [normalizer] * (normalizer is not None)
    if any(step.get("type") == "Lowercase" for step in steps):
        return dict(described)
    return {**described, "normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, *steps]}}


def with_rows(
    described: Json, rows: int, root: Path, elsewhere: Collection[int] = ()
) -> tuple[dict[str, Any], list[str]]:
    """A tokenizer whose every id has a row.

    An added token beyond the table is no longer looked for: its text is read like any other.

    Raises:
        ExportFailed: A piece of the vocabulary, or a token that stands around every text, has no row.
    """
    vocabulary = contents({**described, "added_tokens": []})
    beyond = [piece for piece, number in vocabulary.items() if number >= rows]
    if beyond:
        raise ExportFailed(
            f"{root / TOKENIZER_FILE} has {len(beyond):,} pieces without a row in a table of {rows:,}: {_few(beyond)}",
            "give the weights and the tokenizer of the same model",
        )
    beyond_ids = {token["id"] for token in described["added_tokens"] if token["id"] >= rows} - {*elsewhere}
    lost = [token["content"] for token in described["added_tokens"] if token["id"] in beyond_ids]
    before, after = ends_of(described.get("post_processor"))
    names = [name for name, number in (*before, *after) if number >= rows]
    if names:
        raise ExportFailed(
            f"{root / TOKENIZER_FILE} puts {_few(names)} around every text, which has no row in a table of {rows:,}",
            "give the weights and the tokenizer of the same model",
        )
    if not lost:
        return dict(described), []
    kept = [token for token in described["added_tokens"] if token["id"] not in beyond_ids]
    plural = "s have" if len(lost) > 1 else " has"
    note = f"{len(lost)} added token{plural} no row in the model and will be read as plain text: {_few(lost)}"
    return {**described, "added_tokens": kept}, [note]


def _described(path: Path) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads(as_written(path.read_text("utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise ExportFailed(f"cannot read {path}: {error}", "fetch the model again") from error
    except ModelDamaged as error:
        raise ExportFailed(f"{path} is {error.message}", "fetch the model again") from error
    return described


def _followed(
    kind: str, settings: TokenizerSettings, file: Json, asked: TokenizerReading, root: Path, known_otherwise: bool
) -> tuple[Json, list[str]]:
    """The reading to follow, and what to say of it."""
    before = by_file(kind, settings, file)
    if asked == "file":
        return before, []
    if not is_known(kind):
        if known_otherwise:
            return before, []
        raise ExportFailed(
            f"{root / CONFIG_FILE} names {kind}Tokenizer, and Rekall does not know how that reads a text",
            "`--tokenizer file` follows tokenizer.json alone; prove it with `--reference`",
        )
    try:
        now = by_class(kind, settings, file)
    except NotItsKind as error:
        if asked == "class":
            raise ExportFailed(
                f"{root / CONFIG_FILE} cannot be followed: {error}",
                "leave `--tokenizer class` out: tokenizer.json is followed then, as transformers 4 does",
            ) from error
        note = f"tokenizer: {error}, so {TOKENIZER_FILE} alone is followed, as transformers 4 does"
        return before, [] if known_otherwise else [note]
    if asked == "class" or _same_parts(before, now):
        return now, []
    ordinary, odd = _texts(before, now), list(_ODD)
    one, other = (ids_of(json.dumps(each), [*ordinary, *odd]) for each in (before, now))
    differing = [text for text, a, b in zip(ordinary, one, other) if a != b]
    if differing and not known_otherwise:
        raise ExportFailed(
            f"{root / CONFIG_FILE} and {TOKENIZER_FILE} contradict each other in {_where(before, now, kind)}: "
            f"transformers 4 and 5 read {as_line(differing[0])[:60]!r} differently",
            _HINT,
        )
    if one != other:
        return now, [f"tokenizer: odd blanks are read as {kind}Tokenizer of transformers 5 reads them"]
    return now, []


def _where(before: Json, now: Json, kind: str) -> str:
    parts = [part for part in _PARTS if _part(before, part) != _part(now, part)]
    return f"{', '.join(parts)} ({kind if kind == 'TokenizerReadingBackend' else kind + 'Tokenizer'})"


def _part(described: Json, part: str) -> Any:
    found = described.get(part)
    if part == "model":
        return {key: value or None for key, value in described["model"].items() if key not in ("vocab", "merges")}
    if part == "added_tokens":
        return sorted(described[part], key=lambda token: int(token["id"]))
    return found


def _same_parts(one: Json, other: Json) -> bool:
    return all(_part(one, part) == _part(other, part) for part in _PARTS)


def _alike(one: Json, other: Json) -> bool:
    """Whether two tokenizers give the same ids, as far as texts show it."""
    if _same_parts(one, other):
        return True
    every = [*_texts(one, other), *_ODD]
    return ids_of(json.dumps(one), every) == ids_of(json.dumps(other), every)


def _texts(one: Json, other: Json) -> list[str]:
    """Texts to compare two tokenizers on: ordinary ones, every added token, a sample of the pieces."""
    both = (*one["added_tokens"], *other["added_tokens"])
    added = list(dict.fromkeys(token["content"] for token in both))[:_SAMPLE]
    pieces = sorted(contents(one))
    sample = pieces[:: max(1, len(pieces) // _SAMPLE)]
    texts = [text for text in PROBE_TEXTS if text.strip()] + list(_ORDINARY)
    texts += [f"a {token} b{token.upper()}c" for token in added]
    return texts + [" ".join(sample[start : start + 50]) for start in range(0, len(sample), 50)]


def _changes(file: Json, chosen: Json) -> list[str]:
    """What is exported otherwise than tokenizer.json says."""
    parts = [part for part in _PARTS if _part(file, part) != _part(chosen, part)]
    one, other = file.get("normalizer") or {}, chosen.get("normalizer") or {}
    flags = [
        f"{key} {json.dumps(other[key])}" for key in other if key != "type" and key in one and one[key] != other[key]
    ]
    said = ", ".join(flags) if flags and parts == ["normalizer"] else ", ".join(parts)
    return [f"tokenizer: {CONFIG_FILE} changes {TOKENIZER_FILE}: {said}"] if parts else []


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(as_line(repr(name)) for name in names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED:,} more" if len(names) > _NAMED else shown
