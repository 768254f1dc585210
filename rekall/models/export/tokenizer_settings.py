"""What the files beside a tokenizer.json say about it: tokenizer_config.json, special_tokens_map.json, added_tokens.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.engine.card import TOKENIZER_FILE
from rekall.models.export.modules import read_json

CONFIG_FILE = "tokenizer_config.json"
ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
"""In the order in which transformers adds them to a vocabulary that lacks them."""

MEND = "mend that file, or fetch the model again"

_FLAGS = ("lstrip", "rstrip", "single_word", "normalized", "special")
_MOST_TOKENS = 100_000


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is found in a text before it is taken apart; see `tokenizers.AddedToken`.

    Attributes:
        normalized: Whether it is looked for in the normalised text; by default, if it is not special.
    """

    content: str
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False
    normalized: bool | None = None
    special: bool = False

    @classmethod
    def plain(cls, content: str) -> Token:
        """A special token of which only the text is given."""
        return cls(content, special=True)

    def arguments(self) -> dict[str, Any]:
        """What `tokenizers.AddedToken` takes, every flag decided."""
        normalized = not self.special if self.normalized is None else self.normalized
        return {**asdict(self), "normalized": normalized}


@dataclass(frozen=True, slots=True)
class TokenizerSettings:
    """What transformers passes to the class of a tokenizer.

    Attributes:
        given: The content of tokenizer_config.json, with what special_tokens_map.json adds.
        declared: The class that it names, without "Fast"; empty for none.
        added: Tokens by their id, as a slow tokenizer had them.
        named: Special tokens by their role; a role that is not given has the default of the class.
        extra: Special tokens without a role; None when nothing is said of them.
        model_tokens: Special tokens whose role only this model has.
    """

    given: Mapping[str, Any]
    declared: str
    added: Mapping[int, Token]
    named: Mapping[str, str | Token]
    extra: tuple[str | Token, ...] | None
    model_tokens: Mapping[str, str | Token]

    def flag(self, key: str, default: bool) -> bool:
        """A setting that is true or false."""
        value = self.given.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise ExportFailed(f"{CONFIG_FILE} has `{key}` {value!r}, which is neither true nor false", MEND)
        return value


def read_settings(root: Path, config: Mapping[str, Any]) -> TokenizerSettings:
    """Read the files beside a tokenizer.json as transformers 5 reads them.

    Args:
        root: Their folder.
        config: The content of the model's config.json, which may name a class.

    Raises:
        ExportFailed: A file is malformed.
    """
    given = _read(root / CONFIG_FILE)
    declared = given.get("tokenizer_class") or config.get("tokenizer_class") or ""
    if not isinstance(declared, str):
        raise ExportFailed(f"{root / CONFIG_FILE} names a class that is not text: {declared!r}", MEND)
    others = given.get("fast_tokenizer_files") or []
    if not isinstance(others, list) or any(name != TOKENIZER_FILE for name in others):
        raise ExportFailed(
            f"{root / CONFIG_FILE} has `fast_tokenizer_files`, tokenizers of several versions: {others!r}",
            f"keep {TOKENIZER_FILE} alone, and remove `fast_tokenizer_files`",
        )
    if "additional_special_tokens" in given and not given.get("extra_special_tokens"):
        given["extra_special_tokens"] = given.pop("additional_special_tokens")
    if "added_tokens_decoder" in given:
        added = _by_id(given["added_tokens_decoder"], root / CONFIG_FILE)
    else:
        given = _merged(given, _read(root / "special_tokens_map.json"))
        added = {
            **_added_by_name(root / "added_tokens.json", given),
            **_listed(read_json(root / TOKENIZER_FILE).get("added_tokens"), root / TOKENIZER_FILE),
        }
    added = dict(sorted(added.items()))
    known = {token.content: token for token in added.values()}
    named: dict[str, str | Token] = {}
    model_tokens: dict[str, str | Token] = {}
    for key, value in given.items():
        if key in ROLES and value is not None:
            token = _token(value, key)
            named[key] = known.get(_content(token), token)
        elif key.endswith("_token") and isinstance(value, (str, dict)):
            model_tokens[key] = _token(value, key)
    if isinstance(given.get("extra_special_tokens"), dict):
        others = given.pop("extra_special_tokens")
        model_tokens |= {str(key): _token(value, str(key)) for key, value in others.items()}
    extra = given.get("extra_special_tokens", given.get("additional_special_tokens"))
    if extra is not None and not isinstance(extra, list):
        raise ExportFailed(
            f"{root / CONFIG_FILE} has `extra_special_tokens` (or `additional_special_tokens`) that are no list: {extra!r}",
            MEND,
        )
    listed = None if extra is None else tuple(_token(value, "extra_special_tokens") for value in extra)
    return TokenizerSettings(given, declared.removesuffix("Fast"), added, named, listed, model_tokens)


def _content(token: str | Token) -> str:
    return token if isinstance(token, str) else token.content


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(path) if path.is_file() else {}
    return dict(found)


def _merged(given: dict[str, Any], mapped: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with those of a special_tokens_map.json, which come later and win, but for lists, which join."""
    first, second = given.get("extra_special_tokens"), mapped.get("extra_special_tokens")
    if not isinstance(first, list) or not isinstance(second, list):
        return {**given, **mapped}
    return {**given, **mapped, "extra_special_tokens": [*first, *(token for token in second if token not in first)]}


def _token(value: Any, where: str) -> str | Token:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not isinstance(value.get("content"), str):
        raise ExportFailed(f"{CONFIG_FILE} gives a token that is no text: `{where}` is {value!r}", MEND)
    flags = {flag: value[flag] for flag in _FLAGS if isinstance(value.get(flag), bool)}
    return Token(value["content"], **flags)


def _by_id(listed: Any, path: Path) -> dict[int, Token]:
    if not isinstance(listed, dict) or len(listed) > _MOST_TOKENS:
        raise ExportFailed(f"{path} has `added_tokens_decoder` that is no table of tokens", MEND)
    found = {}
    for number, value in listed.items():
        token = _token(value, "added_tokens_decoder")
        if not str(number).isdecimal() or isinstance(token, str):
            raise ExportFailed(f"{path} has `added_tokens_decoder` with {number!r}: {value!r}", MEND)
        found[int(number)] = token
    return found


def _listed(listed: Any, path: Path) -> dict[int, Token]:
    """The added tokens of a tokenizer.json."""
    if listed is None:
        return {}
    if not isinstance(listed, list) or len(listed) > _MOST_TOKENS:
        raise ExportFailed(f"{path} has `added_tokens` that are no list", MEND)
    found = {}
    for value in listed:
        token = _token(value, "added_tokens")
        number = value.get("id") if isinstance(value, dict) else None
        if isinstance(token, str) or not isinstance(number, int):
            raise ExportFailed(f"{path} has an added token without an id: {value!r}", MEND)
        found[number] = token
    return found


def _added_by_name(path: Path, given: Mapping[str, Any]) -> dict[int, Token]:
    """The tokens of an added_tokens.json: their ids by their texts."""
    special = {_content(_token(given[role], role)) for role in ROLES if given.get(role)}
    found = {}
    for content, number in _read(path).items():
        if not isinstance(number, int):
            raise ExportFailed(f"{path} gives no id for {content!r}: {number!r}", MEND)
        found[number] = Token(content, normalized=content not in special, special=content in special)
    return found
