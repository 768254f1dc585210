"""The shapes of what commands and tools answer, as data: docs/json.md is written from them.

No door imports this while it answers: it only states what is promised.
"""

from __future__ import annotations

from rekall.cli.base_shapes import BASE_ANSWERS, BASE_COMMANDS, OF_BASES
from rekall.cli.beside_shapes import OF_OTHER_BASES, OTHER_BASES_ANSWERS, OTHER_BASES_COMMANDS
from rekall.cli.conflict_shapes import CONFLICT_ANSWERS, CONFLICT_COMMANDS, OF_CONFLICTS
from rekall.cli.exchange_shapes import OF_EXCHANGE
from rekall.cli.graph_shapes import GRAPH_ANSWERS, GRAPH_COMMANDS, OF_GRAPHS
from rekall.cli.history_shapes import HISTORY_ANSWERS, HISTORY_COMMANDS, OF_HISTORY
from rekall.cli.hook_shapes import HOOK_ANSWERS, HOOK_COMMANDS, OF_HOOKS
from rekall.cli.index_shapes import OF_INDEX
from rekall.cli.model_shapes import MODEL_ANSWERS, OF_MODELS
from rekall.cli.review_shapes import OF_REVIEW, REVIEW_ANSWERS, REVIEW_COMMANDS
from rekall.cli.shell_shapes import OF_SHELL, SHELL_ANSWERS, SHELL_COMMANDS
from rekall.cli.sync_shapes import OF_SYNC, SYNC_ANSWERS, SYNC_COMMANDS
from rekall.knowledge.shapes import NOTHING_CLOSE, SECRETS, WARNING, Answer, Member, shape

_KEY = Member("text", "The setting.")
_VALUE = Member("text or number", "Its value.")
_ORIGIN = Member("text", "Where the value comes from: default, file, flag (`--set`), or the environment variable.")
_CLIENT = Member("text", "The name of the client.")
_CLIENT_PATH = Member("text or null", "The file that it reads; null where no other program writes it.")

_OF_COMMANDS = (
    *OF_EXCHANGE,
    *OF_SYNC,
    *OF_BASES,
    *OF_OTHER_BASES,
    *OF_INDEX,
    *OF_SHELL,
    *OF_HOOKS,
    *OF_HISTORY,
    *OF_REVIEW,
    *OF_GRAPHS,
    *OF_CONFLICTS,
    shape(
        "Database",
        "The file that holds everything.",
        path=("text", "Its path."),
        bytes=("whole", "Its size."),
    ),
    shape(
        "Memory",
        "Resident memory, in bytes.",
        before_bytes=("whole", "Before the model was needed."),
        loaded_bytes=("whole", "With the model loaded."),
        child_bytes=("whole", "The engine's own process at that time; 0 where there is none."),
        dropped_bytes=("whole", "After the model was dropped."),
        peak_bytes=("whole", "The peak."),
        problem=("text or null", "Why there is no model."),
        served=("Memory", "The same in a server, whose engine is a process of its own.", "in the outer one"),
    ),
    *OF_MODELS,
    shape(
        "ModeQuality",
        "What one mode found, and what it took in a process of its own.",
        mode=("text", "What it searched by: words, meaning or hybrid."),
        first_hit=("number", "Share of queries whose first hit is right."),
        recall=("number", "Share of the right answers among the first ten hits."),
        ndcg=("number", "nDCG@10: the same with the order in mind."),
        mrr=("number", "One over the place of the first right answer among the first ten, in the mean."),
        query_s=("number", "Median seconds of a search."),
        peak_bytes=("whole", "Peak memory of that process."),
    ),
    shape(
        "Setting",
        "A setting.",
        key=_KEY,
        value=_VALUE,
        origin=_ORIGIN,
        default=("text or number", "Its value when nothing sets it."),
        doc=("text", "What it is for."),
    ),
    shape(
        "Client",
        "An assistant that can use Rekall.",
        name=_CLIENT,
        title=("text", "Its full name."),
        path=_CLIENT_PATH,
        installed=("flag", "Whether it seems to be on this machine."),
        state=("text", '"configured", "missing" (its command is gone), "not configured", "unreadable" or "by hand".'),
        command=("text or null", "What it starts as Rekall, or the address it asks."),
    ),
)
"""Shapes that only commands use."""

_ANSWERS = (
    shape(
        "Saved",
        "An entry as it is stored now.",
        entry=("Entry or null", "The entry; null if nothing was written in the editor."),
        warning=WARNING,
        secrets=SECRETS,
        alike=("list of Summary", "Entries that say nearly the same, or the opposite.", "of `add`"),
        conflicts=("list of MayContradict", "Those that it may contradict.", "of `add`"),
    ),
    shape("SeveralAdded", "Entries that were added.", added=("list of Saved", "One each.")),
    shape("SeveralChanged", "Entries that were changed.", changed=("list of Saved", "Those that are different now.")),
    shape("Shown", "One entry.", entry=("Entry", "The entry.")),
    shape(
        "SeveralShown", "Entries, where several were named.", entries=("list of Entry", "In the order they were named.")
    ),
    shape(
        "SeveralGone",
        "What was deleted, where several were named.",
        entries=("list of Deleted", "One each."),
        traces=("flag", "Whether the file still holds traces of their texts.", "with `--forever`"),
        why_traces=("text or null", "Why they could not be removed now.", "with `--forever`"),
        backups=("list of text", "Copies of the base that still hold one of them.", "with `--forever`"),
    ),
    shape(
        "Gone",
        "What was deleted.",
        deleted=("Deleted or null", "The entry; null if it was deleted for ever before, and only traces were left."),
        traces=("flag", "Whether the file still holds traces of its text.", "with `--forever`"),
        why_traces=("text or null", "Why they could not be removed now.", "with `--forever`"),
        backups=("list of text", "Copies of the base that were made before and still hold it.", "with `--forever`"),
    ),
    shape(
        "Deletions", "What can be restored, most recently deleted first.", tombstones=("list of Tombstone", "One each.")
    ),
    shape("Linked", "A link that was made.", link=("Link", "The link.")),
    shape("Unlinked", "Links that were removed.", removed_links=("whole", "How many.")),
    shape(
        "Listed",
        "Entries, most recently changed first unless `--sort` says otherwise.",
        total=("whole", "How many match in all."),
        entries=("list of Entry", "Those of this page."),
    ),
    shape(
        "Found",
        "The answer to a search.",
        query=("text", "The query as it was typed."),
        filters=("text or null", "The filters that were applied, as typed: `type:bug tag:nginx`."),
        notes=("list of text", "What to know about how the query was read."),
        mode=("Mode", "How it was answered."),
        nothing_close=NOTHING_CLOSE,
        weaker=("whole", "How many hits were set aside as less sure than `--min`."),
        hits=("list of Hit", "What was found, best first."),
        left_out=("list of LeftOut", "What the query leaves out.", "if anything"),
        bases=("list of AskedBase", "The bases that were asked as well.", "where there are any"),
        repaired=("list of Repair", "The misspelt words of the query.", "if there are any"),
        stages=("list of Stage", "What was done, in order.", "with `--explain`"),
    ),
    shape(
        "Stats",
        "What the base holds.",
        entries=("whole", "Entries."),
        by_type=("map of whole", "Entries of each type."),
        by_status=("map of whole", "Entries of each status."),
        by_project=("map of whole", "Entries of each project."),
        tags=("whole", "Different tags."),
        links=("whole", "Links."),
        to_review=("whole", "Entries that `rekall review` still asks about today."),
        passages=("whole", "Passages that the entries were cut into."),
        vectors=("whole", "Passages that have a vector."),
        history=("Kept", "What is kept of what entries said before."),
        database=("Database", "The file."),
        memory=("Memory", "A command's memory.", "with `--memory`"),
    ),
    *HISTORY_ANSWERS,
    *REVIEW_ANSWERS,
    *GRAPH_ANSWERS,
    *CONFLICT_ANSWERS,
    *SYNC_ANSWERS,
    *BASE_ANSWERS,
    *OTHER_BASES_ANSWERS,
    *SHELL_ANSWERS,
    *HOOK_ANSWERS,
    *MODEL_ANSWERS,
    shape("Vector", "The vector of a text, one line per text.", vector=("list of number", "Its vector.")),
    shape("Clients", "The known clients.", clients=("list of Client", "One each.")),
    shape(
        "Quality",
        "How well searches find what is known to be right.",
        set=("text", "What was searched: sample notes, your base, or the name of the folder."),
        entries=("whole", "How many entries there are."),
        queries=("whole", "How many queries were asked."),
        modes=("list of ModeQuality", "One each; without a model there is only words."),
        notes=("list of text", "What to know about the answers."),
    ),
    shape(
        "Snippet",
        "The configuration that lets an assistant use Rekall.",
        client=_CLIENT,
        path=_CLIENT_PATH,
        section=("text", "The key under which that file lists servers."),
        entry=("any", "What to put there, under the name rekall."),
    ),
    shape(
        "Written",
        "What happened to a client's file.",
        client=_CLIENT,
        path=_CLIENT_PATH,
        changed=("flag", "Whether it was changed."),
        copy=("text or null", "The path of the copy of the old file."),
    ),
    shape("WrittenAll", "What happened to several clients' files.", clients=("list of Written", "One each.")),
    shape("Settings", "Every setting.", settings=("list of Setting", "One each.")),
    shape("Value", "One setting.", key=_KEY, value=_VALUE, origin=_ORIGIN),
    shape(
        "Places",
        "Where everything is kept.",
        config=("text", "The settings."),
        database=("text", "The base."),
        models=("text", "The models that were pulled, exported or imported."),
    ),
    shape("Versions", "Versions.", versions=("map of text", "Of Rekall, its dependencies, and the machine.")),
    shape("Failed", "What went wrong.", error=("Error", "The error.")),
)
"""What commands answer."""

COMMANDS = (
    Answer("add", "Saved"),
    Answer("add --from-json, several", "SeveralAdded"),
    Answer("today", "Shown"),
    Answer("today TEXT", "Saved"),
    Answer("search", "Found"),
    Answer("search --format jsonl", "Hit"),
    Answer("show", "Shown"),
    Answer("show --json, several", "SeveralShown"),
    Answer("pick", "Shown"),
    Answer("edit", "Saved"),
    Answer("edit --tag, several", "SeveralChanged"),
    Answer("delete", "Gone"),
    Answer("delete --yes, several", "SeveralGone"),
    Answer("restore ID", "Saved"),
    Answer("restore --json, several", "SeveralShown"),
    Answer("restore", "Deletions"),
    Answer("restore ID@VERSION", "Saved"),
    *HISTORY_COMMANDS,
    *REVIEW_COMMANDS,
    Answer("list", "Listed"),
    Answer("list --format jsonl", "Entry"),
    Answer("link", "Linked"),
    Answer("link --remove", "Unlinked"),
    *GRAPH_COMMANDS,
    *CONFLICT_COMMANDS,
    Answer("similar", "Found"),
    Answer("similar --format jsonl", "Hit"),
    Answer("import", "Imported"),
    Answer("export", "Exported"),
    Answer("stats", "Stats"),
    *SYNC_COMMANDS,
    *BASE_COMMANDS,
    *OTHER_BASES_COMMANDS,
    *SHELL_COMMANDS,
    *HOOK_COMMANDS,
    Answer("index status", "IndexStatus"),
    Answer("index prune", "Pruned"),
    Answer("index rebuild", "Rebuilt"),
    Answer("model list", "Models"),
    Answer("model info", "ModelInfo"),
    Answer("model verify", "Verified"),
    Answer("model use", "Switched"),
    Answer("model remove", "Removed"),
    Answer("model bench", "Measures"),
    Answer("model export", "Made"),
    Answer("model pull", "Made"),
    Answer("model pack", "Packed"),
    Answer("model import", "Unpacked"),
    Answer("bench", "Quality"),
    Answer("bench --model", "Measures"),
    Answer("embed", "Vector"),
    Answer("mcp install", "Clients"),
    Answer("mcp status", "Clients"),
    Answer("mcp install CLIENT", "Snippet"),
    Answer("mcp install CLIENT --write", "Written"),
    Answer("mcp install --all", "WrittenAll"),
    Answer("mcp uninstall CLIENT", "Written"),
    Answer("mcp uninstall --all", "WrittenAll"),
    Answer("config list", "Settings"),
    Answer("config get", "Value"),
    Answer("config set", "Value"),
    Answer("config path", "Places"),
    Answer("version", "Versions"),
)
"""Which command answers what, in the order of the help."""

SHAPES = (*_ANSWERS, *_OF_COMMANDS)
"""The shapes that only commands have: answers first."""
