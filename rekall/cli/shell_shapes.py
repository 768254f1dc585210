"""The shapes of what `doctor`, `tags`, `projects` and `config unset` answer; see `shapes`."""

from __future__ import annotations

from rekall.knowledge.shapes import Answer, shape

OF_SHELL = (
    shape(
        "Look",
        "One line of the page.",
        topic=("text", "What was looked at: version, settings, base, model, editor, completion, assistants, and more."),
        level=("text", "good, warn (it works, and could be better) or bad."),
        text=("text", "What was seen."),
        hint=("text or null", "What to type."),
    ),
    shape(
        "SavedSearch",
        "A search that was saved.",
        name=("text", "What it is called, without the @."),
        line=("text", "The query."),
    ),
    shape(
        "Named",
        "A name and how often it is there.",
        name=("text", "It."),
        entries=("whole", "How many entries have it."),
    ),
)
"""What is in the answers."""

SHELL_ANSWERS = (
    shape(
        "Doctored",
        "How everything is.",
        ok=("flag", "Whether no line is bad."),
        bad=("whole", "How many lines are bad."),
        warn=("whole", "How many lines are warnings."),
        lines=("list of Look", "Everything that was looked at, in the order of the page."),
    ),
    shape("Tags", "The tags that entries have.", tags=("list of Named", "The commonest first, or by name.")),
    shape(
        "Projects", "The projects that entries belong to.", projects=("list of Named", "The largest first, or by name.")
    ),
    shape(
        "Changed",
        "What a change of many entries did.",
        changed=("whole", "How many entries are different now."),
        would_change=("whole or null", "With `--dry-run`, how many would be; else null."),
    ),
    shape(
        "SearchKept",
        "A search that was saved or forgotten.",
        name=("text", "What it is called, without the @."),
        line=("text or null", "The query that is kept; null if it was forgotten."),
        before=("text or null", "The query that the name stood for before."),
    ),
    shape("SavedSearches", "The saved searches.", searches=("list of SavedSearch", "In the order of the config file.")),
    shape(
        "Unset",
        "A setting that is back at its default.",
        key=("text", "The setting."),
        was_set=("flag", "Whether the config file had it."),
        value=("text or number or null", "Its value now; null where no setting has that key."),
        origin=("text", "Where the value comes from: default, or the environment variable."),
    ),
)

SHELL_COMMANDS = (
    Answer("search --save", "SearchKept"),
    Answer("search --forget", "SearchKept"),
    Answer("search --saved", "SavedSearches"),
    Answer("doctor", "Doctored"),
    Answer("tags", "Tags"),
    Answer("tags list", "Tags"),
    Answer("tags rename", "Changed"),
    Answer("tags merge", "Changed"),
    Answer("tags remove", "Changed"),
    Answer("projects", "Projects"),
    Answer("projects list", "Projects"),
    Answer("projects rename", "Changed"),
    Answer("config unset", "Unset"),
)
"""Which command answers what."""
