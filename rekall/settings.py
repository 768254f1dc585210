"""What may be set: every key of `config.toml`, its default, bounds and one line of documentation."""

from __future__ import annotations

from dataclasses import dataclass

from rekall.entry import rules
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of `config.toml`: its default (which gives the type), bounds and one line of documentation."""

    key: str
    default: int | float | str
    doc: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def environment_name(self) -> str:
        """The variable that overrides the file: REKALL_<SECTION>_<KEY>."""
        return "REKALL_" + self.key.replace(".", "_").upper()

    def parse(self, raw: object, origin: str) -> int | float | str:
        """A value of the setting's type, within its bounds.

        Raises:
            InvalidInput: It is of another type or out of bounds; `origin` is named.
        """
        value = self._typed(raw, origin)
        if self.choices and isinstance(value, str):
            value = value.strip().lower()  # all choices are
        if self.choices and value not in self.choices:
            raise InvalidInput(f"{self._said(origin)} {value!r}", f"choose one of: {', '.join(self.choices)}")
        if not isinstance(value, str) and not (
            (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
        ):
            raise InvalidInput(f"{self._said(origin)} {value}", f"give a number from {self.low:g} to {self.high:g}")
        return value

    def _said(self, origin: str) -> str:
        """The beginning of what is wrong: where a value stands, unless it was typed a moment ago."""
        return f"{self.key} cannot be" if origin in ("value", "flag") else f"{origin}: {self.key} is"

    def _typed(self, raw: object, origin: str) -> int | float | str:
        kind = type(self.default)
        if kind is str and isinstance(raw, str):
            return rules.text(raw, self.key)
        if isinstance(raw, (int, float, str)) and not isinstance(raw, bool) and kind is not str:
            try:
                number = float(raw)
                if kind is float or number == int(number):
                    return kind(number)
            except (ValueError, OverflowError):
                pass  # the error below says what was expected
        expected = {int: "a whole number", float: "a number", str: "text"}[kind]
        raise InvalidInput(f"{self._said(origin)} {raw!r}", f"it takes {expected}, for example {self.default}")


SETTINGS = (
    Setting("performance.cache_max_size", 1000, "Query vectors kept in memory by a long-lived process.", 0, 100_000),
    Setting("performance.cache_ttl_seconds", 600, "Seconds a kept query vector stays usable.", 0, 86_400),
    Setting(
        "performance.model_idle_timeout_minutes",
        10.0,
        "Idle minutes after which a long-lived process drops the model; 0 keeps it.",
        0,
        1_440,
    ),
    Setting(
        "performance.vector_index_backend",
        "auto",
        "What searches vectors: sqlite-vec, numpy, or whichever works (auto).",
        choices=("auto", "sqlite-vec", "numpy"),
    ),
    Setting(
        "engine.model",
        "all-MiniLM-L6-v2",
        "The embedding model for a base without vectors; `rekall model use` changes it later.",
    ),
    Setting(
        "engine.backend",
        "auto",
        "What runs the model: onnxruntime, numpy (25 MB less, slower in bulk), or each where it is the better one (auto).",
        choices=("auto", "onnxruntime", "numpy"),
    ),
    Setting("engine.threads", 0, "Threads the model may use for bulk embedding; 0 chooses, at most 4.", 0, 64),
    Setting("search.limit", 10, "The most hits a search shows.", 1, 1_000),
    Setting("search.lexical_share", 0.6, "Weight of matching words relative to meaning in a hybrid search.", 0.0, 10.0),
    Setting(
        "search.second_stage",
        "on",
        "Whether a search looks at the texts of its best candidates again; off is a little faster and finds less.",
        choices=("on", "off"),
    ),
    Setting(
        "add.type",
        "til",
        "The type of an entry that `rekall add` is given without one.",
        choices=tuple(kind.value for kind in EntryType),
    ),
    Setting(
        "add.project",
        "auto",
        "The project of new entries, and the one that searches prefer: the repository one stands in (auto), or none.",
        choices=("auto", "off"),
    ),
    Setting(
        "capture.secrets",
        "warn",
        "What happens when a key or token is about to be stored: it is stored and said, refused, masked, or nobody looks.",
        choices=("warn", "refuse", "mask", "off"),
    ),
    Setting(
        "backup.keep", 5, "Copies of each kind that stay in the folder of backups; older ones are removed.", 1, 1_000
    ),
    Setting(
        "history.keep",
        100,
        "Earlier versions of an entry that are kept; older ones are dropped, and 0 keeps no history at all.",
        0,
        100_000,
    ),
    Setting(
        "lookups.keep",
        "on",
        "Whether it is kept, on this machine alone, what was looked for and which entries were read.",
        choices=("on", "off"),
    ),
    Setting("bases.use", "own", "The base that commands work with: own, or one that `rekall base add` named."),
    Setting(
        "bases.search",
        "all",
        "What a search asks beside the base that commands work with: all, none, or names with commas.",
    ),
    Setting(
        "bases.wait_seconds", 2.0, "How long a search waits for other bases once its own answer is there.", 0.0, 600.0
    ),
    Setting("backup.remind_days", 30, "Days after which `rekall check` calls a backup old; 0 never does.", 0, 3_650),
    Setting("review.per_day", 10, "Entries that `rekall review` asks about in a day at most.", 1, 1_000),
    Setting("hooks.notes", "on", "Whether hooks give an assistant notes; `rekall hook`.", choices=("on", "off")),
    Setting("ui.theme", "auto", "Colours of the terminal UI.", choices=("auto", "dark", "light")),
    Setting(
        "ui.picker",
        "auto",
        "What one chooses an entry with: fzf, the terminal UI (tui), a numbered list, or the first of these that is there.",
        choices=("auto", "fzf", "tui", "list"),
    ),
    Setting("ui.editor", "", "Editor for add and edit; if empty, $VISUAL, then $EDITOR."),
)
