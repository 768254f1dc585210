"""What happens when a key or token is about to be stored: it is said, masked, refused, or nobody looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from rekall.entry.fields import Draft
from rekall.errors import InvalidInput

if TYPE_CHECKING:  # a search needs none of it
    from rekall.entry.secrets import Secret

_NAMED = 3
"""Secrets that a message names; the rest are counted."""


class OnSecrets(str, Enum):
    """The setting `capture.secrets`."""

    WARN = "warn"
    REFUSE = "refuse"
    MASK = "mask"
    OFF = "off"


class Capture:
    """Looks at everything before it is stored; the one place that decides about secrets."""

    def __init__(self, on_secrets: OnSecrets = OnSecrets.WARN) -> None:
        """Decide so."""
        self.on_secrets = on_secrets

    @property
    def is_looking(self) -> bool:
        """Whether anybody looks for secrets."""
        return self.on_secrets is not OnSecrets.OFF

    def looked_at(self, draft: Draft, before: Draft | None = None) -> tuple[Draft, tuple[Secret, ...]]:
        """A draft as it may be stored, and what in it looks like a secret.

        Args:
            draft: What is to be stored.
            before: What it says now: what looked like a secret there before is nothing new.

        Raises:
            InvalidInput: There is a secret, and such are refused; no part of it is told.
        """
        if not self.is_looking:
            return draft, ()
        from rekall.entry import rules, secrets

        found = secrets.found_in(draft)
        if found and before is not None and self.on_secrets is not OnSecrets.MASK:
            found = secrets.found_in(draft, secrets.said_in(before))
        if not found:
            return draft, ()
        if self.on_secrets is OnSecrets.REFUSE:
            raise InvalidInput(
                f"it holds what looks like a secret: {_named(found)}",
                "take it out; or `rekall --set capture.secrets=warn …` stores it all the same, and `=mask` without it",
            )
        if self.on_secrets is OnSecrets.MASK:
            draft = rules.checked(secrets.masked_draft(draft))
            found = tuple(replace(each, is_masked=True) for each in found)
        return draft, found

    def text(self, text: str) -> str:
        """A line that belongs to no entry, such as the reason of a link, as it may be stored.

        Raises:
            InvalidInput: It holds a secret, and such are refused.
        """
        if self.on_secrets in (OnSecrets.OFF, OnSecrets.WARN) or not text:
            return text
        from rekall.entry import secrets

        masked = secrets.masked(text)
        if masked != text and self.on_secrets is OnSecrets.REFUSE:
            raise InvalidInput("it holds what looks like a secret", "take it out, or set capture.secrets to warn")
        return masked


def about_secrets(found: Sequence[Secret]) -> str:
    """What a person is told of secrets in what was just stored; never what they are."""
    if found[0].is_masked:
        return f"masked before it was stored, because it looks like a secret: {_named(found)}"
    return (
        f"stored, and it holds what looks like a secret: {_named(found)}; "
        "edit the entry to take it out, and `rekall history ENTRY --forget` wipes what it said before; "
        "or set capture.secrets to mask or refuse"
    )


def _named(found: Sequence[Secret]) -> str:
    named = "; ".join(map(str, found[:_NAMED]))
    return f"{named}; and {len(found) - _NAMED} more" if len(found) > _NAMED else named
