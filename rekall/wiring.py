"""Joins the rooms over a store: the one place where a base is wired, for the product and its tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:  # `import rekall` must stay light
    from rekall.cache import EmbeddingCache
    from rekall.config import Settings
    from rekall.embeddings import EmbeddingService
    from rekall.knowledge_base import KnowledgeBase
    from rekall.model_manager import ModelManager
    from rekall.models.contract import EncoderLoader
    from rekall.questions import Questions
    from rekall.search.searcher import Searcher
    from rekall.store.contract import Store
    from rekall.system.clock import Clock
    from rekall.system.processes import Processes


@dataclass(frozen=True, slots=True)
class Rooms:
    """A base and the rooms it was built of, for who looks behind it: benchmarks and tests."""

    base: KnowledgeBase
    store: Store
    manager: ModelManager
    embeddings: EmbeddingService
    searcher: Searcher
    questions: Questions


@dataclass(frozen=True, slots=True)
class Tuning:
    """The figures from the settings that a base is built with.

    Attributes:
        lexical_share: Weight of words beside meaning.
        second_stage: Whether the best candidates are looked at again.
        idle_timeout_s: Seconds without use after which the model is dropped; 0 keeps it.
        cache_max_size: Entries whose vectors are kept in memory; 0 keeps none.
        cache_ttl_s: Seconds they stay usable.
        on_secrets: What is done when a key or token is about to be stored: warn, refuse, mask or off.
        history: Versions of an entry that are kept; 0 keeps no history.
    """

    lexical_share: float
    second_stage: bool = True
    idle_timeout_s: float = 0.0
    cache_max_size: int = 0
    cache_ttl_s: float = 600.0
    on_secrets: str = "warn"
    history: int = 100

    @classmethod
    def of(cls, settings: Settings, *, is_long_lived: bool) -> Tuning:
        """The figures in force; a process that ends with its command keeps nothing and drops nothing."""
        return cls(
            settings.number("search.lexical_share"),
            settings.text("search.second_stage") == "on",
            60 * settings.number("performance.model_idle_timeout_minutes") if is_long_lived else 0.0,
            settings.whole("performance.cache_max_size") if is_long_lived else 0,
            settings.number("performance.cache_ttl_seconds"),
            settings.text("capture.secrets"),
            settings.whole("history.keep"),
        )


def shipped_models() -> list[Path]:
    """Where models lie in an installed wheel, and in a checkout."""
    package = Path(__file__).parent
    return [package / "models" / "shipped", package.parent / "models"]


def build(
    store: Store,
    loader: EncoderLoader,
    tuning: Tuning,
    clock: Clock,
    processes: Processes | None = None,
    beside: Rooms | None = None,
) -> Rooms:
    """Join the rooms over a store.

    Args:
        store: Where entries are kept.
        loader: Where encoders come from.
        tuning: Figures from the settings.
        clock: Time and new ids.
        processes: The processes of this machine, as the system knows them where none are given.
        beside: Another base of this process, whose model this one shares.
    """
    from rekall.claims import Claims
    from rekall.embeddings import EmbeddingService
    from rekall.knowledge.capturing import Capture, OnSecrets
    from rekall.knowledge.files import Files
    from rekall.knowledge.index import Index
    from rekall.knowledge.recorded import Recorded
    from rekall.knowledge.spaces import SpaceKeeper
    from rekall.knowledge.writing import EntryService
    from rekall.knowledge_base import KnowledgeBase
    from rekall.model_manager import ModelManager
    from rekall.models.vocabulary import KnownWords
    from rekall.questions import Questions
    from rekall.search.fusion import Fusion
    from rekall.search.legs import WordsLeg
    from rekall.search.meaning import MeaningLeg
    from rekall.search.searcher import Searcher
    from rekall.search.second_stage import SecondStage
    from rekall.search.spelling import Spelling
    from rekall.system.processes import Processes

    def give_back() -> None:
        """Wipe what erased entries left, and return what searches left in this process, 2 MB of pages and free heap."""
        from rekall.system.resident import trim_heap

        writer.eraser.finish()
        store.release_memory()
        trim_heap()

    questions = beside.questions if beside is not None else None
    if questions is None:
        questions = Questions(
            ModelManager(loader, clock.seconds, idle_timeout_s=tuning.idle_timeout_s, when_idle=give_back)
        )
    manager = questions.manager
    cache = _cache(store, tuning, clock)
    claims = Claims(store, clock, processes or Processes())
    embeddings = EmbeddingService(store, questions, clock, claims, cache)
    recorded = cast("Store", Recorded(store, clock, tuning.history))
    writer = EntryService(recorded, embeddings, clock, Capture(OnSecrets(tuning.on_secrets)))
    legs = (WordsLeg(store), MeaningLeg(store, embeddings))
    fusion = Fusion({"words": tuning.lexical_share})
    rerankers = [SecondStage(store, fusion)] if tuning.second_stage else []
    spelling = Spelling(store, KnownWords(shipped_models()))
    searcher = Searcher(store, legs, fusion, rerankers, spelling)
    index = Index(store, embeddings, manager, SpaceKeeper(store, embeddings, manager, clock))
    base = KnowledgeBase(store, writer, searcher, Files(recorded, writer, embeddings, clock), index)
    return Rooms(base, store, manager, embeddings, searcher, questions)


def _cache(store: Store, tuning: Tuning, clock: Clock) -> EmbeddingCache | None:
    """A cache of vectors where it pays: a process that stays, on the numpy backend (docs/adr/0014)."""
    from rekall.cache import EmbeddingCache

    if not (tuning.cache_max_size and store.vectors.backend.name == "numpy"):
        return None
    return EmbeddingCache(tuning.cache_max_size, tuning.cache_ttl_s, clock.seconds)
