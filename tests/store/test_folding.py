"""Texts are spelt one way in the words index, whoever wrote them, and places still lead to the text as it was."""

import contextlib
import unicodedata
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.depth import tries

from rekall.db import Database
from rekall.entry.fields import Entry
from rekall.entry.types import EntryType
from rekall.store import folding, unusual
from rekall.store.folding import fold, fold_in_place, is_lone
from rekall.store.sqlite import SqliteStore
from rekall.store.values import EVERYTHING

SCRIPTS = (
    "aZé ßøŁİıñ",
    "ＡＰＩ７ﾃﾞｰﾀ가각ﬁ",
    "数据库データ한국어",
    "การเชื่อมต่อฐานข้อมูล",
    "ການເຊື່ອມ ကွန်ပျူတာ កុំព្យូទ័រ",
    "हिन्दी टाइमआउट বাংলা தமிழ்",
    "שָׁלוֹם مُحَمَّد إسلام",
    "🚀🔥👩‍💻🇩🇪✅1️⃣👍🏽",
    "\u00ad\u200b\u200d\ufe0f\u0301\u0308\u3099 \n.-_+#",
    "²½™①",
)
TEXT = st.text(st.sampled_from("".join(SCRIPTS)) | st.characters(exclude_categories=["Cs"]), max_size=30)
WORDS = st.lists(TEXT, max_size=4).map(" ".join)


@pytest.fixture(scope="module")
def db():
    with contextlib.closing(Database(None)) as opened:
        yield opened


def words(db: Database, text: str) -> list[str]:
    return [stem for _, _, stem in db.stem_places(text)]


ALIKE = {
    "full width": ("ＨＴＴＰ２", "http2"),
    "half-width kana": ("ｶﾞｲﾄﾞ", "ガイド"),
    "a ligature": ("con\ufb01g", "config"),
    "letters of formulas": ("𝐛𝐨𝐥𝐝", "bold"),
    "a soft hyphen": ("time\u00adout", "timeout"),
    "a zero-width space": ("kuber\u200bnetes", "kubernetes"),
    "a byte order mark": ("\ufefffirst", "first"),
    "sharp s": ("GROẞE Maße", "grosse masse"),
    "Turkish capital i": ("DİZİN", "dizin"),
    "Turkish i without a dot": ("kırık", "kirik"),
    "Scandinavian letters": ("Ærø Ångström", "aero angstrom"),
    "Polish l": ("Łódź", "lodz"),
    "accents apart": ("re\u0301sume\u0301", "résumé"),
    "kana marks apart": ("か\u3099", "が"),
    "Hangul apart": (unicodedata.normalize("NFD", "한국어"), "한국어"),
    "Cyrillic apart": (unicodedata.normalize("NFD", "йод"), "йод"),
    "Russian yo": ("ещё", "еще"),
    "Greek accents": ("ΣΎΝΔΕΣΗ", "σύνδεση"),
    "Arabic vowel signs": ("قَاعِدَة", "قاعدة"),
    "a long Arabic word": ("بيـــانات", "بيانات"),
    "Arabic hamza": ("إعداد", "اعداد"),
    "Hebrew points": ("מַפְתֵּחַ", "מפתח"),
    "an emoji in colour": ("❤️", "❤"),
    "a skin tone": ("👍🏿", "👍"),
    "a hyphen that does not break": ("x86\u201164", "x86-64"),
}


@pytest.mark.parametrize(("left", "right"), ALIKE.values(), ids=ALIKE)
def test_two_ways_to_write_a_word_are_one(db, left, right):
    assert words(db, fold(left)) == words(db, fold(right)) != []


APART = {
    "powers": ("10²", "102"),
    "halves": ("1½", "112"),
    "trade marks": ("Go™", "gotm"),
    "two emoji": ("🚀", "🔥"),
    "two flags": ("🇩🇪", "🇫🇷"),
    "short i": ("йод", "иод"),
    "Hindi vowels": ("किताब", "कताब"),
    "Thai vowels": ("กิน", "กัน"),
}


@pytest.mark.parametrize(("left", "right"), APART.values(), ids=APART)
def test_what_is_not_the_same_word_stays_apart(db, left, right):
    assert words(db, fold(left)) != words(db, fold(right))


def test_a_word_with_vowel_signs_is_one_word(db):
    for word in ("टाइमआउट", "डेटाबेस", "তথ্য", "இணைப்பு", "కనెక్షన్"):
        assert len(words(db, fold(word))) == 1


def test_scripts_without_blanks_are_cut_into_pairs_with_their_signs():
    assert fold("ดีมาก").split() == ["ดีม", "มา", "าก"]
    assert fold("ดีมาก", indexing=True).split() == ["ดีม", "มา", "าก", "ก"]
    assert fold("ដោយ").split() == ["ដោយ"]
    assert fold("git 数据库 x").split() == ["git", "数据", "据库", "x"]
    assert [is_lone(text) for text in ("ดี", "数", "a", "数据", "", "🚀")] == [True, True, False, False, False, False]


def test_ascii_is_left_as_it_is():
    text = "any ASCII text: a_b-c/d.e \0 + #"
    assert fold(text) is text
    assert fold_in_place(text).text is text


def test_places_lead_to_the_text_as_it_was(db):
    with contextlib.closing(SqliteStore(None)) as store:
        text = "Die Stra\u00adße, ﾃﾞｰﾀ 🇫🇷👍🏽: ｶﾌｪ zebras"
        found = [(text[start:end], stem) for start, end, stem in store.words.places(text)]
    assert [word for word, _ in found] == ["Die", "Stra\u00adße", "ﾃﾞｰﾀ", "ﾃﾞｰﾀ", "🇫🇷", "👍", "ｶﾌ", "ﾌｪ", "zebras"]
    assert found[1][1] == "strass"
    assert found[-1] == ("zebras", "zebra")


@settings(deadline=None, max_examples=tries(400))
@given(text=WORDS)
def test_folding_twice_is_folding_once(db, text):
    once = fold(text)
    assert words(db, fold(once)) == words(db, once)


@settings(deadline=None, max_examples=tries(400))
@given(text=WORDS)
def test_places_are_within_the_text_and_the_words_are_those_of_the_fold(db, text):
    folded = fold_in_place(text)
    assert folded.text == fold(text)
    assert len(folded.starts) == len(folded.ends) == len(folded.text)
    places = [(folded.place(start, end), stem) for start, end, stem in db.stem_places(folded.text)]
    assert all(0 <= start < end <= len(text) for (start, end), _ in places)
    assert [place for place, _ in places] == sorted(place for place, _ in places)


@settings(deadline=None, max_examples=tries(300))
@given(before=WORDS, text=TEXT, after=WORDS)
def test_a_text_finds_the_entry_that_holds_it(before, text, after):
    with contextlib.closing(SqliteStore(None)) as store:
        now = datetime(2026, 1, 1, tzinfo=timezone.utc)
        said = f"{before} {text} {after}"
        entry = Entry(EntryType.TIL, "filler", said, id="0" * 26, created_at=now, updated_at=now)
        key = store.entries.insert(entry)
        store.words.put(key, entry)
        terms = store.words.terms(text, 64)
        assert list(store.words.search(terms, EVERYTHING, 9)) == [key] * bool(list(terms))


def test_what_is_called_usual_is_spelt_as_it_is():
    signs = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    usual = "".join(sign for sign in signs if folding._is_usual(sign))
    assert set("azé“’→│жЖ ") < set(usual)
    assert unusual.spelt(usual, indexing=True) == usual
    assert unusual.spelt_in_place(usual)[0] == usual
    assert not any(map(unusual.is_lone, usual))
