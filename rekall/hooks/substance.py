"""Whether a text says enough to be searched for: words that every prompt, or every error, has find notes about anything."""

from __future__ import annotations

import re
from collections.abc import Collection

_LITTLE = """
an and any are as at be but by can could did didn do does doesn doing don done for from get go had has have how if in
into is isn it its just let like ll may me more much my no not now of off ok okay on one only or our out over please
re should so some still than thank thanks that the their them then there these they this those to too up us use used
ve was we well were what when where which who why will with would yes yet you your
"""
_ASKS_FOR_WORK = """
add added again all also another apply branch bug bugs button call change changed changes check class clean code
commit complete continue correct create current delete directory edit error errors everything explain fail failed
failing fails file files find finish first fix fixed folder function functions good great help here implement issue
issues keep last line lines list look looks make message method module move name need needs new next nice old open
output problem proceed project pull push put read refactor remove rename repeat repo repository request rest result
retry review rewrite run same save see show something sounds start step steps stop sure tell test tests thing things
think try undo update variable variables version want way work working works write wrong
"""
_SAYS_IT_FAILED = """
access bash bin cannot code command denied directory error errors exception exit exited fail failed failure failures
fatal file found invalid line missing operation permission permitted process refused returned sh status such sudo
unable undefined unexpected unknown usr warning warnings zsh
"""

PROMPT_WORDS = frozenset(f"{_LITTLE}{_ASKS_FOR_WORK}".split())
"""What a prompt may consist of that asks for work and not for what is known."""

ERROR_WORDS = frozenset(f"{_LITTLE}{_SAYS_IT_FAILED}".split())
"""What an error may consist of that says only that something is wrong."""

_WORD = re.compile(
    r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|"  # scripts that are written without blanks
    r"[^\W\d_]{2,}|\d{3,}"
)

_MARKS = frozenset("{}()<>[];=")
_MOST_MARKS, _LEAST_CODE_CHARS, _LEAST_CODE_LINES = 0.08, 120, 3
"""From which share of such marks a text is code: of prose it is 0.01, of tracebacks 0.05. Less than so much may be a question
that names a call."""

_FENCED = re.compile(r"^(`{3,9}|~{3,9})[^`~].*?^\1", re.DOTALL | re.MULTILINE)


def without_code(text: str) -> str:
    """What is left of a text without blocks of code; of one that is code itself, the lines that ask something."""
    text = _FENCED.sub(lambda block: "" if _is_code(block[0]) else block[0], text).strip()
    return "\n".join(line for line in text.splitlines() if line.rstrip().endswith("?")) if _is_code(text) else text


def _is_code(text: str) -> bool:
    """Whether a text is code: what it has in common with a note is then the language alone."""
    if len(text) < _LEAST_CODE_CHARS and len(text.splitlines()) < _LEAST_CODE_LINES:
        return False
    letters = "".join(text.split())
    return sum(letter in _MARKS for letter in letters) > _MOST_MARKS * len(letters)


def says_enough(text: str, common: Collection[str], least: int) -> bool:
    """Whether a text has so many different words beside common ones."""
    return len(set(_WORD.findall(text.casefold())) - set(common)) >= least
