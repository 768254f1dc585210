"""The shapes of what the commands of models answer; see `shapes`."""

from __future__ import annotations

from rekall.knowledge.shapes import Member, shape

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

OF_MODELS = (
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
        score=("number or null", "Published retrieval quality, nDCG@10 in percent; null where none was found."),
        benchmark=("text", "The benchmark of that score, empty without one; compare only scores of the same one."),
        disk_mb=("whole", "Its size on disk in 8 bits."),
        ram_mb=("whole", "The peak of a search with it."),
        reckoned=("flag", "Whether both are reckoned from a model with the same layers, not measured."),
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
)

MODEL_ANSWERS = (
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
        similarity=("text", "What its vectors were trained to be compared by; Rekall compares by cosine."),
        pools_prompt=("flag", "Whether the tokens of a prompt take part in the pooling."),
        integers=("Fidelity or null", "How close its graph of bytes comes to its probes; null without one."),
        unread=("list of text", "Keys and tensors of the source that `--ignore` passed over."),
    ),
    shape(
        "Verified",
        "A model whose files are intact.",
        model=_MODEL,
        ok=("flag", "Always `true`: a damaged model is an error."),
        **_FIDELITY,
        proof=("text", "What it was held against when it was exported."),
        engine=("text", "What ran it: onnxruntime or numpy, with its version."),
        reference=(
            "ExactFidelity or null",
            "How close it comes to the vectors of `--reference`, if its folder has them.",
        ),
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
        "Made",
        "A model that was exported or pulled.",
        model=_MODEL,
        folder=_FOLDER,
        fingerprint=_FINGERPRINT,
        revision=("text or null", "The commit of the source, where it is known."),
        prompts=("Prompts", "Text put before what it encodes."),
        fidelity=("map of ExactFidelity", "How close its vectors come to known ones, by what made those."),
        notes=("list of text", "What was done that a person should know."),
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
)
