"""`rekall help`: the help of a command, or a topic."""

from __future__ import annotations

import click

from rekall.errors import NotFound
from rekall.wording import printable


@click.command("help")
@click.argument("topic", metavar="[COMMAND or TOPIC]", nargs=-1)
@click.pass_context
def show_help(context: click.Context, topic: tuple[str, ...]) -> None:
    """Explain a command or a topic, such as query, names, dates, types.

    Without one, list the commands and the topics.
    """
    from rekall.cli.pager import show_lines
    from rekall.cli.topics import TOPICS, find_topic, page

    root = context.find_root()
    named = find_topic(" ".join(topic))
    if not topic:
        topics = "\n".join(f"  {each.name:<14}{each.title}" for each in TOPICS)
        short = ", ".join(f"{name} ({command})" for name, command in _aliases())
        text: str | None = f"{root.get_help()}\n\nTopics:\n{topics}\n\nShort for others: {short}"
    else:
        text = _command_help(root, topic) or (f"{named.title}\n\n{page(named)}" if named else None)
    if text is None:
        raise _unknown(" ".join(topic))
    show_lines(text.split("\n"))


def _command_help(root: click.Context, path: tuple[str, ...]) -> str | None:
    """The help of a command, None where there is none of that name."""
    from rekall.cli.commands import ALIASES

    context = root
    for place, name in enumerate(path):
        group = context.command
        if not isinstance(group, click.Group):
            return None
        name = ALIASES.get(name, name) if place == 0 else name
        command = group.get_command(context, name)
        if command is None:
            return None
        context = command.context_class(command, info_name=name, parent=context)
    return context.get_help()


def _aliases() -> list[tuple[str, str]]:
    from rekall.cli.commands import ALIASES

    return list(ALIASES.items())


def _unknown(name: str) -> NotFound:
    from rekall.cli.commands import COMMANDS
    from rekall.cli.topics import TOPICS
    from rekall.entry.rules import nearest

    names = [*(each.name for each in TOPICS), *COMMANDS]
    near = nearest(name, names)
    topics = ", ".join(each.name for each in TOPICS)
    return NotFound(
        f"no command and no topic {printable(name)!r}",
        f"did you mean `rekall help {near}`?" if near else f"topics: {topics}; commands: `rekall --help`",
    )
