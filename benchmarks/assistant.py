"""What an assistant pays for ten things it does with its memory: tokens of its calls and of the answers, before and now.

    git worktree add --detach /tmp/before COMMIT
    python benchmarks/assistant.py [--before /tmp/before] [--data corpus.jsonl] [--write]

Every task is done through the SDK's client over pipes, as an assistant would: what it reads is taken from the answers, ids
among them. Tokens are counted twice: four characters each, about what models of today need for English and code, and in the word pieces of
the shipped model, which break up punctuation and so give more. `--before` runs older code over the same notes. `--write`
puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import TextContent

CHECKOUT = Path(__file__).resolve().parent.parent
NOTES = CHECKOUT / "examples" / "notes"
DOCUMENT = CHECKOUT / "docs" / "benchmarks.md"
BLOCK = re.compile(r"(?<=<!-- assistant -->\n).*?(?=<!-- end of assistant -->)", re.DOTALL)
REKALL = ("-m", "rekall")

_HIT = re.compile(r"^(?:(?:strong|likely|weak)  )?([0-9A-Z]{4,26})  \S", re.MULTILINE)
_NEW_ID = re.compile(r"^added (\w+)", re.MULTILINE)
_TIME = re.compile(r"updated_at (\S+)")

KNOWN = "users of safari are logged out after a week"
ERROR = (
    "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00"
)
UNKNOWN = "best recipe for pasta carbonara"
LEARNED = "uv pip compile keeps the pins of an old lock file until --upgrade is given"
AGAIN = "nginx answers 502 at random when the upstream closes keepalive connections first"


@dataclass
class Talk:
    """What went over the wire for one task.

    Attributes:
        text: What a model reads of calls and answers where its client shows it the text.
        data: What comes on top where the client shows the structured content too.
    """

    client: Client
    text: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)

    async def call(self, name: str, **arguments: Any) -> str:
        """Call a tool; the text of its answer."""
        result = await self.client.call_tool(name, arguments)
        text = "".join(block.text for block in result.content if isinstance(block, TextContent))
        if result.is_error:
            sys.exit(f"error: {name} {arguments}: {text}")
        self.text += [json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False), text]
        if result.structured_content is not None:
            self.data.append(json.dumps(result.structured_content, ensure_ascii=False))
        return text


async def find_known(talk: Talk) -> None:
    found = await talk.call("search", query=KNOWN)
    await talk.call("get", ids=_HIT.findall(found)[:1])


async def find_nothing(talk: Talk) -> None:
    await talk.call("search", query=UNKNOWN)


async def paste_error(talk: Talk) -> None:
    found = await talk.call("search", query=ERROR, literal=True)
    await talk.call("get", ids=_HIT.findall(found)[:1])


async def add(talk: Talk) -> None:
    await talk.call(
        "add", type="pitfall", title=LEARNED, content="Seen with 0.9; the lock was from March.", tags=["python"]
    )


async def similar_before_add(talk: Talk) -> None:
    await talk.call("similar", to=AGAIN)
    await talk.call("add", type="bug", title=AGAIN, solution="keepalive_timeout below the upstream's")


async def get_three(talk: Talk) -> None:
    ids = _HIT.findall(await talk.call("search", query="nginx", limit=3))
    await talk.call("get", ids=ids)


async def update(talk: Talk) -> None:
    entry = _HIT.findall(await talk.call("search", query=LEARNED, limit=1))[:1]
    read = await talk.call("get", ids=entry)
    seen = _TIME.findall(read)[0]
    await talk.call("update", id=entry[0], solution="uv pip compile --upgrade", if_updated_at=seen)


async def recent(talk: Talk) -> None:
    await talk.call("recent")


async def deprecate(talk: Talk) -> None:
    old, new = _HIT.findall(await talk.call("search", query=AGAIN, limit=2))[:2]
    await talk.call("deprecate", id=old, superseded_by=new, reason="the older one says more")


async def usage(talk: Talk) -> None:
    await talk.call("usage")


TASKS = {
    "Find a known fix, and read it": find_known,
    "Find that nothing is known": find_nothing,
    "Search a pasted error, and read the best hit": paste_error,
    "Add an entry": add,
    "Look for similar ones, then add": similar_before_add,
    "Search, and read three entries": get_three,
    "Find, read and update an entry": update,
    "List what changed last": recent,
    "Find two, and deprecate one": deprecate,
    "Ask how to use it, once a conversation": usage,
}


@dataclass(frozen=True)
class Cost:
    """What one thing costs, in characters and in word pieces: the text alone, and with structured content."""

    chars: tuple[int, int]
    pieces: tuple[int, int]

    @classmethod
    def of(cls, text: Sequence[str], data: Sequence[str] = ()) -> Cost:
        """The cost of some texts."""
        chars, pieces = ([sum(map(count, text)), sum(map(count, [*text, *data]))] for count in (len, _pieces))
        return cls((chars[0], chars[1]), (pieces[0], pieces[1]))


def _pieces(text: str) -> int:
    return len(_tokenizer().encode(text, add_special_tokens=False).ids)


@cache
def _tokenizer() -> Any:
    from tokenizers import Tokenizer

    (file,) = (CHECKOUT / "models").glob("*/tokenizer.json")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


async def measured(env: dict[str, str], cwd: str) -> dict[str, Cost]:
    """The cost of the list of tools, and of each task."""
    server = StdioServerParameters(command=sys.executable, args=[*REKALL, "mcp"], env=env, cwd=cwd)
    async with Client(server) as client:
        tools = (await client.list_tools()).tools
        listed = [
            json.dumps(tool.model_dump(mode="json", by_alias=True, exclude_none=True), separators=(",", ":"))
            for tool in tools
        ]
        costs = {"The list of tools, in every conversation": Cost.of(listed)}
        for name, task in TASKS.items():
            talk = Talk(client)
            await task(talk)
            costs[name] = Cost.of(talk.text, talk.data)
        return costs


def run(code: Path, data: Path) -> dict[str, Cost]:
    """The costs of some code over a base of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        about = Path(scratch, "rekall-0.dist-info")  # code from before November 2026 asks for its version by that name
        about.mkdir()
        (about / "METADATA").write_text("Name: rekall\nVersion: 0\n")
        path = os.pathsep.join((str(code), scratch))
        env = {**os.environ, "PYTHONPATH": path, "REKALL_HOME": str(Path(scratch, "home"))}
        subprocess.run([sys.executable, *REKALL, "import", data], env=env, cwd=scratch, check=True, capture_output=True)
        return asyncio.run(measured(env, scratch))


def table(before: dict[str, Cost], now: dict[str, Cost]) -> str:
    """Both side by side, in tokens."""
    head = (
        "| | before: text | text and structured | now: text | pieces before | pieces now |\n|---|---|---|---|---|---|\n"
    )
    rows = []
    for name, cost in now.items():
        old = before.get(name)
        was = [f"{-(-chars // 4):,}" for chars in old.chars] if old else ["", ""]
        pieces = f"{old.pieces[0]:,}" if old else ""
        rows.append([name, *was, f"{-(-cost.chars[1] // 4):,}", pieces, f"{cost.pieces[1]:,}"])
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of older code")
    parser.add_argument("--data", type=Path, default=NOTES, help="notes to import beside those of the tasks")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    now = run(CHECKOUT, options.data)
    before = run(options.before, options.data) if options.before else {}
    made = table(before, now)
    if options.write:
        DOCUMENT.write_text(BLOCK.sub(lambda _: made, DOCUMENT.read_text("utf-8")), "utf-8")
    else:
        print(made, end="")


if __name__ == "__main__":
    main()
