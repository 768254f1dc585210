"""The shapes of what commands and tools answer, as data: docs/json.md is written from them.

No door imports this while it answers: it only states what is promised.
"""

from __future__ import annotations

from rekall.cli.base_shapes import BASE_ANSWERS, BASE_COMMANDS, OF_BASES
from rekall.cli.exchange_shapes import OF_EXCHANGE
from rekall.cli.hook_shapes import HOOK_ANSWERS, HOOK_COMMANDS, OF_HOOKS
from rekall.cli.index_shapes import OF_INDEX
from rekall.cli.shell_shapes import OF_SHELL, SHELL_ANSWERS, SHELL_COMMANDS
from rekall.knowledge.shapes import NOTHING_CLOSE, SECRETS, WARNING, Answer, Member, shape

_MODEL = Member("text", "The name the model has here.")
_FOLDER = Member("text", "The path of its folder.")
_FINGERPRINT = Member("text", "Identifies its vector space: models with the same fingerprint make the same vectors.")
_DIMENSIONS = Member("whole", "The length of a vector.")
_MAX_TOKENS = Member("whole", "The longest text it reads, in tokens.")
_LICENCE = Member("text", "Its licence.")
_MIN_COSINE = Member("number", "The lowest cosine to the reference vectors.")
_FIDELITY = {
    "texts": Member("whole", "How many texts were compared."),
    "min_cosine": _MIN_COSINE,
    "mean_cosine": Member("number", "The mean cosine to the reference vectors."),
}
_KEY = Member("text", "The setting.")
_VALUE = Member("text or number", "Its value.")
_ORIGIN = Member("text", "Where the value comes from: default, file, flag (`--set`), or the environment variable.")
_CLIENT = Member("text", "The name of the client.")
_CLIENT_PATH = Member("text", "The file that it reads.")

_OF_COMMANDS = (
    *OF_EXCHANGE,
    *OF_BASES,
    *OF_INDEX,
    *OF_SHELL,
    *OF_HOOKS,
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
    shape(
        "InstalledModel",
        "A model on this machine. A damaged one has only `name`, `in_use` and `problem`.",
        name=_MODEL,
        in_use=("flag", "Whether searches use it."),
        problem=("text", "What is wrong with it.", "damaged"),
        architecture=("text", "What kind of network it is.", "whole"),
        dimensions=Member("whole", _DIMENSIONS.meaning, "whole"),
        max_tokens=Member("whole", _MAX_TOKENS.meaning, "whole"),
        precision=("text", "q8 or fp32.", "whole"),
        bytes=("whole", "Its size on disk.", "whole"),
        licence=Member("text", _LICENCE.meaning, "whole"),
    ),
    shape(
        "KnownModel",
        "A model that `model pull` can fetch.",
        repository=("text", "Its repository on the hub."),
        parameters_million=("number", "Its size in millions of parameters."),
        dimensions=_DIMENSIONS,
        max_tokens=("whole", "The longest text it reads, in tokens; 0 for any."),
        languages=("text", "What it was trained for."),
        licence=_LICENCE,
        score=("number", "Published retrieval quality, nDCG@10 in percent."),
        benchmark=("text", "The benchmark of that score; compare only scores of the same one."),
        disk_mb=("whole", "Its size on disk in 8 bits."),
        ram_mb=("whole", "The peak of a search with it."),
    ),
    shape(
        "Source",
        "Where a model's weights come from.",
        name=("text", "The repository or folder."),
        sha256=("text", "The hash of the weights."),
        revision=("text or null", "The commit, where it is known."),
    ),
    shape(
        "Prompts",
        "Text that a model expects before each input; empty for most.",
        query=("text", "Before a query."),
        document=("text", "Before a document."),
    ),
    shape(
        "File",
        "A file of a model.",
        sha256=("text", "Its hash."),
        crc32=("whole", "A second hash, quicker to check."),
        bytes=("whole", "Its size."),
    ),
    shape("Fidelity", "How close vectors come to known ones.", **_FIDELITY),
    shape(
        "ExactFidelity",
        "The same, measured after an export.",
        **_FIDELITY,
        worst_text=("text", "The text with the lowest cosine."),
    ),
    shape(
        "Measured",
        "What a model costs on this machine.",
        name=_MODEL,
        cold_s=("number", "Seconds from the start of a process to the first vector."),
        query_s=("number", "Median seconds of a short query after that."),
        texts_per_s=("number", "Texts a second in bulk."),
        query_peak_bytes=("whole", "Peak memory up to the end of the queries."),
        bulk_peak_bytes=("whole", "Peak memory up to the end of the bulk."),
        min_cosine=_MIN_COSINE,
    ),
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
        "Client", "An assistant that can use Rekall.", name=_CLIENT, title=("text", "Its full name."), path=_CLIENT_PATH
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
    ),
    shape("Shown", "One entry.", entry=("Entry", "The entry.")),
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
        "Entries, most recently changed first.",
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
        passages=("whole", "Passages that the entries were cut into."),
        vectors=("whole", "Passages that have a vector."),
        database=("Database", "The file."),
        memory=("Memory", "A command's memory.", "with `--memory`"),
    ),
    *BASE_ANSWERS,
    *SHELL_ANSWERS,
    *HOOK_ANSWERS,
    shape(
        "Models",
        "The models.",
        models=("list of InstalledModel", "The models on this machine."),
        known=("list of KnownModel", "Some worth fetching that are not here yet."),
    ),
    shape(
        "ModelInfo",
        "Everything about a model: its name here, its folder, and the contents of its model.json.",
        model=_MODEL,
        folder=_FOLDER,
        format=("whole", "The version of model.json."),
        source=("Source", "Where its weights come from."),
        architecture=("text", "What kind of network it is."),
        dimensions=_DIMENSIONS,
        max_tokens=_MAX_TOKENS,
        pooling=("text", "How the vectors of tokens become one."),
        normalize=("flag", "Whether the source scales vectors to unit length; Rekall always does."),
        prompts=("Prompts", "Text put before what it encodes."),
        precision=("text", "q8 or fp32."),
        minimum_onnxruntime=("text", "The oldest onnxruntime that runs it."),
        licence=_LICENCE,
        exporter=("whole", "The version of the exporter."),
        files=("map of File", "Its files by name."),
        fidelity=("map of Fidelity", "How close its vectors come to known ones, by what made those."),
        fingerprint=_FINGERPRINT,
        trims=("flag", "Whether the ends of a text are trimmed first."),
        max_characters=("whole", "Where a text is cut before it becomes tokens; 0 for never."),
        dense=("list of text", "The dense layers after the pooling."),
        level=("number or null", "The cosine of texts that have nothing to do with one another; null in older cards."),
    ),
    shape(
        "Verified",
        "A model whose files are intact.",
        model=_MODEL,
        ok=("flag", "Always `true`: a damaged model is an error."),
        **_FIDELITY,
    ),
    shape(
        "Switched",
        "How far the switch to a model got.",
        model=_MODEL,
        fingerprint=_FINGERPRINT,
        before=("text or null", "The model that was in use before."),
        embedded=("whole", "Passages embedded by this call."),
        pending=("whole", "Passages that still lack a vector."),
        set_aside=("whole", "Passages that the model cannot embed."),
        in_use=("flag", "Whether searches use it now."),
    ),
    shape("Removed", "A model that was removed.", removed=_MODEL, folder=_FOLDER),
    shape("Measures", "What models cost on this machine.", models=("list of Measured", "One each.")),
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
        "Made",
        "A model that was exported or pulled.",
        model=_MODEL,
        folder=_FOLDER,
        fingerprint=_FINGERPRINT,
        revision=("text or null", "The commit of the source, where it is known."),
        prompts=("Prompts", "Text put before what it encodes."),
        fidelity=("map of ExactFidelity", "How close its vectors come to known ones, by what made those."),
    ),
    shape(
        "Packed",
        "A model in one file.",
        model=_MODEL,
        file=("text", "The path of the file."),
        bytes=("whole", "Its size."),
        fingerprint=_FINGERPRINT,
    ),
    shape("Unpacked", "A model from such a file.", model=_MODEL, folder=_FOLDER, fingerprint=_FINGERPRINT),
    shape("Vector", "The vector of a text, one line per text.", vector=("list of number", "Its vector.")),
    shape("Clients", "The known clients.", clients=("list of Client", "One each.")),
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
    Answer("search", "Found"),
    Answer("search --format jsonl", "Hit"),
    Answer("show", "Shown"),
    Answer("edit", "Saved"),
    Answer("delete", "Gone"),
    Answer("restore ID", "Saved"),
    Answer("restore", "Deletions"),
    Answer("list", "Listed"),
    Answer("link", "Linked"),
    Answer("link --remove", "Unlinked"),
    Answer("similar", "Found"),
    Answer("similar --format jsonl", "Hit"),
    Answer("import", "Imported"),
    Answer("export", "Exported"),
    Answer("stats", "Stats"),
    *BASE_COMMANDS,
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
    Answer("mcp install CLIENT", "Snippet"),
    Answer("mcp install CLIENT --write", "Written"),
    Answer("config list", "Settings"),
    Answer("config get", "Value"),
    Answer("config set", "Value"),
    Answer("config path", "Places"),
    Answer("version", "Versions"),
)
"""Which command answers what, in the order of the help."""

SHAPES = (*_ANSWERS, *_OF_COMMANDS)
"""The shapes that only commands have: answers first."""
