"""The shapes of what `rekall base`, `share` and `take` answer; see `shapes`."""

from __future__ import annotations

from rekall.knowledge.shapes import Answer, Member, shape

_NAME = Member("text", "What it is called here.")
_LOCATION = Member("text", "Where it lies, without a password.")
_MADE = Member("list of text", "What was done.")

OF_OTHER_BASES = (
    shape(
        "NamedBase",
        "A base that has a name.",
        name=_NAME,
        location=_LOCATION,
        read_only=("flag", "Whether nothing is changed in it from here."),
        in_use=("flag", "Whether commands work with it."),
    ),
    shape(
        "AskedBase",
        "A base that was asked beside another one.",
        name=_NAME,
        hits=("whole or null", "How many hits it had; null where it did not answer."),
        reason=("text or null", "Why it did not, or what to know about its answer."),
    ),
    shape(
        "CopiedEntry",
        "An entry that was copied to another base, or brought up to date there.",
        id=("text", "Its id, the same in both bases."),
        title=("text", "Its title."),
        what=("text", "added, changed or same (it says all of it already)."),
        fields=("list of text", "The fields that changed."),
        ahead=(
            "list of text",
            "Fields in which the base that was given it has changes of its own, which can be copied back.",
        ),
        left_links=("whole", "Links that were left out since their other ends are not there."),
        kept_as=("text or null", "The id of the entry that keeps what the other side said in a conflict."),
        conflicts=("list of text", "Fields that both changed in the same place; the exit code is 8 if there is any."),
        was_deleted=("flag", "Whether it had been copied before, and was deleted since where it is now again."),
    ),
    shape(
        "LookedAtBase",
        "What a look at a base found.",
        name=_NAME,
        answers=("flag", "Whether it answers; the exit code is 5 if one does not."),
        entries=("whole or null", "How many entries it has; null where it does not answer."),
        model=("text or null", "The model of its vectors; null before it has any."),
        same_model=("flag", "Whether your own base has vectors of that very model, so that meanings compare."),
        wants_rebuild=("flag", "Whether `index rebuild --vectors` there would make searches by meaning faster."),
        problem=("text or null", "Why it does not answer."),
        took_s=("number", "Seconds until it answered."),
    ),
)

OTHER_BASES_ANSWERS = (
    shape(
        "BaseNamed", "A base that got a name.", base=("NamedBase", "It."), entries=("whole", "How many entries it has.")
    ),
    shape("NamedBases", "Your own base and those that have a name.", bases=("list of NamedBase", "One each.")),
    shape("BaseInUse", "The base that commands work with from now on.", in_use=_NAME),
    shape("BaseForgotten", "A name that was forgotten.", forgotten=("text", "The name."), location=_LOCATION),
    shape("BasesLookedAt", "What a look at bases found.", bases=("list of LookedAtBase", "One each.")),
    shape(
        "CopiedAll",
        "What copying did.",
        dry_run=("flag", "Whether it only says what would happen."),
        copied=("list of CopiedEntry", "One each."),
        refused=("list of Refused", "What was left alone, and why; the exit code is 4 if there is any."),
    ),
    shape(
        "BaseMade",
        "A base that was made.",
        location=_LOCATION,
        made=_MADE,
        to_do=("list of text", "Statements that an administrator of the server has to run once."),
    ),
)

OTHER_BASES_COMMANDS = (
    Answer("base add", "BaseNamed"),
    Answer("base list", "NamedBases"),
    Answer("base use", "BaseInUse"),
    Answer("base check", "BasesLookedAt"),
    Answer("base remove", "BaseForgotten"),
    Answer("base init", "BaseMade"),
    Answer("share", "CopiedAll"),
    Answer("take", "CopiedAll"),
)
