"""The shapes of what `rekall hook` answers; see `shapes`."""

from __future__ import annotations

from rekall.knowledge.shapes import Answer, shape

HOOK_ANSWERS = (
    shape("HookClients", "The clients with hooks.", clients=("list of HookClient", "One each.")),
    shape(
        "HookChange",
        "What happened, or would happen, to the files of a client.",
        client=("text", "The name of the client."),
        files=("list of FileChange", "Its settings first, then the skill where it changes."),
    ),
    shape(
        "FileChange",
        "What happened, or would happen, to one file.",
        path=("text", "Its path, where a link to it leads."),
        changed=("flag", "Whether it was changed, or would be."),
        copy=("text or null", "The path of the copy of the old file."),
        diff=("text or null", "With --dry-run: the change, as `diff -u` writes it."),
    ),
    shape(
        "HookStatus",
        "Where Rekall's hooks stand.",
        hooks=("list of HookFile", "The user's own file and this project's, of each client."),
        off=("text or null", "Why no hook says anything; null where they do."),
    ),
    shape("ForAssistants", "A text that assistants read.", text=("text", "The text.")),
)

OF_HOOKS = (
    shape(
        "HookClient",
        "A client with hooks.",
        name=("text", "Its name here."),
        title=("text", "Its own name."),
        path=("text", "The user's file that holds its hooks."),
        moments=("list of text", "When it can run Rekall: session, prompt, failure."),
        lacks=("map of text", "Why not, of the other moments."),
    ),
    shape(
        "HookFile",
        "What one file of a client holds of Rekall.",
        client=("text", "The name of the client."),
        scope=("text", "user or project."),
        path=("text", "The file."),
        moments=("list of text", "The moments at which it runs Rekall."),
        commands=("list of text", "What it runs."),
        current=("flag", "Whether there are any and all of them run this very installation."),
        skill=("flag", "Whether the client has the skill, too."),
        turned_off=("text or null", "The setting in the file by which the client runs no hooks."),
        problem=("text or null", "Why the file cannot be read."),
    ),
)

HOOK_COMMANDS = (
    Answer("hook install", "HookClients"),
    Answer("hook install CLIENT", "HookChange"),
    Answer("hook uninstall", "HookChange"),
    Answer("hook status", "HookStatus"),
    Answer("hook line", "ForAssistants"),
    Answer("hook line --write-to", "FileChange"),
    Answer("hook skill", "ForAssistants"),
    Answer("hook skill --write-to", "FileChange"),
)
