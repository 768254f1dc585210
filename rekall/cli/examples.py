"""Examples of every command, as its help shows them; a test takes each line as the command would."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "": (
        "rekall add just a thought                   # write it down",
        'rekall search "safari blocks my api call"   # find it again',
        "rekall                                      # the terminal UI",
        "rekall help query                           # what a search understands",
    ),
    "add": (
        "rekall add just a thought",
        'rekall add bug "CORS fails" --solution "send Vary: Origin" --tag cors',
        "rekall add decision                         # opens your editor",
        "make 2>&1 | tail -20 | rekall add bug build fails on main",
    ),
    "today": (
        "rekall today found the leak: the pool was never closed",
        "rekall today                                # opens the note in your editor",
        "git log --oneline -5 | rekall today pushed to main",
        "rekall today --page last week               # what was learned",
    ),
    "search": (
        "rekall search nginx 502 after a reload",
        "rekall search '\"load failed\" -chrome type:bug tag:cors since:2w'",
        "make 2>&1 | tail -20 | rekall search -      # an error as the question",
        "rekall search --save slow type:bug timeout    # then: rekall search @slow",
    ),
    "show": (
        "rekall show 1                               # the first hit of the last list",
        "rekall show K7Q2",
        'rekall show "CORS fails on Safari"',
    ),
    "edit": (
        "rekall edit 1                               # in your editor",
        "rekall edit K7Q2 --tag cors --untag web",
        "rekall edit K7Q2 --status obsolete",
        "rekall search deadlock --ids | rekall edit - --add-tag postgres",
    ),
    "base": (
        "rekall base add team postgresql://db.example.com/notes",
        "rekall -b team list                         # that base alone",
    ),
    "base add": (
        "rekall base add team service=team",
        "rekall base add old ~/old-notes --read-only",
    ),
    "base list": (
        "rekall base list",
        "rekall base list --json | jq -r '.bases[].name'",
    ),
    "base use": (
        "rekall base use team",
        "rekall base use own",
    ),
    "base remove": (
        "rekall base remove old",
        "rekall base add old ~/old-notes             # brings it back",
    ),
    "base check": (
        "rekall base check",
        "rekall base check team",
    ),
    "base init": (
        "rekall base init postgresql://db.example.com/notes",
        "rekall base init ~/second",
    ),
    "share": (
        "rekall share 1 --to team",
        "rekall -b own search deadlock --ids | rekall share - --to team",
    ),
    "take": (
        "rekall take K7Q2 --from team",
        "rekall take 3 4 --from team --dry-run",
    ),
    "conflicts": (
        "rekall conflicts                            # pairs that do not agree",
        "rekall conflicts --kind version -p webapp",
        "rekall conflicts --dismiss 1 2              # they are fine",
    ),
    "merge": (
        "rekall merge 1 2                            # in your editor first",
        "rekall merge K7Q2 M3FX --dry-run",
    ),
    "supersede": (
        "rekall supersede 1 2                        # 2 replaces 1",
        'rekall supersede K7Q2 M3FX --reason "since the upgrade"',
    ),
    "delete": (
        "rekall delete 1",
        "rekall delete K7Q2 --yes",
        "rekall restore K7Q2                         # brings it back",
    ),
    "restore": (
        "rekall restore                              # what was deleted",
        "rekall restore K7Q2",
        "rekall restore K7Q2@12                      # what it said after change 12",
    ),
    "undo": (
        "rekall undo                                 # shows it, and asks",
        "rekall undo --dry-run",
        "rekall undo 12 --yes",
    ),
    "history": (
        "rekall history                              # what was done, the last first",
        "rekall history K7Q2",
        "rekall history K7Q2 --forget                # wipe what it said before",
    ),
    "diff": (
        "rekall diff K7Q2                            # what the last change changed",
        "rekall diff K7Q2 12",
        "rekall diff K7Q2 12 15",
    ),
    "list": (
        "rekall list --limit 20",
        "rekall list --type bug --tag nginx --since 2w",
        "rekall list --json | jq -r '.entries[].title'",
    ),
    "pick": (
        'rekall show "$(rekall pick nginx)"',
        "rekall pick --content > note.md",
        "rekall pick --title",
    ),
    "link": (
        "rekall link 1 3",
        "rekall link K7Q2 9XA4 --as supersedes --reason 'new API'",
        "rekall link K7Q2 9XA4 --remove",
    ),
    "review": (
        "rekall review                               # a key an entry",
        "rekall review -p webapp --all",
        "rekall review K7Q2 --outdated --by 9XA4",
        "rekall review --json | jq .due",
    ),
    "stale": (
        "rekall stale",
        "rekall stale -p webapp --because file-gone",
        "rekall stale --ids -n 5 | rekall review -     # how it stands with each",
    ),
    "related": (
        "rekall related 1",
        "rekall related K7Q2 --depth 3",
        "rekall related K7Q2 --as supersedes",
    ),
    "graph": (
        "rekall graph 1",
        "rekall graph K7Q2 --depth 4 --as derived_from",
        "rekall graph --html notes.html              # the whole base, to wander in",
    ),
    "suggest": (
        "rekall suggest",
        "rekall suggest --accept 1 3-5",
        "rekall suggest --dismiss K7Q2:9XA4",
        "rekall suggest -i --project webapp           # a key for each",
    ),
    "generalize": (
        "rekall generalize                           # groups that are worth one",
        "rekall generalize 1-3",
        "rekall generalize K7Q2 9XA4 M3P8 --dry-run > draft.md",
    ),
    "similar": (
        "rekall similar 1",
        "rekall similar the build hangs on arm64",
        "rekall similar K7Q2 --type decision --limit 5",
    ),
    "tui": ("rekall tui", "rekall --set ui.theme=light tui"),
    "import": (
        "rekall import ~/vault --project auto        # again to update",
        "rekall import notes.jsonl --dry-run",
        "rekall import --from claude-code            # what an assistant remembers",
    ),
    "export": (
        "rekall export notes.jsonl",
        "rekall export ~/notes --format markdown --tag nginx",
        "rekall export - --type decision | less",
    ),
    "sync": (
        "rekall sync ~/notes                         # again whenever you like",
        "rekall sync ~/notes --git                   # commit, pull and push, too",
        "rekall sync                                 # every folder that is synced",
        "rekall sync ~/notes --watch                 # stays, and syncs what changes",
    ),
    "stats": ("rekall stats", "rekall stats --json | jq .entries"),
    "check": ("rekall check", "rekall check --repair", "rekall check ~/backups/rekall.db"),
    "doctor": ("rekall doctor", "rekall doctor --json | jq '.lines[] | select(.level != \"good\")'"),
    "backup": ("rekall backup", "rekall backup /mnt/usb/rekall.db"),
    "restore-base": (
        "rekall backup --list                        # the copies there are",
        "rekall restore-base /mnt/usb/rekall.db",
    ),
    "tags": (
        "rekall tags",
        "rekall tags rename k8s kubernetes",
        "rekall tags merge js ecmascript javascript --dry-run",
    ),
    "tags list": ("rekall tags list --sort name", "rekall tags list --project webapp"),
    "tags rename": ("rekall tags rename k8s kubernetes", "rekall tags rename net network --dry-run"),
    "tags merge": ("rekall tags merge js ecmascript javascript", "rekall tags merge pg postgresql postgres --yes"),
    "tags remove": ("rekall tags remove todo", "rekall tags remove wip draft --dry-run"),
    "projects": ("rekall projects", "rekall projects rename webapp shop"),
    "projects list": ("rekall projects list --sort name", "rekall projects list --type bug --json"),
    "projects rename": (
        "rekall projects rename webapp shop",
        "rekall projects rename old - --dry-run     # of no project",
    ),
    "index": ("rekall index status", "rekall index rebuild --words"),
    "index status": ("rekall index status", "rekall index status --json"),
    "index rebuild": ("rekall index rebuild", "rekall index rebuild --vectors"),
    "index prune": ("rekall index prune", "rekall index prune --json"),
    "model": (
        "rekall model list",
        "rekall model pull intfloat/multilingual-e5-small",
        "rekall model use multilingual-e5-small",
    ),
    "model list": ("rekall model list", "rekall model list --json"),
    "model info": ("rekall model info", "rekall model info all-MiniLM-L6-v2"),
    "model verify": ("rekall model verify", "rekall model verify all-MiniLM-L6-v2"),
    "model use": ("rekall model use multilingual-e5-small", "rekall model use multilingual-e5-small --budget 30s"),
    "model remove": ("rekall model remove multilingual-e5-small", "rekall model remove multilingual-e5-small --json"),
    "model bench": ("rekall model bench", "rekall model bench all-MiniLM-L6-v2"),
    "model export": (
        "rekall model export ~/models/my-encoder",
        "rekall model export ~/models/my-encoder --precision fp32 --name exact",
    ),
    "model pull": (
        "rekall model pull intfloat/multilingual-e5-small",
        "rekall model pull minishlab/blink-8M --name blink",
    ),
    "model pack": (
        "rekall model pack multilingual-e5-small",
        "rekall model pack multilingual-e5-small --out /mnt/usb/e5.tar",
    ),
    "model import": ("rekall model import e5.tar", "rekall model import e5.tar --name e5"),
    "bench": ("rekall bench", "rekall bench ~/my-queries --model all-MiniLM-L6-v2"),
    "embed": ("rekall embed 'a text'", "rekall embed --input texts.jsonl --format npy --output vectors.npy"),
    "mcp": (
        "rekall mcp install                          # lists the assistants",
        "rekall mcp --read-only",
        "rekall mcp --http --port 8799",
    ),
    "mcp install": (
        "rekall mcp install",
        "rekall mcp install claude-code              # shows what would be written",
        "rekall mcp install --all --write            # all that are installed here",
        "rekall mcp install cursor --project --write",
    ),
    "mcp status": ("rekall mcp status", "rekall mcp status --project"),
    "mcp uninstall": (
        "rekall mcp uninstall claude-code",
        "rekall mcp uninstall --all",
    ),
    "hook": (
        "rekall hook install                         # the assistants that have hooks",
        "rekall hook install claude-code --skill",
        "rekall hook line --write-to AGENTS.md       # for every other assistant",
    ),
    "hook install": (
        "rekall hook install claude-code --dry-run   # shows what would be changed",
        "rekall hook install claude-code --skill",
        "rekall hook install codex --on session --project",
    ),
    "hook uninstall": ("rekall hook uninstall claude-code", "rekall hook uninstall codex --project"),
    "hook status": ("rekall hook status", "rekall hook status claude-code --json"),
    "hook run": (
        'echo \'{"prompt": "safari drops"}\' | rekall hook run claude-code prompt',
        "REKALL_HOOKS=off claude                     # a session without them",
    ),
    "hook line": (
        "rekall hook line",
        "rekall hook line --write-to AGENTS.md",
        "rekall hook line --write-to AGENTS.md --remove",
    ),
    "hook skill": ("rekall hook skill", "rekall hook skill --write-to ~/.claude/skills"),
    "config": ("rekall config list", "rekall config set search.limit 20", "rekall config unset search.limit"),
    "config list": ("rekall config list", "rekall config list --json"),
    "config get": ("rekall config get search.limit", "rekall config get ui.editor"),
    "config set": ("rekall config set search.limit 20", "rekall config set ui.editor 'code --wait'"),
    "config unset": ("rekall config unset search.limit", "rekall config unset ui.editor"),
    "config edit": ("rekall config edit", "rekall --set ui.editor=nano config edit"),
    "config path": ("rekall config path", "rekall config path --json | jq -r .database"),
    "init": (
        'eval "$(rekall init bash)"                  # in ~/.bashrc',
        "rekall init fish | source                   # in config.fish",
        "rekall init zsh --key ctrl-g --last-error",
    ),
    "help": ("rekall help search", "rekall help query", "rekall help"),
    "version": ("rekall version", "rekall version --json"),
}
"""Lines of each command, the plainest first: it is what an error shows."""
