"""A model folder as one tar file: there and back byte by byte, and nothing of a damaged or foreign archive stays."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import DATA

from rekall.errors import InvalidInput, ModelDamaged, RekallError
from rekall.models.archive import pack, unpack
from rekall.models.engine.card import read_card
from rekall.models.engine.opening import open_encoder

TEXTS = ["the lock is held", "why does the deploy wait for the lock", ""]
BLOCK = 512


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny models: `tiny` with a table, `second` with another one, `bert` with a graph."""
    pytest.importorskip("onnx")
    pytest.importorskip("safetensors")
    from rekall.models.export.exporter import export_model
    from rekall.models.export.options import ExportOptions

    parent = tmp_path_factory.mktemp("exported")
    for name, checkpoint in (("tiny", "model2vec"), ("second", "static"), ("bert", "bert")):
        export_model(DATA / "checkpoints" / checkpoint, parent / name, ExportOptions(min_cosine=0.9))
    return parent


@pytest.fixture(scope="module")
def sound(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of `tiny`."""
    archive = tmp_path_factory.mktemp("packed") / "tiny.tar"
    pack(exported / "tiny", archive)
    return archive


@pytest.fixture(scope="module")
def packed(sound: Path) -> bytes:
    """The bytes of the archive of `tiny`."""
    return sound.read_bytes()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Where models are to lie; not there yet."""
    return tmp_path / "home" / "models"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def members_of(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def tar_of(members: Mapping[str, bytes], *others: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive of files, and of members without content after them."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for other in others:
            tar.addfile(other)
    return made.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def refused(tmp_path: Path, models: Path, data: bytes, name: str = "") -> RekallError:
    """Unpack what must not be unpacked: it is refused, and everything is as it was before."""
    archive = tmp_path / "sent.tar"
    archive.write_bytes(data)
    before = contents(tmp_path)
    folders = {path for path in tmp_path.rglob("*") if path.is_dir()} | {models.parent, models}
    with pytest.raises((InvalidInput, ModelDamaged)) as caught:
        unpack(archive, models, name)
    assert contents(tmp_path) == before
    assert {path for path in tmp_path.rglob("*") if path.is_dir()} <= folders
    assert len(caught.value.message) > 20
    return caught.value


def assert_names_the_archive(error: RekallError) -> None:
    """An error speaks of the file that was given, and not of a folder that is gone already."""
    assert "sent.tar" in error.message
    assert ".part" not in error.message + error.hint


# there and back


@pytest.mark.parametrize("name", ["tiny", "bert"])
def test_a_model_comes_back_byte_by_byte(exported, models, tmp_path, name):
    card = pack(exported / name, tmp_path / "sent.tar")
    folder, unpacked = unpack(tmp_path / "sent.tar", models)
    assert folder == models / name
    assert unpacked == card == read_card(exported / name)
    assert contents(models) == {f"{name}/{file}": data for file, data in contents(exported / name).items()}
    assert [path.name for path in models.iterdir()] == [name]


def test_the_same_folder_gives_the_same_bytes_wherever_and_whenever(exported, packed, tmp_path):
    copy = tmp_path / "elsewhere" / "tiny"
    shutil.copytree(exported / "tiny", copy, copy_function=shutil.copyfile)
    for file in copy.iterdir():
        file.chmod(0o600)
    pack(copy, tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == packed


def test_an_unpacked_model_packs_to_the_same_archive(packed, models, tmp_path):
    (tmp_path / "sent.tar").write_bytes(packed)
    folder, _ = unpack(tmp_path / "sent.tar", models)
    pack(folder, tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == packed


def test_an_archive_says_nothing_about_who_made_it(packed):
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        for member in tar:
            assert (member.uid, member.gid, member.uname, member.gname, member.mtime) == (0, 0, "", "", 0)
            assert member.name.startswith("tiny/")


def test_any_tar_program_can_make_and_read_an_archive(packed, models, tmp_path):
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT):
        (tmp_path / "sent.tar").write_bytes(tar_of(members_of(packed), form=form))
        assert unpack(tmp_path / "sent.tar", models)[1].name == "tiny"


@pytest.mark.parametrize("name", ["tiny", "bert"])
def test_a_model_loads_under_another_name_and_gives_the_same_vectors(exported, models, tmp_path, name):
    pack(exported / name, tmp_path / "sent.tar")
    folder, _ = unpack(tmp_path / "sent.tar", models, "renamed-1.0")
    assert folder == models / "renamed-1.0"
    encoders = [open_encoder(each) for each in (exported / name, folder)]
    try:
        first, second = (encoder.encode_documents(TEXTS) for encoder in encoders)
        assert encoders[0].fingerprint == encoders[1].fingerprint
    finally:
        for encoder in encoders:
            encoder.close()
    assert np.array_equal(first, second)


def test_a_model_that_was_renamed_here_goes_out_under_its_name_here(packed, models, tmp_path):
    (tmp_path / "sent.tar").write_bytes(packed)
    folder, _ = unpack(tmp_path / "sent.tar", models, "renamed")
    pack(folder, tmp_path / "renamed.tar")
    assert unpack(tmp_path / "renamed.tar", tmp_path / "other-machine")[0].name == "renamed"


def test_files_that_the_card_does_not_list_stay_behind(exported, tmp_path):
    copy = tmp_path / "tiny"
    shutil.copytree(exported / "tiny", copy)
    (copy / "diary.txt").write_text("private")
    pack(copy, tmp_path / "sent.tar")
    assert "tiny/diary.txt" not in members_of((tmp_path / "sent.tar").read_bytes())


@pytest.mark.parametrize("damage", ["missing", "cut", "altered", "card"])
def test_a_damaged_model_is_not_packed_and_an_earlier_archive_stays(exported, tmp_path, damage):
    copy = tmp_path / "tiny"
    shutil.copytree(exported / "tiny", copy)
    table = copy / "table.npy"
    data = bytearray(table.read_bytes())
    data[-1] ^= 1
    if damage == "missing":
        table.unlink()
    elif damage == "cut":
        table.write_bytes(data[:-1])
    elif damage == "altered":
        table.write_bytes(data)
    else:
        (copy / "model.json").write_text("{}")
    archive = tmp_path / "sent.tar"
    archive.write_bytes(b"an earlier one")
    with pytest.raises(ModelDamaged) as caught:
        pack(copy, archive)
    assert ("model.json" if damage == "card" else "table.npy") in caught.value.message
    assert archive.read_bytes() == b"an earlier one"
    assert (
        sorted(path.name for path in tmp_path.iterdir())
        == ["home", "sent.tar", "tiny"][not (tmp_path / "home").exists() :]
    )


# what is there already


def test_another_model_is_not_replaced_unasked(exported, packed, models, tmp_path):
    shutil.copytree(exported / "second", models / "tiny")
    before = contents(models)
    (tmp_path / "sent.tar").write_bytes(packed)
    with pytest.raises(InvalidInput, match="tiny") as caught:
        unpack(tmp_path / "sent.tar", models)
    assert "--name" in caught.value.hint
    assert "--replace" in caught.value.hint
    assert contents(models) == before


def test_another_model_is_replaced_whole_when_asked(exported, packed, models, tmp_path):
    shutil.copytree(exported / "second", models / "tiny")
    (models / "tiny" / "left.over").write_text("x")
    (tmp_path / "sent.tar").write_bytes(packed)
    unpack(tmp_path / "sent.tar", models, replace=True)
    assert contents(models / "tiny") == contents(exported / "tiny")
    assert [path.name for path in models.iterdir()] == ["tiny"]


def test_a_broken_archive_replaces_nothing_even_when_asked(exported, packed, models, tmp_path):
    shutil.copytree(exported / "second", models / "tiny")
    before = contents(models)
    (tmp_path / "sent.tar").write_bytes(packed[: len(packed) // 2])
    with pytest.raises((InvalidInput, ModelDamaged)):
        unpack(tmp_path / "sent.tar", models, replace=True)
    assert contents(models) == before


def test_the_same_model_again_is_fine(exported, packed, models, tmp_path):
    (tmp_path / "sent.tar").write_bytes(packed)
    for _ in range(2):
        unpack(tmp_path / "sent.tar", models)
    assert contents(models / "tiny") == contents(exported / "tiny")
    assert [path.name for path in models.iterdir()] == ["tiny"]


@pytest.mark.parametrize("damage", ["table.npy", "model.json"])
def test_a_damaged_copy_of_the_model_is_mended(exported, packed, models, tmp_path, damage):
    shutil.copytree(exported / "tiny", models / "tiny")
    (models / "tiny" / damage).write_bytes(b"torn")
    (tmp_path / "sent.tar").write_bytes(packed)
    unpack(tmp_path / "sent.tar", models)
    assert contents(models / "tiny") == contents(exported / "tiny")


def test_a_folder_that_is_no_model_is_not_replaced_unasked(packed, models, tmp_path):
    (models / "tiny").mkdir(parents=True)
    (models / "tiny" / "diary.txt").write_text("private")
    (tmp_path / "sent.tar").write_bytes(packed)
    with pytest.raises(InvalidInput):
        unpack(tmp_path / "sent.tar", models)
    assert (models / "tiny" / "diary.txt").read_text() == "private"


def test_other_models_are_left_alone(exported, packed, models, tmp_path):
    shutil.copytree(exported / "second", models / "second")
    (tmp_path / "sent.tar").write_bytes(packed)
    unpack(tmp_path / "sent.tar", models)
    assert contents(models / "second") == contents(exported / "second")


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "a b", "-x", "x" * 101, "tiny\n", "\udcff"])
def test_a_name_that_no_model_may_have_is_refused(packed, models, tmp_path, name):
    assert repr(name) in refused(tmp_path, models, packed, name).message


# what is no archive of a model


@pytest.mark.parametrize("data", [b"", b"\0" * 10240, b"not a tar " * 200, b"PK\x03\x04" + b"x" * 1000, b"x"])
def test_what_is_no_tar_is_refused_and_told_where_archives_come_from(tmp_path, models, data):
    error = refused(tmp_path, models, data)
    assert_names_the_archive(error)
    assert "rekall model pack" in error.hint


def test_a_compressed_archive_is_refused(tmp_path, models, packed):
    error = refused(tmp_path, models, gzip.compress(packed))
    assert_names_the_archive(error)


def test_an_archive_that_cannot_be_read_is_an_error_of_the_system(tmp_path, models):
    with pytest.raises(FileNotFoundError):
        unpack(tmp_path / "nowhere.tar", models)
    assert not models.exists()


def cuts(size: int) -> list[int]:
    return [1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, size // 4, size // 3, size // 2, 3 * size // 4]


@pytest.mark.parametrize("place", range(10))
def test_a_cut_archive_is_refused_by_its_own_name(tmp_path, models, packed, place):
    assert_names_the_archive(refused(tmp_path, models, packed[: cuts(len(packed))[place]]))


def test_an_archive_cut_at_any_block_is_refused_or_whole(tmp_path, models, exported, packed):
    whole = contents(exported / "tiny")
    archive = tmp_path / "sent.tar"
    for size in range(0, len(packed), BLOCK):
        archive.write_bytes(packed[:size])
        try:
            unpack(archive, models)
        except (InvalidInput, ModelDamaged):
            assert contents(tmp_path).keys() == {"sent.tar"}
        else:
            assert contents(models / "tiny") == whole
            shutil.rmtree(models)


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), near=st.integers(-BLOCK, BLOCK))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_byte_anywhere_is_refused_or_does_not_matter(tmp_path, exported, sound, place, flip, near):
    whole = contents(exported / "tiny")
    archive, models = tmp_path / "flip" / "sent.tar", tmp_path / "flip" / "models"
    shutil.rmtree(tmp_path / "flip", ignore_errors=True)
    archive.parent.mkdir()
    data = bytearray(sound.read_bytes())
    data[(int(place * len(data)) + near) % len(data)] ^= flip
    archive.write_bytes(data)
    try:
        folder, _ = unpack(archive, models)
    except (InvalidInput, ModelDamaged):
        assert contents(archive.parent).keys() == {"sent.tar"}
    else:
        assert {**contents(folder), "model.json": whole["model.json"]} == whole  # the card: see the next test


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"dimensions": 32', b'"dimensions": 33'),
        (b'"name": "tiny"', b'"name": "tinx"'),
        (b'"licence": "', b'"licence": "A'),
        (b'"precision": "q8"', b'"precision": "q9"'),
        (b'"min_cosine": 0', b'"min_cosine": 1'),
    ],
)
def test_a_card_damaged_where_no_hash_looks_is_refused(tmp_path, models, packed, old, new):
    """What `model list` and `info` say of a model, and whether it loads, stands in the card alone."""
    card = members_of(packed)["tiny/model.json"]
    assert old in card
    if len(new) > len(old):
        old += card[card.index(old) + len(old) :][:1]
    damaged = packed.replace(card, card.replace(old, new, 1), 1)
    assert len(damaged) == len(packed)
    assert_names_the_archive(refused(tmp_path, models, damaged))


@pytest.mark.parametrize("value", ["", "-1", "-512", "x", "1,x", "1,2,3", "9" * 30, "1.5", "a/b", "é", "nan"])
@pytest.mark.parametrize("field", ["size", "path", "mtime", "hdrcharset", "GNU.sparse.map", "GNU.sparse.size"])
def test_an_odd_header_is_refused_or_does_not_matter(tmp_path, models, exported, packed, field, value):
    archive = tmp_path / "sent.tar"
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in members_of(packed).items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            if name.endswith("table.npy"):
                member.pax_headers = {field: value}
            tar.addfile(member, io.BytesIO(data))
    try:
        folder, _ = unpack(archive, models)
    except (InvalidInput, ModelDamaged):
        assert contents(tmp_path).keys() == {"sent.tar"}
    else:
        assert contents(folder) == contents(exported / "tiny")


def with_renamed(old: str, new: str) -> Callable[[bytes], bytes]:
    return lambda packed: tar_of({new if name == old else name: data for name, data in members_of(packed).items()})


def with_member(member: tarfile.TarInfo) -> Callable[[bytes], bytes]:
    return lambda packed: tar_of(members_of(packed), member)


def with_file(name: str) -> Callable[[bytes], bytes]:
    return lambda packed: tar_of({**members_of(packed), name: b"x"})


def without(file: str) -> Callable[[bytes], bytes]:
    return lambda packed: tar_of({name: data for name, data in members_of(packed).items() if name != file})


def doubled(packed: bytes) -> bytes:
    made = io.BytesIO(tar_of(members_of(packed)))
    with tarfile.open(fileobj=made, mode="a") as tar:
        member = tarfile.TarInfo("tiny/table.npy")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    return made.getvalue()


FOREIGN: dict[str, Callable[[bytes], bytes]] = {
    "a symbolic link": with_member(special("tiny/link", tarfile.SYMTYPE, "/etc/passwd")),
    "a symbolic link as a file of the model": lambda packed: tar_of(
        members_of(without("tiny/table.npy")(packed)), special("tiny/table.npy", tarfile.SYMTYPE, "/etc/passwd")
    ),
    "a hard link": with_member(special("tiny/link", tarfile.LNKTYPE, "tiny/model.json")),
    "a device": with_member(special("tiny/device", tarfile.CHRTYPE)),
    "a pipe": with_member(special("tiny/pipe", tarfile.FIFOTYPE)),
    "an empty folder": with_member(special("tiny/folder", tarfile.DIRTYPE)),
    "an absolute path": with_renamed("tiny/table.npy", "/tmp/rekall-table.npy"),
    "a way up": with_renamed("tiny/table.npy", "tiny/../table.npy"),
    "a way up at the beginning": with_renamed("tiny/table.npy", "../table.npy"),
    "a way up for every file": lambda packed: tar_of(
        {name.replace("tiny/", "../"): data for name, data in members_of(packed).items()}
    ),
    "a nested folder": with_file("tiny/inner/file"),
    "a backslash": with_file("tiny\\..\\file"),
    "a hidden file": with_file("tiny/.hidden"),
    "a file beside the folder": with_file("file"),
    "a second folder": with_file("second/file"),
    "an extra file": with_file("tiny/extra.bin"),
    "a file twice": doubled,
    "no card": without("tiny/model.json"),
    "no table": without("tiny/table.npy"),
    "no probes": without("tiny/probes.json"),
    "a card alone": lambda packed: tar_of({"tiny/model.json": members_of(packed)["tiny/model.json"]}),
    "many files": lambda packed: tar_of({**members_of(packed), **{f"tiny/file{n}": b"" for n in range(100)}}),
    "no folder": lambda packed: tar_of({name.removeprefix("tiny/"): data for name, data in members_of(packed).items()}),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_an_archive_with_what_no_model_has_is_refused_by_its_own_name(tmp_path, models, packed, kind):
    assert_names_the_archive(refused(tmp_path, models, FOREIGN[kind](packed)))
    assert not Path("/tmp/rekall-table.npy").exists()


def test_a_file_cut_inside_a_sound_archive_is_named(tmp_path, models, packed):
    files = members_of(packed)
    files["tiny/table.npy"] = files["tiny/table.npy"][:-1]
    error = refused(tmp_path, models, tar_of(files))
    assert "table.npy" in error.message
    assert_names_the_archive(error)


def altered(packed: bytes, *, crc: bool = False, sha: bool = False, fingerprint: bool = False) -> bytes:
    """Another table, and a card that was made to fit it in some respects."""
    import zlib

    files = members_of(packed)
    table = bytearray(files["tiny/table.npy"])
    table[-1] ^= 1
    files["tiny/table.npy"] = bytes(table)
    card = json.loads(files["tiny/model.json"])
    if crc:
        card["files"]["table.npy"]["crc32"] = zlib.crc32(table)
    if sha:
        card["files"]["table.npy"]["sha256"] = hashlib.sha256(table).hexdigest()
    if fingerprint:
        card["fingerprint"] = "0" * 16
    files["tiny/model.json"] = json.dumps(card).encode()
    return tar_of(files)


@pytest.mark.parametrize("fitting", [{}, {"crc": True}, {"crc": True, "sha": True}, {"fingerprint": True}])
def test_an_altered_file_is_refused_whatever_was_done_to_the_card(tmp_path, models, packed, fitting):
    error = refused(tmp_path, models, altered(packed, **fitting))
    assert_names_the_archive(error)


def test_the_card_of_another_model_is_refused(tmp_path, models, packed, exported):
    card = (exported / "second" / "model.json").read_bytes()
    assert_names_the_archive(refused(tmp_path, models, tar_of({**members_of(packed), "tiny/model.json": card})))


@pytest.mark.parametrize("card", [b"", b"not json", b"[]", b"{}", b'{"format": 99}', b"[" * 100_000, b" " * (2 << 20)])
def test_a_card_that_cannot_be_read_is_refused(tmp_path, models, packed, card):
    assert_names_the_archive(refused(tmp_path, models, tar_of({**members_of(packed), "tiny/model.json": card})))


def test_sizes_beyond_any_model_are_refused_without_writing_them(tmp_path, models, packed):
    huge = tarfile.TarInfo("tiny/huge.bin")
    huge.size = 1 << 40
    header = huge.tobuf(tarfile.GNU_FORMAT)
    data = tar_of(members_of(packed))
    end = len(data.rstrip(b"\0"))
    end += -end % BLOCK
    assert_names_the_archive(refused(tmp_path, models, data[:end] + header + b"x" * BLOCK))
    assert_names_the_archive(refused(tmp_path, models, header + b"x" * BLOCK))


def test_a_file_of_holes_is_not_written_out(tmp_path, models, packed, monkeypatch):
    """A few bytes of archive that say 200 MB of zeros: refused for its name before a byte is written."""
    hole = tarfile.TarInfo("tiny/hole.bin")
    hole.pax_headers = {"GNU.sparse.map": f"{200 << 20},0", "GNU.sparse.size": str(200 << 20)}
    written = 0
    write = Path.open

    class Counting(io.BytesIO):
        def write(self, data: object) -> int:
            nonlocal written
            written += len(data)  # type: ignore[arg-type]
            return 0

    def open_counting(self: Path, mode: str = "r", *arguments: object) -> object:
        return Counting() if self.name == "hole.bin" and "w" in mode else write(self, mode, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", open_counting)
    archive = tmp_path / "sent.tar"
    archive.write_bytes(tar_of(members_of(packed), hole))
    with pytest.raises((InvalidInput, ModelDamaged)):
        unpack(archive, models)
    assert written == 0
