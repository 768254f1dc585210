"""Words that turn what a sentence says into its opposite: negations, and pairs such as always and never, use and avoid.

Only pairs of which one can be advice against the other stand here. Adding and removing, locking and unlocking are two jobs, and
whoever writes down both contradicts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NEGATIONS = (
    # English; what ends in n't is one, too
    "not no never cannot neither nor dont doesnt isnt arent cant wont shouldnt mustnt didnt",
    # German, Dutch, the Scandinavian ones
    "nicht nie niemals kein keine keinen keinem keiner keines niet nooit geen inte aldrig ikke aldri ingen",
    # French, Spanish, Portuguese, Italian
    "ne pas jamais aucun aucune nunca jamás ningún ninguna não nenhum non nessun nessuna",
    # Russian, Ukrainian, Polish, Czech
    "не нет никогда нельзя ні ніколи nie nigdy žádný nikdy",
    # Turkish, Indonesian, Vietnamese
    "değil asla tidak jangan không đừng",
)

_PAIRS = (
    # what is so, and what is not
    ("ever", "always ever immer stets altijd toujours siempre sempre всегда завжди zawsze vždy", ""),
    (
        "use",
        "use uses using used prefer preferred verwende verwenden benutze benutzen nutze nutzen utiliser utilisez utilise "
        "usar utilizar utiliza usare gebruik gebruiken использовать используйте используй używaj používat",
        "avoid avoids avoiding avoided vermeide vermeiden éviter évitez evitar evita evite evitare vermijd vermijden "
        "избегать избегайте избегай unikaj vyhnout",
    ),
    (
        "enable",
        "enable enabled enables enabling activate activated aktiviere aktivieren aktiviert einschalten activer activez "
        "activé activar activa activado habilitar habilitado ativar ativado attivare attivato abilitare abilitato "
        "inschakelen включить включите включён включено włącz",
        "disable disabled disables disabling deactivate deactivated deaktiviere deaktivieren deaktiviert ausschalten "
        "désactiver désactivez désactivé desactivar desactiva desactivado deshabilitar deshabilitado desativar "
        "desativado disattivare disattivato disabilitare disabilitato uitschakelen отключить отключите отключён отключено wyłącz",
    ),
    (
        "allow",
        "allow allowed allows permit permitted permits erlaubt erlauben autorisé autoriser permitido permitir permesso можно",
        "forbid forbidden forbids deny denied denies disallow disallowed prohibit prohibited verboten verbieten interdit "
        "interdire prohibido prohibir proibido vietato verboden запрещено запретить zabronione",
    ),
    ("support", "supported compatible unterstützt", "unsupported incompatible"),
    (
        "safe",
        "safe secure sicher sûr seguro sicuro безопасно",
        "unsafe insecure dangerous unsicher dangereux inseguro insicuro опасно",
    ),
    (
        "need",
        "required mandatory needed necessary erforderlich obligatoire requis obligatorio",
        "optional unnecessary unneeded optionnel facultatif opcional",
    ),
    ("true", "true yes", "false"),
    ("possible", "possible möglich posible possibile", "impossible unmöglich imposible impossibile"),
    (
        "recommend",
        "recommended advised empfohlen recommandé recomendado",
        "discouraged unrecommended déconseillé desaconsejado",
    ),
    ("work", "works working worked", "fails failing broken"),
    ("turn", "turnon", "turnoff"),
    (
        "with",
        "with mit avec con com met med с со z s ile dengan với",
        "without ohne sans sin sem senza zonder utan uten uden без bez olmadan tanpa",
    ),
)
"""A name, words of the one sense, words of the other."""

_SIGNS: dict[str, tuple[str, int]] = {
    word: (name, sign)
    for name, one, other in _PAIRS
    for sign, words in ((1, one), (-1, other))
    for word in words.split()
}
_NOT = frozenset(word for line in _NEGATIONS for word in line.split())

_ABROAD: tuple[tuple[str, str, int], ...] = (
    ("ever", "永远不", -1),
    ("ever", "绝不", -1),
    ("allow", "禁止", -1),
    ("allow", "允许", 1),
    ("use", "避免", -1),
    ("use", "使用", 1),
    ("enable", "禁用", -1),
    ("enable", "启用", 1),
    ("enable", "无效", -1),
    ("enable", "关闭", -1),
    ("enable", "开启", 1),
    ("enable", "無効", -1),
    ("enable", "有効", 1),
    ("ever", "总是", 1),
    ("ever", "始终", 1),
    ("ever", "常に", 1),
    ("use", "避ける", -1),
    ("use", "使う", 1),
    ("enable", "비활성화", -1),
    ("enable", "활성화", 1),
    ("allow", "금지", -1),
    ("ever", "항상", 1),
    ("not", "不要", -1),
    ("not", "不能", -1),
    ("not", "不", -1),
    ("not", "没有", -1),
    ("not", "沒有", -1),
    ("not", "别", -1),
    ("not", "勿", -1),
    ("not", "ません", -1),
    ("not", "しない", -1),
    ("not", "ない", -1),
    ("not", "않", -1),
    ("not", "하지 마", -1),
)
"""The same where no blanks stand between words; longer ones come first."""

_TERM = re.compile(r"\b(not)[ _-](?=null\b)|\b(no)-(?=\w)", re.IGNORECASE)
"""`NOT NULL` and `--no-verify` are names."""

_TURN = re.compile(r"\b(?:turn(?:ed|s)?|switch(?:ed|es)?|set)\s+(?:\w+\s+){0,3}?(on|off)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sense:
    """How the words of a sentence turn it.

    Attributes:
        is_negated: Whether a negation stands in it.
        sides: For each pair of which a word stands in it, which side that is: 1 or -1; 0 for both.
        said: The words that turn it, as they stand there.
    """

    is_negated: bool
    sides: dict[str, int]
    said: tuple[str, ...]

    def is_opposite_of(self, other: Sense) -> bool:
        """Whether a sentence of otherwise the same words says the opposite."""
        turned = self.is_negated != other.is_negated
        for name, side in self.sides.items():
            against = other.sides.get(name, 0)
            turned ^= bool(side and against and side != against)
        return turned


def split(words: Sequence[str]) -> tuple[list[str], Sense]:
    """The words that say what a sentence is about, and how the others turn it.

    Args:
        words: Its words as they stand there, a letter of a script without blanks being one.
    """
    rest: list[str] = []
    said: list[str] = []
    sides: dict[str, int] = {}
    is_negated = False
    for word in words:
        plain = word.casefold().replace("’", "'")
        if plain in _NOT or plain.endswith("n't") or plain.replace("'", "") in _NOT:
            is_negated = True
        elif plain in _SIGNS:
            name, side = _SIGNS[plain]
            sides[name] = side if sides.get(name, side) == side else 0
        else:
            rest.append(plain)
            continue
        said.append(word)
    return rest, Sense(is_negated, sides, tuple(said))


def marked(text: str) -> str:
    """A sentence in which what is two words, or stands among others without a blank, is one word.

    `turn it off` ends in `turnoff`; signs of Chinese, Japanese and Korean that turn a sentence stand apart.
    """
    text = _TERM.sub(lambda found: found[1] or found[2], text)
    if "on" in text or "off" in text or "OFF" in text:
        text = _TURN.sub(lambda found: f"{found[0]} turn{found[1].lower()}", text)
    if text.isascii():
        return text
    for name, sign, side in _ABROAD:
        if sign in text:
            text = text.replace(sign, f" {_STAND_INS[name, side]} ")
    return text


_STAND_INS = {
    ("ever", 1): "always",
    ("ever", -1): "never",
    ("allow", 1): "allow",
    ("allow", -1): "forbid",
    ("use", 1): "use",
    ("use", -1): "avoid",
    ("enable", 1): "enable",
    ("enable", -1): "disable",
    ("not", -1): "not",
}
