"""The table of commands: where each lives, what the help says of it, how people call it, and how it may end."""

from __future__ import annotations

EXIT_CODES = (
    (
        0,
        "success, also when a search finds nothing, or nothing close, and when a change took effect though its answer "
        "could not be written: stderr says so",
    ),
    (1, "an unexpected error, or nothing was written in the editor that `add` opened"),
    (2, "a mistake in the command line"),
    (3, "no such entry, setting or path, or an ambiguous id"),
    (4, "invalid input: a text, file or value that cannot be accepted, or part of an import was refused"),
    (
        5,
        "the database cannot be used: locked, read-only, damaged, not Rekall's, too new, or the disk is full; `check` found a problem; or the answer of a command that changes nothing could not be written",
    ),
    (6, "the embedding model cannot be used or exported"),
    (7, "an import found entries that were changed here and in their file; both versions are kept"),
    (8, "a sync found entries that were changed here and there in the same place; both versions are kept"),
    (
        9,
        "git could not do its part of a sync: it is not installed, refuses the state of the repository, or cannot reach its remote; what was done here is committed and stays",
    ),
    (129, "the terminal was closed (SIGHUP); what was under way is undone"),
    (130, "interrupted, or a confirmation answered with no"),
    (143, "told to end (SIGTERM); what was under way is undone"),
)

COMMANDS = {
    "add": "add:add",
    "today": "today:today",
    "search": "search:search",
    "show": "show:show",
    "edit": "edit:edit",
    "delete": "entries:delete",
    "restore": "entries:restore",
    "undo": "undo:undo",
    "history": "history:history",
    "diff": "diff:diff",
    "list": "listing:list_entries",
    "pick": "pick:pick",
    "link": "entries:link",
    "conflicts": "conflicts:conflicts",
    "merge": "merge:merge",
    "supersede": "merge:supersede",
    "review": "review:review",
    "stale": "stale:stale",
    "related": "related:related",
    "graph": "graph:graph",
    "suggest": "suggest:suggest",
    "generalize": "generalize:generalize",
    "similar": "search:similar",
    "tags": "tags:tags",
    "projects": "tags:projects",
    "tui": "tui:tui",
    "import": "importing:import_files",
    "export": "export:export",
    "sync": "sync:sync",
    "base": "base:base",
    "share": "sharing:share",
    "take": "sharing:take",
    "stats": "stats:stats",
    "check": "check:check",
    "doctor": "doctor:doctor",
    "backup": "backup:backup",
    "restore-base": "backup:restore_base",
    "index": "index:index",
    "model": "model:model",
    "bench": "bench:bench",
    "embed": "embed:embed",
    "mcp": "mcp:mcp",
    "hook": "hook:hook",
    "config": "config:config",
    "init": "init:init",
    "help": "help:show_help",
    "version": "stats:version",
}
"""Commands in the order of the help, and where each lives; only the one called is imported."""


SUMMARIES = {
    "add": "Write down an entry.",
    "today": "Add a line to the note of the day; without one, open it.",
    "search": "Find entries by word, by meaning, or both.",
    "show": "Show entries in full; without a name, choose one.",
    "edit": "Change entries, with options or in the editor; without a name, choose one.",
    "delete": "Delete entries, after asking once.",
    "restore": "Bring back deleted entries, or earlier versions; list what was deleted.",
    "undo": "Undo what was done last as a whole: an edit, a deletion, an import.",
    "history": "List what was done, or the versions of an entry.",
    "diff": "Show what differs between versions of an entry.",
    "list": "List entries, most recently changed first.",
    "pick": "Choose an entry on the terminal, and print its id or its text.",
    "link": "Link one entry to another.",
    "conflicts": "Find entries that contradict or repeat each other.",
    "merge": "Make one entry of two.",
    "supersede": "Let one entry replace another.",
    "review": "Ask of entries whether they still hold; those come first that probably do not.",
    "stale": "List entries that seem to hold no longer, with the reasons, the worst first.",
    "related": "List what is linked with an entry, up to N steps away, and what is near it in meaning and not linked.",
    "graph": "Draw what is linked around an entry as a tree, or write a base as a page to wander in.",
    "suggest": "List links worth making: entries that name each other, or are near in meaning, and are not linked.",
    "generalize": "Draft a pattern from several entries, in the editor; without entries, list groups that are worth one.",
    "similar": "Find entries close in meaning to an entry or a text.",
    "tags": "List tags with their counts; rename, merge or remove them.",
    "projects": "List projects with their counts; rename them.",
    "tui": "Open the terminal UI, as plain `rekall` does.",
    "import": "Import notes: Markdown, JSON, Org, text, and what other tools export.",
    "export": "Write entries out: JSON, Markdown, an Obsidian vault, or a page to read and search.",
    "sync": "Make the base and a folder of notes the same, whoever changed what.",
    "base": "Name bases beside your own: a team's PostgreSQL, a second folder.",
    "share": "Copy entries of your own to another base, or what changed in them since.",
    "take": "Copy entries of another base to your own, or what changed in them since.",
    "stats": "Show what the base holds and how large it is.",
    "check": "Look at everything in the base, and mend what is wrong.",
    "doctor": "Say how everything is, and what to type where it is not well.",
    "backup": "Copy the whole base into one file, while it is in use.",
    "restore-base": "Put a backup in the place of the base.",
    "index": "Show the indexes, or rebuild them.",
    "model": "List, get, measure and switch embedding models.",
    "bench": "Measure what searches find, and what they cost on this machine.",
    "embed": "Turn texts into vectors, one per text, in order.",
    "mcp": "Serve AI assistants over the Model Context Protocol until they disconnect.",
    "hook": "Give an assistant your notes when it needs them, without being asked.",
    "config": "Show and change settings.",
    "init": "Print what your shell needs: completion, and a key that searches.",
    "help": "Explain a command or a topic, such as query, names, dates, types.",
    "version": "Show the versions of Rekall and its dependencies.",
}
"""What `rekall --help` says about each, without importing it."""

ALIASES = {"ls": "list", "rm": "delete", "find": "search", "new": "add"}
"""What people type who come from elsewhere; `rekall help` names them, the list of commands does not."""

OF_ONES_OWN = frozenset(
    (
        "backup",
        "restore-base",
        "check",
        "doctor",
        "base",
        "share",
        "take",
        "hook",
        "config",
        "init",
        "model",
        "embed",
        "bench",
    )
)
"""Commands that work with one's own base whatever `-b` says, or with none."""

STAYS_OWN = frozenset(("backup", "restore-base", "check", "doctor", "model", "embed", "bench"))
"""Those of them that look into a base: one's own, whichever base is in use."""

EARLIER = {
    "deprecate": "earlier:deprecate",
    "unlink": "earlier:unlink",
    "browse": "earlier:browse",
    "info": "stats:stats",
    "mcp-server": "mcp:mcp",
}
"""Verbs of the original Rekall that still do the thing. The help leaves them out."""

COMPLETE, INSERT, SCREEN = "__complete", "__insert", "__screen"
ASKED = (COMPLETE, INSERT, SCREEN)
"""The first argument of a command line by which the scripts of `rekall init` ask."""
