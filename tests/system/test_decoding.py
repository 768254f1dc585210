"""Texts that were saved, piped or cut in another encoding than UTF-8."""

from __future__ import annotations

import contextlib
import io
import random
import tarfile

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
    "text",
    [
        "It’s",
        "He said “no”.",
        "wait… then next",
        "that is 5 € a month",
        "a – b",
        "the installed one—`2.2.4`—and [`fd`](x)—a better find",
        "• one\n• two",
        "388 µs ± 22.4 µs per loop",
        "20 °C, ±5 %, © 2020, § 5",
        "It ends here.\xa0 It goes on.",
        "\xa0\xa0\xa0\xa0 at org.apache.hadoop.fs.FileSystem",
        "» at com.google.inject.Guice.createInjector(Guice.java:96)",
        "gpg –import KEYS",
        "a 4×3 grid",
        "the DALL·E API",
        ":set listchars=eol:¬",
    ],
)
@pytest.mark.parametrize("page", ["cp1252", "cp1250"])
def test_marks_alone_among_plain_words_are_no_letters_of_another_page(text: str, page: str) -> None:
    assert decoded(text.encode(page)).text == text


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


@pytest.mark.parametrize(
    "text",
    [
        "Die Datei »rules« fehlt: »%s«",
        "ungültige Adresse »%s«: muss genau ein Attribut haben",
        "”GIT_AUTHOR_EMAIL” har redan angivits",
        "odotettiin ”,” tai ”)” perusrekisterin jälkeen operandissa ”%s”",
    ],
)
def test_quotation_marks_are_known_as_each_language_sets_them(text: str) -> None:
    assert decoded(text.encode("cp1252")).text == text
    if "»" in text:
        assert decoded(text.encode("cp850")).text == text


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("Vorschaubild gültig", "mac_roman"),
        ("la tabella non è una vista", "mac_roman"),
        ("It fails.\n\xa0\n\xa0 at java.lang.Thread.run\n", "mac_roman"),
        ("2024-07-25 INFO\xa0 org.apache.hadoop", "cp1252"),
        ("Nimam dovoljenja za branje datoteke ključev", "cp1250"),
        ("è una periferica", "cp1252"),
    ],
)
def test_a_letter_stands_where_a_language_has_it(text: str, page: str) -> None:
    assert decoded(text.encode(page)).text == text


@pytest.mark.parametrize("stray", [b"\xff", b"\xc0", b"\x88"])
def test_one_byte_makes_no_mark_of_a_language_that_is_not_there(stray: bytes) -> None:
    read = decoded(b"nginx 502 " + stray + b" behind the proxy")
    assert read.encoding in ("cp1252", "cp850", "mac_roman")


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


ELSEWHERE = {
    "Russian": (
        "koi8_r cp1251 cp866 iso8859_5 mac_cyrillic",
        "Не удаётся подключиться: сервер базы данных не отвечает",
    ),
    "Russian, two words": ("koi8_r cp1251 cp866", "ошибка диска"),
    "Ukrainian": ("cp1251 koi8_u", "Помилка: з'єднання розірвано, її файли збережено"),
    "Polish": ("iso8859_2 cp1250 cp852", "Połączenie zostało przerwane, spróbuj jeszcze raz później"),
    "Czech": ("iso8859_2 cp1250 cp852", "Připojení bylo přerušeno, zkuste to později; soubor nenalezen"),
    "Hungarian": ("iso8859_2 cp1250", "A művelet időtúllépés miatt megszakadt, próbálja újra később"),
    "Croatian": ("cp1250 iso8859_2", "Veza je prekinuta, pokušajte kasnije; već postoji žrtva"),
    "German": (
        "mac_roman cp850 cp1252 iso8859_15",
        "Schlüssel für Zugänge gehören nicht ins Verzeichnis, größere Fläche",
    ),
    "French": ("mac_roman cp1252", "L’accès est refusé : vérifiez la clé « maître » du réseau"),
    "Turkish": ("cp1254", "Bağlantı kesildi, lütfen daha sonra yeniden deneyin; işlem başarısız"),
    "Lithuanian": ("cp1257", "Ryšys nutrūko, bandykite vėliau, įrašas neišsaugotas"),
    "Greek": ("cp1253 iso8859_7", "Η σύνδεση διακόπηκε, δοκιμάστε ξανά αργότερα"),
    "Hebrew": ("cp1255", "החיבור נותק, נסה שוב מאוחר יותר"),
    "Arabic": ("cp1256 iso8859_6", "انقطع الاتصال بقاعدة البيانات، حاول مرة أخرى لاحقا"),
    "Thai": ("cp874", "การเชื่อมต่อขาดหาย กรุณาลองใหม่ภายหลัง"),
    "Chinese": ("gbk gb18030", "磁盘空间不足，日志写不进去：先清理旧备份再重启进程"),
    "Chinese, two words": ("gbk", "清理缓存 docker"),
    "Chinese of Taiwan": ("big5", "磁碟空間不足，請先刪除舊的備份檔案再重新啟動服務"),
    "Japanese": ("shift_jis euc_jp iso2022_jp", "ディスクの空きがないため、古いバックアップを消してから再実行する。"),
    "Japanese, a line": ("shift_jis euc_jp", "キャッシュを削除 docker"),
    "Korean": ("cp949 euc_kr", "디스크 공간이 부족하여 로그를 쓸 수 없음, 오래된 백업을 지울 것"),
}
"""Texts of other languages, and what they are written in."""


@pytest.mark.parametrize("language", ELSEWHERE)
def test_every_language_is_read_in_the_code_pages_that_it_has(language: str) -> None:
    pages, text = ELSEWHERE[language]
    for page in pages.split():
        assert decoded(text.encode(page)).text == text, page
        log = f"\x1b[31merror\x1b[0m {text}\nat line 5 of build.log\n" * 20
        assert decoded(log.encode(page)).text == log, page


@pytest.mark.parametrize("text", ["磁盘空间不足\n先清理", "ディスクがない\n", "ошибка диска\n", "größer als 5\n"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_letters_are_known_without_a_mark(text: str, encoding: str) -> None:
    for times in (1, 40):
        assert decoded((text * times).encode(encoding)).text == text * times
    assert decoded((text + "ab").encode(encoding)[:-1]).text.startswith(text[:-1])


@pytest.mark.parametrize("wide", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("narrow", ["all ASCII, of a second program\n", "naïve, and a second line\n", "x: 1\ny: 2\n"])
def test_a_file_that_two_programs_wrote_is_read_to_its_end(wide: str, narrow: str) -> None:
    """PowerShell writes UTF-16 and whatever comes after it does not, or the other way round."""
    first = "Größe der Datei: 5 MB\r\n"
    assert decoded(first.encode(wide) + narrow.encode()).text == "Größe der Datei: 5 MB\n" + narrow
    assert decoded(narrow.encode() + first.encode(wide)).text == narrow + "Größe der Datei: 5 MB\n"


def test_lines_that_are_utf8_stay_that_among_others() -> None:
    others = "Öffnung fällt aus\n" * 8
    assert decoded(others.encode("cp1252") + "später hinzugefügt\n".encode()).text == others + "später hinzugefügt\n"


@pytest.mark.parametrize("text", ["one line\n", "eine Zeile, größer\n" * 30])
def test_a_hole_that_a_power_cut_left_does_not_make_a_text_binary(text: str) -> None:
    data = text.encode()
    assert decoded(data + bytes(3000)).text == text
    assert decoded(data * 50 + bytes(5000) + data * 50).text == text * 50 + "\ufffd" + text * 50
    for binary in (bytes(400), b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\0>\0\x01\0\0\0" * 9):
        with pytest.raises(InvalidInput):
            decoded(binary)


LOG = "".join(f"2026-11-{day:02} Größe des Pools: {day}, erneut in {day} s\n" for day in range(1, 29))
ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + bytes(range(256)) + b"\x03\0>\0\x01\0\0\0"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(200, 256)) + b"\0\x01\n\xae\x42\x60\x82"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize(
    "stretch", [ELF, PNG, bytes(range(256)), b"\x01\x02\x03\x04" * 60], ids=["elf", "png", "all", "marks"]
)
@pytest.mark.parametrize("behind", [b"\n", b""], ids=["a line of its own", "within a line"])
def test_a_binary_file_that_was_printed_into_a_text_is_left_out_of_it(
    encoding: str, stretch: bytes, behind: bytes
) -> None:
    lines = LOG.encode(encoding).splitlines(keepends=True)
    found = decoded(b"".join(lines[:14]) + stretch + behind + b"".join(lines[14:]))
    kept = LOG.splitlines()
    assert found.text.splitlines()[:14] == kept[:14]
    assert found.text.splitlines()[-13:] == kept[-13:]
    assert found.encoding == encoding or stretch == PNG  # of which a line may be one of letters
    if stretch[0] != 1:
        assert f"{found.left_out_bytes:,} bytes of it are left out" in found.said


def tar_of_texts() -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name in ("größe.md", "pool.md"):
                found = tarfile.TarInfo(name)
                found.size = len(LOG.encode())
                archive.addfile(found, io.BytesIO(LOG.encode()))
        return file.getvalue()


@pytest.mark.parametrize(
    "archive",
    [ELF + LOG.encode(), b"PK\x03\x04\x14" + bytes(5) + b"\xd0\xc4" + LOG.encode() * 4, tar_of_texts()],
    ids=["elf", "zip", "tar"],
)
def test_an_archive_of_texts_is_no_text(archive: bytes) -> None:
    with pytest.raises(InvalidInput, match="no text"):
        decoded(archive)
