"""Small models worth pulling, and what to expect from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """A model on the hub that the exporter supports.

    Attributes:
        max_tokens: The longest text it reads; 0 for any.
        licence: As its page states; "see its page" where that could not be checked.
        score: Published retrieval quality, nDCG@10 in percent, on `benchmark`; None where none was found.
        disk_mb: Its size when exported in 8 bits.
        ram_mb: The peak of a search with it. Both measured on random weights of its shape by
            `benchmarks/shapes.py`.
        reckoned: Whether both are reckoned from a model with the same layers instead.
    """

    repository: str
    parameters_million: float
    dimensions: int
    max_tokens: int
    languages: str
    licence: str
    score: float | None
    benchmark: str
    disk_mb: int
    ram_mb: int
    reckoned: bool = False

    @property
    def name(self) -> str:
        """The name it is installed under."""
        return self.repository.rpartition("/")[2]


_MTEB_1 = "MTEB 1"  # English, 15 retrieval sets
_MTEB_2 = "MTEB 2"  # English, 10 retrieval sets
_MMTEB = "MMTEB"  # multilingual, 18 retrieval sets
_COIR = "CoIR"  # code, 10 sets
_NANO = "MNanoBEIR"  # 14 languages, 13 small sets each
_HAKARI = "HAKARI"  # 381 small sets of many kinds
_UNCHECKED = "see its page"

CURATED = (
    Known("sentence-transformers/all-MiniLM-L6-v2", 22.7, 384, 256, "English", "Apache-2.0", 41.95, _MTEB_1, 39, 100),
    Known("Snowflake/snowflake-arctic-embed-xs", 22.7, 384, 512, "English", "Apache-2.0", 50.15, _MTEB_1, 39, 100),
    Known("Snowflake/snowflake-arctic-embed-s", 33.4, 384, 512, "English", "Apache-2.0", 51.98, _MTEB_1, 65, 120),
    Known("MongoDB/mdbr-leaf-ir", 22.7, 768, 512, "English", "Apache-2.0", 53.55, _MTEB_1, 40, 105),
    Known("MongoDB/mdbr-leaf-mt", 22.7, 1024, 512, "English", "Apache-2.0", None, "", 40, 105),
    Known("BAAI/bge-small-en-v1.5", 33.4, 384, 512, "English", "MIT", 51.68, _MTEB_1, 65, 120),
    Known(
        "ibm-granite/granite-embedding-small-english-r2",
        47.7,
        384,
        8192,
        "English",
        "Apache-2.0",
        53.9,
        _MTEB_2,
        91,
        130,
    ),
    Known("nomic-ai/nomic-embed-text-v1.5", 136.7, 768, 8192, "English", "Apache-2.0", 53.01, _MTEB_1, 302, 220),
    Known("hotchpotch/bekko-embedding-v1-a8m", 106, 384, 8192, "over 100", "MIT", 56.2, _MMTEB, 134, 95),
    Known("hotchpotch/bekko-embedding-v1-a25m", 123.2, 384, 8192, "over 100", "MIT", 57.5, _MMTEB, 174, 125),
    Known(
        "ibm-granite/granite-embedding-97m-multilingual-r2",
        97.4,
        384,
        32_768,
        "over 200",
        "Apache-2.0",
        60.3,
        _MMTEB,
        154,
        125,
    ),
    Known("intfloat/multilingual-e5-small", 118, 384, 512, "about 100", "MIT", 50.9, _MMTEB, 167, 120),
    Known(
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        118,
        384,
        128,
        "about 50",
        "Apache-2.0",
        36.2,
        _MMTEB,
        166,
        115,
    ),
    Known("Alibaba-NLP/gte-multilingual-base", 305, 768, 8192, "over 70", "Apache-2.0", 51.1, _MTEB_1, 505, 230, True),
    Known("Snowflake/snowflake-arctic-embed-m-v2.0", 305, 768, 8192, "74", "Apache-2.0", 55.4, _MTEB_1, 505, 230, True),
    Known("google/embeddinggemma-2", 271, 768, 8192, "over 100", "Apache-2.0", 58.6, _HAKARI, 340, 260),
    Known("minishlab/blink-8M", 7.7, 256, 0, "English", _UNCHECKED, None, "", 9, 55),
    Known("minishlab/blink-code-16M", 16, 256, 0, "code", _UNCHECKED, 46.82, _COIR, 20, 65),
    Known("hotchpotch/bekko-static-embedding-v1", 204.8, 1024, 0, "many", _UNCHECKED, 43.76, _NANO, 235, 100),
    Known("minishlab/potion-retrieval-32M", 32.3, 512, 512, "English", "MIT", 35.06, _MTEB_1, 38, 65),
    Known(
        "sentence-transformers/static-retrieval-mrl-en-v1",
        31.3,
        1024,
        0,
        "English",
        "Apache-2.0",
        35.61,
        _MTEB_1,
        36,
        55,
    ),
)
"""Sources of the scores: the models' cards and the repositories of their authors, as collected in docs/models.md."""

CHOICES = (
    ("English", "MongoDB/mdbr-leaf-ir"),
    ("many languages", "hotchpotch/bekko-embedding-v1-a8m"),
    ("code", "minishlab/blink-code-16M"),
    ("the smallest machine", "minishlab/blink-8M"),
)
"""Which to take for what, where one must be named."""
