"""What `rekall help TOPIC` and the man page say beside the commands; written once, in short lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to know.

    Attributes:
        name: What a person types after `rekall help`.
        title: One line.
        text: The page; a line that begins with two blanks is shown as it stands.
        others: Other words for it.
    """

    name: str
    title: str
    text: str
    others: tuple[str, ...] = ()


TOPICS = (
    Topic(
        "query",
        "What a search understands.",
        """
Words are searched as they stand and by what they mean; small slips of typing are found too.
Nothing needs quotes but a line that the shell would change.

  nginx 502 after reload    all words count, none must be there
  "connection reset"        exactly these words, one after another
  -chrome   NOT chrome      without this word
  type:bug  tag:cors        only such entries; more than one type may be given
  project:webapp            only of this project
  since:2w  until:monday    changed in that time; created: and changed: too
  status:obsolete           what no longer holds

Flags of what you search for are text: `rekall search docker run -it`. The options of
search stand before the query or behind it. A word that looks like a filter and is none
is searched as text, and a note says so.
`rekall search --save slow type:bug timeout` keeps a line, and @slow as the first word of
a query stands for it, here and in the terminal UI; `--saved` lists them.
`rekall search -` takes an error message from stdin as the question.
Each hit says how sure it is: strong, likely or weak. `--min strong` leaves out the rest,
`--explain` says why a hit is there, `--mode words` asks the words alone.
""",
        ("search-syntax", "syntax", "queries"),
    ),
    Topic(
        "names",
        "How to name an entry.",
        """
Wherever a command takes an entry, any of these will do:

  3  or  @3                 the third of the list that this terminal showed last
  K7Q2                      its id as it is shown: the end of the whole id
  01K2KT...                 the beginning of the whole id
  "CORS fails on Safari"    its title, or words that only its title has
  -                         ids from stdin, one a line

Without a name, `rekall show` and `rekall edit` let you choose one. `rekall pick` does so
for scripts.
""",
        ("ids", "id", "entries"),
    ),
    Topic(
        "dates",
        "How dates are written.",
        """
In options, in queries, in the terminal UI and over MCP:

  today  yesterday  monday          days; a weekday is the last one
  7d  2w  3mo  1y                   so long ago
  "3 months ago"  "last 2 weeks"    the same in words
  "last week"  november  "5 nov"    by name; without a year the last one
  "last night"  "monday 9am"        a part of a day, a time of it
  2026-11-24  2026-11  2026-W48     a day, a month, a week
  2026-11-24T18:30                  a moment, in local time

`since` and `until` ask when an entry was changed last. `created` and `changed` take a
span: created:2026-11, or two dates: changed:monday..wednesday. In a query no date needs
quotes: since:last week.
""",
        ("date", "times"),
    ),
    Topic(
        "types",
        "The types of entries, and when each fits.",
        """
  bug         something was broken, and how it was mended
  pattern     a way to do things that has proved good
  decision    what was decided, and why
  pitfall     what looks right and is not
  config      settings that work
  reference   facts to look up
  snippet     lines to copy
  til         something learned; what fits nowhere else

`rekall add just a thought` takes the type of the setting add.type. `--confidence 0-5`
says how sure you are. More: docs/writing.md of the project.
""",
        ("type", "confidence"),
    ),
    Topic(
        "exit-codes",
        "What the exit codes mean.",
        "",  # made from main.EXIT_CODES
        ("codes", "exit"),
    ),
    Topic(
        "environment",
        "Variables that Rekall reads.",
        """
  REKALL_HOME                one folder for everything: settings, base, models
  REKALL_<SECTION>_<KEY>     a setting, such as REKALL_SEARCH_LIMIT=5
  REKALL_KEY                 the key that `rekall init` binds, or none
  REKALL_PAGER, PAGER        what shows what is longer than the screen;
                             empty for nothing
  REKALL_TERMINAL            names the terminal, for programs that run rekall
                             for a person: numbers are places of its last list
  VISUAL, EDITOR             what edits, where ui.editor is empty
  NO_COLOR                   no colours
  COLUMNS                    the width of tables
  HF_ENDPOINT, HF_HOME, HF_TOKEN, HF_HUB_OFFLINE   for `rekall model pull`

`rekall config list` shows every setting and where its value comes from: the default,
the file, the environment, or `--set`.
""",
        ("env", "variables"),
    ),
    Topic(
        "files",
        "Where everything lies.",
        """
`rekall config path` prints the places. One SQLite file holds all notes, words and
vectors; while it is in use there are two more beside it, -wal and -shm, so copy it with
`rekall backup` and not by hand. Beside it:

  config.toml                settings; `rekall config edit` opens it
  drafts/                    what an editor held when something went wrong
  backups/                   copies, by `rekall backup` and before risky changes
  models/                    models of your own
  lists/                     what each terminal listed last, for `rekall show 1`

`rekall doctor` says what is wrong with any of it. To move to another machine: `rekall backup
FILE` here, `rekall restore-base FILE` there. To uninstall: remove the package, then these
folders.
""",
        ("places", "paths", "folders"),
    ),
    Topic(
        "scripting",
        "How to use Rekall in scripts.",
        """
Data goes to stdout, everything else to stderr. `--json` answers with one JSON object,
errors too: {"error": {"kind": ..., "message": ..., "hint": ...}}. The exit code tells
what went wrong: `rekall help exit-codes`. Nothing asks without a terminal; `--yes`
answers before it is asked.

  rekall search deadlock --json | jq -r '.hits[0].title'
  rekall search deadlock --ids | rekall edit - --tag postgres
  rekall show "$(rekall pick)"
  make 2>&1 | tail -20 | rekall search --min strong -
  git log -1 --format=%B | rekall add til "what this commit taught"
""",
        ("scripts", "json", "pipes"),
    ),
    Topic(
        "shell",
        "Completion, a key that searches, and the last error.",
        """
  eval "$(rekall init bash)"          in ~/.bashrc
  eval "$(rekall init zsh)"           in ~/.zshrc
  rekall init fish | source           in ~/.config/fish/config.fish
  rekall init powershell | Out-String | Invoke-Expression     in $PROFILE

Tab then completes commands, options and values: types, tags, projects, settings, models,
and entries by id or by words of their title. alt-k (in bash and zsh ctrl-x k too)
searches what is on the line and puts in what you pick: the id behind a `rekall` command,
else the lines of its first code block, else a command that shows the entry.
With --last-error, `rk COMMAND` searches what a command that fails has said, and `rk!`
what the last one said.
""",
        ("completion", "keys", "key"),
    ),
)


def find_topic(name: str) -> Topic | None:
    """The topic of a name."""
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    return next((each for each in TOPICS if plain in (each.name, *each.others)), None)


def page(topic: Topic) -> str:
    """The text of a topic."""
    return "\n".join(_wrapped(topic.text.strip("\n").splitlines()) if topic.text else _exit_codes()).rstrip("\n")


def _wrapped(lines: Sequence[str]) -> Iterator[str]:
    """Paragraphs in lines of a terminal; what is indented stands as it is."""
    import textwrap

    paragraph: list[str] = []
    for line in (*lines, ""):
        if line and not line.startswith("  "):
            paragraph.append(line)
            continue
        yield from textwrap.wrap(" ".join(paragraph), 78, break_long_words=False, break_on_hyphens=False)
        paragraph = []
        yield line


def _exit_codes() -> Iterator[str]:
    import textwrap

    from rekall.cli.commands import EXIT_CODES

    for code, meaning in EXIT_CODES:
        first, *rest = textwrap.wrap(meaning, 70)
        yield f"  {code:>3}  {first}"
        yield from (f"       {line}" for line in rest)
