"""Model folders: where they are looked for, which there are, and who loads one of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.errors import InvalidInput, ModelDamaged, ModelNotFound
from rekall.models.contract import ArrayEncoder, Encoder, ModelIdentity
from rekall.models.engine.card import (
    CARD_FILE,
    PROBES_FILE,
    REFERENCES_FILE,
    ModelCard,
    check_hashes,
    is_name,
    read_card,
    repair_hint,
)
from rekall.models.engine.guard import first_line
from rekall.models.engine.opening import open_encoder
from rekall.models.engine.runtimes import Backend
from rekall.models.level import level_in

if TYPE_CHECKING:
    from rekall.models.engine.probes import Measured, Probes


class ModelLibrary:
    """The model folders of a few parent folders; the first that has a name wins."""

    def __init__(self, parents: Sequence[Path], tried: Path | None = None) -> None:
        """Look in these folders, in this order; `tried` is for processes that load models, see `engine.tried`."""
        self._parents = parents
        self.tried = tried

    def folder(self, name: str) -> Path:
        """The folder of a model.

        Raises:
            ModelNotFound: No model of that name is installed.
        """
        if is_name(name):
            for parent in self._parents:
                if (parent / name).is_dir():
                    return parent / name
        installed = ", ".join(folder.name for folder in self.folders()) or "none"
        raise ModelNotFound(
            f"no model {name!r} is installed", f"installed: {installed}; `rekall model list` names others"
        )

    def folders(self) -> Iterator[Path]:
        """Every installed model's folder, by name."""
        found: dict[str, Path] = {}
        for parent in self._parents:
            for card in parent.glob(f"*/{CARD_FILE}"):
                if is_name(card.parent.name):  # not the remains of an interrupted export
                    found.setdefault(card.parent.name, card.parent)
        yield from (found[name] for name in sorted(found))

    def remove(self, name: str, own: Path) -> tuple[Path, bool]:
        """Remove a model from the user's own folder.

        Args:
            name: The model.
            own: The user's folder of models.

        Returns:
            Where it was, and whether every file of it is gone: what a program has open goes later.

        Raises:
            ModelNotFound: There is no such model.
            InvalidInput: It came with Rekall.
            FileHeld: A program has it open in a way that it cannot even be put aside.
        """
        from rekall.system.files import remove_folder
        from rekall.wording import DISTRIBUTION

        folder = self.folder(name)
        if folder.parent != own:
            raise InvalidInput(
                f"model {name} came with Rekall and cannot be removed", f"`pip uninstall {DISTRIBUTION}` removes both"
            )
        return folder, remove_folder(folder)

    def verify(self, name: str, backend: Backend = "auto") -> tuple[ModelCard, dict[str, Measured], str]:
        """Check a model's files, load it, and measure it on this machine.

        Args:
            name: The model.
            backend: See `OnnxEncoder`.

        Returns:
            The model's card, the cosines to the vectors that its folder carries, by what made those, and what ran it.

        Raises:
            ModelNotFound: There is no such model.
            ModelDamaged: A file is missing or altered, or the vectors are not what they were at export.
        """
        from rekall.models.engine.probes import measure
        from rekall.models.proof import GIVEN, READING, SOURCE, named

        folder = self.folder(name)
        card = read_card(folder)
        check_hashes(folder, card)
        kinds = {SOURCE if SOURCE in card.fidelity else READING: PROBES_FILE}
        if REFERENCES_FILE in card.files:
            kinds[GIVEN] = REFERENCES_FILE
        known = {kind: _probes_of(folder / file, card) for kind, file in kinds.items()}
        encoder = open_encoder(folder, backend=backend)
        runtime = encoder.runtime
        try:
            measured = {kind: measure(encoder, probes) for kind, probes in known.items()}
        finally:
            encoder.close()
        least = min((figures.min_cosine for figures in card.fidelity.values()), default=0.0)
        for kind, figures in measured.items():
            promised = card.fidelity[kind].min_cosine if kind in card.fidelity else least
            if figures.min_cosine < promised - 0.001:  # kernels of two processors differ by a tenth of this
                raise ModelDamaged(
                    f"model {name} is not faithful on this machine: cosine {figures.min_cosine:.5f} to {named(kind)} where its card promises {promised}",
                    repair_hint(name),
                )
        return card, measured, runtime


def _probes_of(path: Path, card: ModelCard) -> Probes:
    """The texts and vectors of a file of a model folder. Raises ModelDamaged."""
    from rekall.models.engine.probes import Probes

    try:
        probes = Probes.from_json(path.read_bytes())
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError, MemoryError) as error:
        raise ModelDamaged(f"{path} cannot be read: {first_line(error)}", repair_hint(path.parent.name)) from error
    if probes.vectors.shape[1] != card.dimensions:
        raise ModelDamaged(f"{path} belongs to another model", repair_hint(path.parent.name))
    return probes


class _Loader:
    """Knows the models of a library."""

    def __init__(
        self, library: ModelLibrary, configured: str, threads: int, backend: Backend = "auto", *, alone: bool = False
    ) -> None:
        """Nothing is read yet.

        Args:
            library: Where to look.
            configured: The model to use when none is named.
            threads: See `OnnxEncoder`.
            backend: See there.
            alone: See `open_encoder`.
        """
        self._library = library
        self._configured = configured
        self._threads = threads
        self._backend = backend
        self._alone = alone

    def identify(self, name: str | None = None) -> ModelIdentity:
        """Read a card. Raises ModelNotFound or ModelDamaged."""
        name = self._configured if name is None else name
        card = read_card(self._library.folder(name))
        return _identity(card, name, self._library.folder(name))

    def find(self, name: str, fingerprint: str) -> ModelIdentity:
        """The model that makes vectors of a fingerprint: the one of that name, or one that was renamed.

        Raises:
            ModelNotFound: There is none. The message says whether the named model is gone or has changed.
        """
        named: ModelCard | None = None
        for folder in sorted(self._library.folders(), key=lambda folder: folder.name != name):
            with contextlib.suppress(ModelDamaged):  # a model that cannot be read is not the one
                card = read_card(folder)
                named = card if folder.name == name else named
                if card.fingerprint == fingerprint:
                    return _identity(card, folder.name, folder)
        if named is None:
            raise ModelNotFound(
                f"the vectors were made by model {name} ({fingerprint}), which is not installed",
                "install it again, or embed the notes with another model: `rekall model use NAME`",
            )
        raise ModelNotFound(
            f"model {name} has changed since it made the vectors ({fingerprint} then, {named.fingerprint} now)",
            f"run `rekall model use {name}` to embed the notes with its new version",
        )


class FolderLoader(_Loader):
    """Loads encoders of a library's models into this process."""

    def load(self, name: str) -> ArrayEncoder:
        """Load a model. Raises EngineError."""
        folder = self._library.folder(name)
        return open_encoder(folder, self._threads, backend=self._backend, alone=self._alone)


class ChildLoader(_Loader):
    """Loads encoders of a library's models into a child process of their own."""

    def load(self, name: str) -> Encoder:
        """Start a child that loads a model. Raises EngineError."""
        from rekall.models.engine.process_encoder import ProcessEncoder

        folder = self._library.folder(name)
        card = read_card(folder)
        return ProcessEncoder(
            folder, card.fingerprint, card.dimensions, self._threads, self._backend, self._library.tried
        )


def _identity(card: ModelCard, name: str, folder: Path) -> ModelIdentity:
    level = level_in(folder) if card.level is None else card.level
    return ModelIdentity(name, card.fingerprint, card.dimensions, level)
