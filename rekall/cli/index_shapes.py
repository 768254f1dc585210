"""The shapes of what `rekall index` answers; see `shapes`."""

from __future__ import annotations

from rekall.knowledge.shapes import shape

OF_INDEX = (
    shape(
        "Space",
        "The vectors that one model made.",
        model=("text", "The name the model has here."),
        fingerprint=("text", "Identifies its vector space: models with the same fingerprint make the same vectors."),
        state=("text", "active: searched; building: unfinished; retired: no longer searched."),
        vectors=("whole", "How many there are."),
        bytes=("whole", "The space they take."),
    ),
    shape(
        "Backend",
        "What searches vectors.",
        name=("text", "sqlite-vec or numpy."),
        reason=("text or null", "Why the other one is not used."),
    ),
    shape(
        "Engine",
        "What runs the model.",
        name=("text", "onnxruntime or numpy."),
        version=("text or null", "Its version."),
        reason=("text or null", "Why onnxruntime cannot run it; null where it can, or numpy was asked for."),
    ),
    shape(
        "IndexStatus",
        "What the indexes hold, and what serves them.",
        backend=("Backend", "What searches vectors."),
        entries=("whole", "Entries."),
        words=("whole", "Entries in the words index."),
        passages=("whole", "Passages."),
        vectors=("whole", "Passages that have a vector."),
        pending_passages=("whole", "Passages that still lack one."),
        pending_entries=("whole", "Entries with a passage that lacks one."),
        set_aside_passages=("whole", "Passages that the model cannot embed."),
        set_aside_entries=("whole", "Entries with such a passage."),
        set_aside=("list of SetAside", "Up to 100 of them, of the entry that was changed last first."),
        space=("Space or null", "The vectors that searches use."),
        other_spaces=("list of Space", "Vectors of other models."),
        model=("text or null", "The model that embeds queries; null if it cannot be used."),
        fingerprint=("text or null", "The model's fingerprint."),
        dimensions=("whole or null", "The model's dimensions."),
        engine=("Engine or null", "What runs the model; null without one."),
        problem=("text or null", "Why the model cannot be used."),
        embedding=("Embedding or null", "The process that embeds now; null when none does."),
        wants_rebuild=("flag", "Whether `index rebuild --vectors` would make searches by meaning faster."),
    ),
    shape(
        "Embedding",
        "A process that embeds.",
        pid=("whole", "Its number."),
        host=("text or null", "The machine where it runs; null for this one."),
        done=("whole", "Passages that it has embedded."),
        total=("whole", "Of how many."),
    ),
    shape("Rebuilt", "What was rebuilt.", rebuilt=("map of whole", "`words`: entries; `vectors`: passages embedded.")),
    shape("Pruned", "What was dropped.", pruned=("list of Space", "The vectors that were dropped.")),
    shape(
        "SetAside",
        "A passage that the model cannot embed; its entry is found by words.",
        id=("text", "The entry."),
        title=("text", "Its title."),
        passage=("whole", "Which passage of it; 0 is the head."),
        reason=("text", "Why."),
    ),
)
