"""Texts that were saved, piped or cut in another encoding than UTF-8."""

from __future__ import annotations

import contextlib
import random

import pytest

from rekall.errors import InvalidInput
from rekall.system.decoding import decoded

SAID = {
    "German": "Grüße aus Köln: beim Öffnen der Datei ein Fehler, „Zugriff“ verweigert. Maße: 5 m²",
    "French": "Le chemin d'accès spécifié est introuvable, déjà supprimé. Où ? À côté, en août.",
    "Spanish": "¿Dónde está? El archivo está dañado; configuración ilegible, año 2024",
    "Swedish": "Åtkomst nekad. Det går inte att hitta sökvägen, filen är låst",
    "Portuguese": "Não foi possível abrir o ficheiro: permissões insuficientes, avó e avô",
}
"""A sentence of each of these languages, as programs say them."""


@pytest.mark.parametrize("language", SAID)
@pytest.mark.parametrize("page", ["cp1252", "cp850", "cp437"])
def test_windows_two_code_pages_are_told_apart(language: str, page: str) -> None:
    kept = "".join(letter for letter in SAID[language] if _fits(letter, page))
    assert decoded(kept.encode(page)).text == kept
    short = " ".join(kept.split()[:5])
    assert decoded(short.encode(page)).text == short


def _fits(letter: str, page: str) -> bool:
    try:
        return letter.encode(page).decode({"cp437": "cp850"}.get(page, page)) == letter
    except UnicodeEncodeError:
        return False


def test_a_drawn_tree_of_the_console_stays_one() -> None:
    tree = "├── src\n│   └── größe.py\n└── läufer\n"
    assert decoded(tree.encode("cp850")).text == tree


def test_typographic_marks_of_windows_stay_marks() -> None:
    text = "error: can’t open “foo” – no such file… it costs 5 €, client–server"
    assert decoded(text.encode("cp1252")).text == text


@pytest.mark.parametrize(
    "text", [*SAID.values(), "指定されたファイルが見つかりません", "Не удается найти указанный файл"]
)
@pytest.mark.parametrize("stray", [b"\xff", b"\xc0", b"\x96", b"\x80\x80"])
def test_one_bad_byte_leaves_the_rest_of_a_text_as_it_is(text: str, stray: bytes) -> None:
    data = text.encode()
    at = len(text[: len(text) // 2].encode())
    read = decoded(data[:at] + b" " + stray + b" " + data[at:]).text
    assert text[: len(text) // 2] in read
    assert text[len(text) // 2 :] in read


@pytest.mark.parametrize("text", [SAID["French"], "ファイル名が長すぎます", "größer 😀"])
def test_a_text_that_is_cut_within_a_letter_is_still_read(text: str) -> None:
    data = text.encode()
    for start in range(1, 4):
        for end in (None, -1, -2, -3):
            cut = data[start:end]
            kept = cut.decode("utf-8", "ignore")
            assert decoded(cut).text.strip("\ufffd") == kept


def test_bytes_of_chance_are_text_or_refused() -> None:
    chance = random.Random(7)
    for _ in range(300):
        data = bytes(chance.randrange(1, 256) for _ in range(chance.randrange(1, 60)))
        with contextlib.suppress(InvalidInput):
            assert "\r" not in decoded(data).text
