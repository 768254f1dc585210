"""Small models worth pulling, and what to expect from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """A model on the hub that the exporter supports.

    Attributes:
        max_tokens: The longest text it reads; 0 for any.
        score: Published retrieval quality, nDCG@10 in percent, on `benchmark`.
        disk_mb: Its size when exported in 8 bits.
        ram_mb: The peak of a search with it. Both measured on random weights of its shape by
            `benchmarks/shapes.py`.
    """

    repository: str
    parameters_million: float
    dimensions: int
    max_tokens: int
    languages: str
    licence: str
    score: float
    benchmark: str
    disk_mb: int
    ram_mb: int

    @property
    def name(self) -> str:
        """The name it is installed under."""
        return self.repository.rpartition("/")[2]


_MTEB_1 = "MTEB 1"  # English, 15 retrieval sets
_MTEB_2 = "MTEB 2"  # English, 10 retrieval sets
_MMTEB = "MMTEB"  # multilingual, 18 retrieval sets

CURATED = (
    Known("sentence-transformers/all-MiniLM-L6-v2", 22.7, 384, 256, "English", "Apache-2.0", 41.95, _MTEB_1, 28, 100),
    Known("Snowflake/snowflake-arctic-embed-xs", 22.7, 384, 512, "English", "Apache-2.0", 50.15, _MTEB_1, 28, 100),
    Known("Snowflake/snowflake-arctic-embed-s", 33.4, 384, 512, "English", "Apache-2.0", 51.98, _MTEB_1, 42, 115),
    Known("MongoDB/mdbr-leaf-ir", 22.7, 768, 512, "English", "Apache-2.0", 53.55, _MTEB_1, 29, 100),
    Known("BAAI/bge-small-en-v1.5", 33.4, 384, 512, "English", "MIT", 51.68, _MTEB_1, 42, 115),
    Known("thenlper/gte-small", 33.4, 384, 512, "English", "MIT", 49.46, _MTEB_1, 42, 115),
    Known("intfloat/e5-small-v2", 33.4, 384, 512, "English", "MIT", 49.04, _MTEB_1, 42, 115),
    Known(
        "ibm-granite/granite-embedding-small-english-r2",
        47.7,
        384,
        8192,
        "English",
        "Apache-2.0",
        53.9,
        _MTEB_2,
        60,
        130,
    ),
    Known("intfloat/multilingual-e5-small", 118, 384, 512, "about 100", "MIT", 50.9, _MMTEB, 144, 115),
    Known(
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        118,
        384,
        128,
        "about 50",
        "Apache-2.0",
        36.2,
        _MMTEB,
        143,
        110,
    ),
    Known("minishlab/potion-base-8M", 7.6, 256, 512, "English", "MIT", 31.71, _MTEB_1, 9, 55),
    Known("minishlab/potion-retrieval-32M", 32.3, 512, 512, "English", "MIT", 35.06, _MTEB_1, 38, 65),
    Known("minishlab/potion-multilingual-128M", 128, 256, 512, "101", "MIT", 37.86, _MMTEB, 162, 55),
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
