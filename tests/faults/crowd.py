"""Two writers and ten readers over one base at once, with an import and changes of the model between them."""

from __future__ import annotations

import json
import os
import time

from faults.forking import Child, command
from faults.homes import TITLES, Home, large_jsonl
from faults.random_kills import write_for_ever
from faults.states import faults_of, read_state
from faults.tally import Tally

WRITERS, READERS = 2, 10


def _read_until(end: float) -> None:
    """Search and list until a moment; say how often, and what went wrong."""
    from rekall.app import App
    from rekall.entry.filters import Filters
    from rekall.search.results import Mode

    app = App()
    count = 0
    while time.monotonic() < end:
        base = app.open_base()
        mode = Mode.WORDS if count % 3 else Mode.HYBRID
        found = [hit.entry.title for hit in base.search("nginx answers upstream", Filters(), mode, 5).hits]
        listed = {entry.title for entry in base.list_entries(Filters(), None).entries}
        if TITLES[1] not in found or not set(TITLES) <= listed:
            os.write(1, json.dumps(f"found {found} by {mode.value}").encode() + b"\n")
        count += 1
    app.close()
    os.write(1, b"%d\n" % count)


def try_crowd(home: Home, seconds: float) -> Tally:
    """Let them work for a while."""
    tally = Tally(f"{WRITERS} writers and {READERS} readers for {seconds:.0f} s, an import and changes of the model")
    file = large_jsonl(home.folder / "crowd.jsonl", 200)
    environ = home.environ()
    end = time.monotonic() + seconds
    writers = [
        Child(lambda n=n: write_for_ever(1000 * n, is_alone=False), home.folder, environ, name=f"writer{n}")
        for n in range(1, WRITERS + 1)
    ]
    readers = [Child(lambda: _read_until(end), home.folder, environ, name=f"reader{n}") for n in range(READERS)]
    for words in (
        ["model", "use", "second"],
        ["import", str(file)],
        ["model", "use", "tiny"],
        ["model", "use", "third"],
    ):
        ended = Child(command(words), home.folder, environ, name="between").wait(max(60.0, seconds))
        tally.count("model changed or import done")
        if ended.code or ended.has_traceback or ended.hung:
            tally.problems.append(f"{' '.join(words[:2])} ends with {ended.code}: {ended.text[-700:]}")
    for reader in readers:
        ended = reader.wait(seconds + 120)
        *wrong, count = ended.out.splitlines() or ["0"]
        if ended.code or not count.isdigit() or ended.has_traceback:
            tally.problems.append(f"a reader ended with {ended.code}: {ended.text[-900:]}")
            continue
        tally.count("read", int(count))
        tally.problems += [f"a reader {each}" for each in wrong[:3]]
    said: dict[str, str | None] = {}
    for writer in writers:
        ended = writer.kill()
        open_ = None
        if ended.err:
            tally.problems.append(f"a writer: {ended.err[-900:]}")
        for line in ended.out.splitlines():
            word, title, content = json.loads(line)
            open_ = title if word == "begin" else None
            if word != "begin":
                said[title] = content
        said.pop(open_ or "", None)
    tally.note("changes that were acknowledged", len(said))
    found = {name[6:]: fact[0][1] for name, fact in read_state(home.home).facts.items() if name.startswith("entry:")}
    tally.problems += [
        f"{title} says {found.get(title)!r}, and {content!r} was acknowledged"
        for title, content in said.items()
        if found.get(title) != content and not (content is None and title in found)
    ]
    facts = sum(title.startswith("Fact ") for title in found)
    if facts != 200:
        tally.problems.append(f"{facts} of 200 imported records are there")
    tally.problems += faults_of(home.home)
    return tally
