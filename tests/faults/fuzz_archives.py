"""Archives of models that were spoilt or made up, and cards that speak to the terminal; always the same for a seed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults.forking import forked
from faults.homes import Home
from faults.judging import in_this_process
from faults.states import files_of
from faults.tally import Tally
from rekall.errors import EngineError
from rekall.models.engine.card import fingerprint_of, read_card

_NAMES = (
    "../../out",
    "/tmp/out",
    "tiny/../../out",
    "tiny",
    "",
    ".",
    "a" * 300,
    "tiny/\x1b[2J",
    "CON",
    "tiny\\x",
    "é" * 90,
)
_TYPES = (
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    tarfile.FIFOTYPE,
    tarfile.DIRTYPE,
    b"S",
    b"L",
    b"x",
    b"g",
    b"?",
)
_TEXTS = ("MIT\x1b]0;PWN\x07", "\x1b[2J", "\u202egnp", "\u200b", "x" * 100_000, "\0", "\ud83d", "a\nb", "\x9b31m")
_ODD: tuple[Any, ...] = (None, -1, 0, 1 << 62, 1.5, True, [], {}, "", "384", *_TEXTS)


def spoilt(chance: random.Random, packed: bytes) -> bytes:
    """An archive with some bytes changed, most of them where they tell something."""
    data = bytearray(packed)
    kind = chance.random()
    if kind < 0.15:
        return bytes(data[: chance.randrange(len(data))])
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        block = chance.randrange(len(data) // 512) * 512 if kind < 0.7 else chance.randrange(len(data))
        at = min(len(data) - 1, block + chance.randrange(512 if kind < 0.7 else 1))
        data[at] = chance.choice((0, 255, 48, 55, 0x80, chance.randrange(256)))
    if kind < 0.5:  # sums of headers put right, so that what they say is looked at
        for at in range(0, len(data) - 511, 512):
            if data[at + 257 : at + 262] == b"ustar":
                data[at + 148 : at + 156] = b" " * 8
                data[at + 148 : at + 156] = b"%06o\0 " % (sum(data[at : at + 512]) & 0o777777)
    return bytes(data)


def made_up(chance: random.Random, folder: Path) -> bytes:
    """An archive of a true model among members that should not be there."""
    out = io.BytesIO()
    headers = {"comment": "x"}
    if chance.random() < 0.3:
        headers[chance.choice(("path", "size", "linkpath", "GNU.sparse.map", "mtime"))] = chance.choice(
            ("9" * 30, "../x", "-1", "x" * 70_000)
        )
    with tarfile.open(
        fileobj=out, mode="w", format=chance.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)), pax_headers=headers
    ) as tar:
        for file in sorted(folder.iterdir()):
            for _ in range(1 + (chance.random() < 0.1)):
                tar.add(file, f"tiny/{file.name}")
            if chance.random() < 0.3:
                member = tarfile.TarInfo(chance.choice(_NAMES) or "x")
                member.type = chance.choice((tarfile.REGTYPE, *_TYPES))
                member.linkname = chance.choice(("/etc/passwd", "../../..", "tiny/model.json"))
                if member.type == tarfile.REGTYPE:
                    member.size = 3
                    tar.addfile(member, io.BytesIO(b"out"))
                else:
                    tar.addfile(member)
    return out.getvalue()


def odd_card(chance: random.Random, folder: Path, to: Path) -> bytes:
    """An archive that is right in itself, of a model whose card or files say something odd."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    card = json.loads((to / "model.json").read_text("utf-8"))
    for _ in range(chance.randrange(1, 4)):
        place = card
        name = chance.choice(list(place))
        while isinstance(place[name], dict) and place[name] and chance.random() < 0.7:
            place = place[name]
            name = chance.choice(list(place))
        place[name] = chance.choice(_ODD)
    file = to / chance.choice(("tokenizer.json", "rows.npy", "table.npy", "scales.npy"))
    if chance.random() < 0.5 and file.exists():
        data = bytearray(file.read_bytes())
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        file.write_bytes(data)
    _put_sums_right(card, to)
    return _packed(json.dumps(card), to)


def _put_sums_right(card: dict[str, Any], folder: Path) -> None:
    files = card.get("files")
    for name, said in files.items() if isinstance(files, dict) else ():
        if (folder / name).is_file():
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            if isinstance(said, dict):
                data = (folder / name).read_bytes()
                said |= {"sha256": digest, "crc32": zlib.crc32(data), "size": len(data)}
    (folder / "model.json").write_text(json.dumps(card), "utf-8")
    with contextlib.suppress(EngineError):  # a card so odd that it cannot be read
        read = read_card(folder)
        card["fingerprint"] = fingerprint_of(read.files, read.prompts, read.max_tokens, read.trims, read.max_characters)


def _packed(card: str, folder: Path) -> bytes:
    (folder / "model.json").write_text(card, "utf-8")
    out = io.BytesIO()
    sums = {"REKALL.card.sha256": hashlib.sha256(card.encode()).hexdigest()}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=sums) as tar:
        for each in ("model.json", *sorted(file.name for file in folder.iterdir() if file.name != "model.json")):
            tar.add(folder / each, f"odd/{each}")
    return out.getvalue()


def archives(home: Home, seed: int) -> Iterator[bytes]:
    """Endless archives."""
    chance = random.Random(seed)
    packed = home.folder / "tiny.tar"
    home.run("model", "pack", "third", "--out", str(packed))
    data, folder = packed.read_bytes(), home.home / "models" / "third"
    while True:
        kind = chance.random()
        if kind < 0.45:
            yield spoilt(chance, data)
        elif kind < 0.7:
            yield made_up(chance, folder)
        else:
            yield odd_card(chance, folder, home.folder / "odd")


def try_archives(home: Home, seed: int, count: int) -> Tally:
    """Import so many archives, and use the models of those that are taken."""
    tally = Tally("archives of models, spoilt, made up, or with an odd card")
    place, file = home.folder / "imported", home.folder / "any.tar"
    found = archives(home, seed)
    for number in range(count):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(home.home, place)
        file.write_bytes(next(found))
        around = sorted(home.folder.iterdir())
        asked = (
            ("model", "import", str(file), "--name", "odd", "--json"),
            ("model", "list"),
            ("model", "info", "odd"),
            ("model", "verify", "odd"),
            ("model", "use", "odd"),
            ("search", "cookies in safari", "--json"),
        )

        def ask(asked: tuple[tuple[str, ...], ...] = asked) -> None:
            for arguments in asked:
                code, out, err = in_this_process(arguments)
                os.write(1, json.dumps([" ".join(arguments[:2]), code, out, err]).encode() + b"\n")
                if arguments[1] == "import" and code:
                    break

        ended = forked(ask, home.folder, home.environ(place))
        lines = [json.loads(line) for line in ended.out.splitlines()]
        problems = [f"the process ended with {ended.code}{' (hung)' * ended.hung}: {ended.err[-900:]}"] * bool(
            ended.code
        )
        for name, code, out, err in lines:
            if code not in (0, 2, 3, 4, 5, 6) or "Traceback" in out + err:
                problems.append(f"{name} ends with {code}: {err[-900:] or out[-500:]}")
            if any(sign in out + err for sign in "\x1b\x07\x9b\u202e\u200b"):
                problems.append(f"{name} speaks to the terminal: {out + err!r:.500}")
        if sorted(home.folder.iterdir()) != around or Path("/tmp/out").exists():
            problems.append("something was written outside the folder of models")
        parts = [name for name in files_of(place) if ".part" in name]
        problems += [f"left over: {name}" for name in parts[:2]]
        taken = bool(lines) and lines[0][1] == 0
        tally.count("taken, and used or refused as a model" if taken else "refused")
        tally.problems += [f"archive {number} of seed {seed}: {problem}" for problem in problems]
    return tally
