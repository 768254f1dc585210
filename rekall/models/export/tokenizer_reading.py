"""The tokenizer.json of a model as transformers reads it: by its own content alone, or rebuilt by its class."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.engine.tokenizer import with_added
from rekall.models.export.tokenizer_classes import (
    CLASSES,
    GENERIC,
    bert_normalizer,
    built,
    named_tokens,
)
from rekall.models.export.tokenizer_settings import CONFIG_FILE, MEND, Token, TokenizerSettings

Json = Mapping[str, Any]

_BERTS = ("Bert", "MPNet")
_BEGIN_AND_END = ("Llama", "Gemma", GENERIC, "Qwen2", "GPT2", "GPTNeoX")
"""Classes that heed `add_bos_token` and `add_eos_token`, or whose users may expect that."""


def by_file(kind: str, settings: TokenizerSettings, file: Json) -> dict[str, Any]:
    """A tokenizer by its file, with the few settings that transformers 4 applied to one.

    Args:
        kind: Its class, see `class_of`.
        settings: What stands beside it.
        file: Its content as the library writes it.
    """
    changed = dict(file)
    normalizer = file.get("normalizer") or {}
    if kind in _BERTS and normalizer.get("type") == "BertNormalizer":
        changed["normalizer"] = {**bert_normalizer(settings), "clean_text": normalizer.get("clean_text", True)}
    if kind in ("Roberta", "GPT2") or "add_prefix_space" in settings.given:
        changed["pre_tokenizer"] = _prefixed(file.get("pre_tokenizer"), settings.flag("add_prefix_space", False), kind)
    changed = _with_all(changed, _tokens(kind, settings, file))
    if kind in _BEGIN_AND_END:
        changed["post_processor"] = _begun_and_ended(kind, settings, changed)
    return _split(settings, changed)


def by_class(kind: str, settings: TokenizerSettings, file: Json) -> dict[str, Any]:
    """A tokenizer as its class in transformers 5 builds it from the vocabulary of a file; see `by_file`.

    Raises:
        NotItsKind: The file holds a vocabulary of another kind.
    """
    if kind not in CLASSES:
        return _split(settings, _with_all(file, _tokens(kind, settings, file)))
    made = built(kind, settings, file)
    bare = {
        **file,
        "added_tokens": [],
        "normalizer": made.normalizer,
        "pre_tokenizer": made.pre_tokenizer,
        "model": {**file["model"], **made.model},
    }
    tokens = _tokens(kind, settings, file, made.extra)
    if kind == "Qwen2":
        special = [token.content for token in named_tokens(kind, settings).values()]
        special += [token if isinstance(token, str) else token.content for token in settings.extra or ()]
        tokens += map(Token.plain, special)
    changed = _with_all(bare, tokens)
    if made.around is not None:
        named = named_tokens(kind, settings)
        missing = [role for roles in made.around for role in roles if role not in named]
        if missing:
            raise ExportFailed(
                f"{CONFIG_FILE} has `{missing[0]}` null, which {kind}Tokenizer puts around every text", MEND
            )
        before, after = ([named[role].content for role in roles] for roles in made.around)
        around = _around(before, after, changed)
        if ends_of(file.get("post_processor")) != ends_of(around):
            changed["post_processor"] = around
    return _split(settings, changed)


def contents(described: Json) -> dict[str, int]:
    """The id of every token, pieces of the model and added ones."""
    vocabulary = described["model"]["vocab"]
    found = (
        dict(vocabulary)
        if isinstance(vocabulary, dict)
        else {str(piece[0]): row for row, piece in enumerate(vocabulary)}
    )
    return found | {token["content"]: token["id"] for token in described["added_tokens"]}


def _tokens(kind: str, settings: TokenizerSettings, file: Json, extra: Sequence[str] = ()) -> list[Token]:
    """The tokens to add, in order; of two with the same text the later one's flags count."""
    named = named_tokens(kind, settings)
    names = {token.content for token in named.values()}
    tokens = [replace(token, special=True) if token.content in names else token for token in settings.added.values()]
    known = {token.content for token in tokens}
    if kind == GENERIC:
        known |= {token["content"] for token in file["added_tokens"]}
    listed = extra if settings.extra is None else settings.extra
    if kind == "T5" and settings.extra is not None and "extra_special_tokens" not in settings.given:
        listed = [*listed, *extra]  # those of a special_tokens_map.json come too late to replace them
    further = [Token.plain(token) if isinstance(token, str) else token for token in listed]
    return [*tokens, *(token for token in (*named.values(), *further) if token.content not in known)]


def _with_all(described: Json, tokens: Sequence[Token]) -> dict[str, Any]:
    """A tokenizer with some tokens added as the library adds them: known ones keep their ids and get these flags."""
    there = {token["content"]: {**token, "id": None} for token in described["added_tokens"]}
    if all(there.get(token.content) == {**token.arguments(), "id": None} for token in tokens):
        return dict(described)
    added = [token.arguments() for token in tokens if token.content]
    changed: dict[str, Any] = json.loads(with_added(json.dumps(described), added))
    return changed


def _prefixed(part: Json | None, prefix: bool, kind: str) -> Json | None:
    """A pre-tokenizer that puts a blank before a text, or does not, where the class heeds that."""
    if part is None or part.get("type") not in ("ByteLevel", "Metaspace"):
        return part
    if part["type"] == "ByteLevel":
        return {**part, "add_prefix_space": prefix}
    return part


def _begun_and_ended(kind: str, settings: TokenizerSettings, described: Json) -> Json | None:
    """The post-processor with the tokens that `add_bos_token` and `add_eos_token` ask for."""
    asked = {name: settings.given.get(f"add_{name}_token") for name in ("bos", "eos")}
    if not any(isinstance(value, bool) for value in asked.values()):
        return described.get("post_processor")
    named = named_tokens(kind, settings)
    has = tuple([name for name, _ in end] for end in ends_of(described.get("post_processor")))
    strict = kind in ("Llama", "Gemma")
    default = {"bos": strict, "eos": False}
    wanted = {}
    for name, ends in (("bos", has[0]), ("eos", has[1])):
        token = named.get(f"{name}_token")
        if asked[name] is None and not strict:
            wanted[name] = ends
        elif asked[name] or (asked[name] is None and default[name]):
            wanted[name] = ends if token is None or token.content in ends else [*ends, token.content]
        else:
            wanted[name] = [] if strict else ends
    if (wanted["bos"], wanted["eos"]) == has:
        return described.get("post_processor")
    return _around(wanted["bos"], wanted["eos"], described)


def ends_of(post: Json | None) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """The special tokens, with their ids, that a post-processor puts before and after a text."""
    before: list[tuple[str, int]] = []
    after: list[tuple[str, int]] = []
    for part in post.get("processors", [post]) if post else []:
        if part.get("type") in ("RobertaProcessing", "BertProcessing"):
            (first, opening), (last, closing) = part["cls"], part["sep"]
            before, after = [(first, opening), *before], [*after, (last, closing)]
        elif part.get("type") == "TemplateProcessing":
            ends: tuple[list[tuple[str, int]], list[tuple[str, int]]] = ([], [])
            seen = 0
            for piece in part["single"]:
                if "Sequence" in piece:
                    seen = 1
                else:
                    name = piece["SpecialToken"]["id"]
                    ends[seen].extend((name, number) for number in part["special_tokens"][name]["ids"])
            before, after = [*ends[0], *before], [*after, *ends[1]]
    return before, after


def _around(before: Sequence[str], after: Sequence[str], described: Json) -> dict[str, Any] | None:
    """A post-processor that puts special tokens before and after a text."""
    if not before and not after:
        return None
    ids = contents(described)
    special = {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in (*before, *after)}
    first, last = ([{"SpecialToken": {"id": name, "type_id": 0}} for name in names] for names in (before, after))
    text = [{"Sequence": {"id": "A", "type_id": 0}}]
    other = [{"Sequence": {"id": "B", "type_id": 0}}]
    single = [*first, *text, *last]
    return {"type": "TemplateProcessing", "single": single, "pair": [*single, *other], "special_tokens": special}


def _split(settings: TokenizerSettings, described: dict[str, Any]) -> dict[str, Any]:
    """With `split_special_tokens`, special tokens in a text are read like any other text."""
    if not settings.flag("split_special_tokens", False):
        return described
    kept = [token for token in described["added_tokens"] if not token["special"]]
    changed = {**described, "added_tokens": kept}
    vocabulary = contents({**described, "added_tokens": []})
    behind = [token["id"] for token in kept if token["content"] not in vocabulary]
    if behind != list(range(len(vocabulary), len(vocabulary) + len(behind))):
        raise ExportFailed(
            f"{CONFIG_FILE} has `split_special_tokens`, which cannot be written for tokens outside the vocabulary",
            "remove the key if no text of yours holds special tokens",
        )
    return changed
