"""Notebooks of Jupyter: the text of the cells, the code between fences, and what the code printed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import as_name, as_text, document_of, file_words, refuse_too_large

_HEADING = re.compile(r"^#[ \t]+(?P<title>\S.*)$", re.MULTILINE)


class Notebook:
    """A notebook is one note."""

    name = "jupyter"
    title = "Jupyter notebooks"
    suffixes: tuple[str, ...] = (".ipynb",)
    keys: Mapping[str, str] = {}
    hint = "The folder of the notebooks, as it is. Pictures that the code drew are left where they are."

    def fits(self, source: Source) -> bool:
        """Whether a file is a notebook, or should be one: then somebody hears that it cannot be read."""
        document = document_of(source)
        return document is None or (isinstance(document, dict) and bool(_cells(document)))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The note of a file."""
        refuse_too_large(source)
        document = source.document
        said = document.get("metadata")
        about: Mapping[str, Any] = said if isinstance(said, dict) else {}
        language = _language(about)
        written = [
            (as_name(cell.get("cell_type")), _text(cell.get("source", cell.get("input")))) for cell in _cells(document)
        ]
        shown = [_shown(cell, language) for cell in _cells(document)]
        headings = (_HEADING.search(text) for kind, text in written if kind == "markdown")
        heading = next((found["title"][:1] + found["title"][1:].rstrip(" \t#") for found in headings if found), "")
        fields = {name: about[name] for name in ("title", "authors", "tags", "date") if about.get(name)}
        content = "\n\n".join(text for text in shown if text)
        if content or fields:
            yield Note(
                fields=fields, content=content, title="" if "title" in fields else heading, name=file_words(source)
            )


def _cells(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cells; those of the old form lie in worksheets."""
    sheets = document.get("worksheets")
    around = [document, *(sheets if isinstance(sheets, list) else [])]
    lists = (item.get("cells") for item in around if isinstance(item, dict))
    return [cell for cells in lists if isinstance(cells, list) for cell in cells if isinstance(cell, dict)]


def _language(about: Mapping[str, Any]) -> str:
    for name, key in (("language_info", "name"), ("kernelspec", "language")):
        said = about.get(name)
        if isinstance(said, dict) and as_name(said.get(key)):
            return as_name(said[key])
    return "python"


def _shown(cell: Mapping[str, Any], language: str) -> str:
    """A cell as Markdown."""
    text = _text(cell.get("source", cell.get("input"))).strip("\n")
    if cell.get("cell_type") != "code":
        return text
    outputs = cell.get("outputs")
    printed = "".join(map(_printed, outputs if isinstance(outputs, list) else [])).strip("\n")
    return "\n\n".join(filter(None, (_fenced(text, language), _fenced(printed, "text"))))


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence}{language}\n{text}\n{fence}" if text.strip() else ""


def _printed(output: Any) -> str:
    """What a cell printed, or how it failed; no picture."""
    if not isinstance(output, dict):
        return ""
    if output.get("output_type") in ("error", "pyerr"):
        return f"{as_name(output.get('ename'))}: {_text(output.get('evalue'))}\n"
    data = output.get("data")
    return _text(output.get("text")) or (_text(data.get("text/plain")) + "\n" if isinstance(data, dict) else "")


def _text(value: Any) -> str:
    """A text, or the pieces of one, which keep their line ends."""
    return "".join(map(as_text, value)) if isinstance(value, list) else as_text(value)


DIALECT = Notebook()
