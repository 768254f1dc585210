"""How much of a query's spelling a text holds: the figures by hand, and what holds for any text."""

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.depth import tries

from rekall.db import Database
from rekall.search import pieces
from rekall.search.pieces import MOST_PAIRS, MOST_PIECES, Shares, Spelling, folded

Texts = Sequence[tuple[str, str]]


@pytest.fixture(scope="module")
def stemmer() -> Iterator[Database]:
    made = Database(None)
    yield made
    made.close()


@pytest.fixture
def shares(stemmer: Database) -> Callable[..., list[Shares]]:
    """How much of a query each text holds; a text alone is a title."""

    def of(query: str, *texts: str | tuple[str, str]) -> list[Shares]:
        pages = [(text, "") if isinstance(text, str) else text for text in texts]
        return Spelling(query, stemmer.stem_places(query)).shares(pages)

    return of


# by hand


def saturated(tf: float, length: float, mean: float) -> float:
    """tf / (tf + k1 (1 - b + b length / mean length)) with k1 = 1.2, b = 0.75."""
    return tf / (tf + 1.2 * (0.25 + 0.75 * length / mean))


def test_a_piece_that_one_of_two_texts_holds(shares):
    """Each of the three pieces of _cats_ is in one text of two: the least weight for all of them."""
    held, missed = shares("cats", "cats", "dogs")
    assert held.pieces == pytest.approx(1.8 / (1.8 + 1.2))
    assert missed == Shares()


def test_a_title_counts_three_times_a_body_and_occurrences_add_up(shares):
    title, body, twice = shares("cats", ("cats", "x" * 9), ("x" * 9, "cats"), ("x" * 4, "cats cats"))
    lengths = [6 + 11, 11 + 6, 6 + 11]
    mean = sum(lengths) / 3
    expected = [saturated(tf, length, mean) for tf, length in zip((1.8, 0.6, 1.2), lengths)]
    assert [share.pieces for share in (title, body, twice)] == pytest.approx(expected)


def test_what_few_texts_hold_weighs_more(shares):
    """Of _bind_ and _cats_ the first has three pieces in one text of eight, the other three in seven."""
    texts = ["bind", *["cats"] * 7]
    rare, common = shares("bind cats", *texts)[:2]
    weight = math.log(7.5 / 1.5)
    assert rare.pieces == pytest.approx(weight / (weight + 0.05) * 0.6)
    assert common.pieces == pytest.approx(0.05 / (weight + 0.05) * 0.6)


def test_a_piece_that_no_text_holds_weighs_too(shares):
    """Three pieces that both texts hold and three that none holds: ln 5 for each of these."""
    (share, _) = shares("cats bind", "cats", "cats")
    assert share.pieces == pytest.approx(0.6 * 3 * 0.05 / (3 * 0.05 + 3 * math.log(2.5 / 0.5)))


def test_words_of_one_beginning_share_pieces(shares):
    """Of _timeout_ (six pieces) time-outs has four: _tim time ..., of which the border parts two."""
    timed, misspelt, other = shares("timeout", "timeouts", "timeot", "nginx")
    assert timed.pieces > misspelt.pieces > other.pieces == 0


def test_short_words_are_pieces_of_their_own(shares):
    assert [share.pieces > 0 for share in shares("c", "c", "cc", "abc", "a c")] == [True, False, False, True]


def test_neighbours_count_where_they_stand_side_by_side(shares):
    """One pair of three in one text: its share of one third."""
    there, swapped, apart = shares("read the log file", "log file", "file log", "log your file")
    assert there.pairs == pytest.approx(saturated(1.8, 12, (12 + 12 + 17) / 3) / 3)
    assert (swapped.pairs, apart.pairs) == (0, 0)


@pytest.mark.parametrize(
    ("query", "text", "is_held"),
    [
        ("read log", "reading logs", True),
        ("happy paths", "happiest path", True),
        ("read log", "read_log", True),
        ("read log", "read: `log`", True),
        ("read log", "read “log”", True),
        ("read log", "read -> (log)", False),
        ("read log", "reading logarithms", False),
        ("read log", "misread log", False),
        ("read log log", "log log", True),
    ],
)
def test_neighbours_stand_there_in_other_forms_and_with_other_signs_between(shares, query, text, is_held):
    assert (shares(query, text)[0].pairs > 0) is is_held


def test_a_query_without_words_is_in_no_text(shares):
    assert shares("?! …", "cats", "?! …") == [Shares(), Shares()]
    assert shares("", "cats", "") == [Shares(), Shares()]


def test_no_texts_have_no_shares(shares):
    assert shares("cats") == []


# letters and scripts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Read-Me 2", "_read_me_2_"),
        ("Größe café", "_grosse_cafe_"),
        ("soft\u00adhyphen", "_softhyphen_"),
        ("zero\u200bwidth", "_zerowidth_"),
        ("ＡＢＣ１", "_abc1_"),
        ("\U0001d400\U0001d401", "_ab_"),
        ("20 ℃, №5, 3 ㎐, ™", "_20_°c__no5__3_hz__tm_"),
        ("İstanbul", "_istanbul_"),
        ("e\u0301", "_e_"),
        ("a\0b\tc\u2028d", "_a_b_c_d_"),
        ("“so”—he said…", "__so__he_said____"),
        ("「数据」、库。", "__数据__库__"),
        ("a→b 👍🏽", "_a_b_👍__"),
        ("हिन्दी", "_हिनदी_"),
        ("", "__"),
        ("\ud800x\udfff", "__x__"),
    ],
)
def test_a_folded_text_has_letters_digits_and_borders(text, expected):
    assert folded(text).decode() == expected


@given(text=st.text(max_size=60))
def test_a_text_and_its_other_forms_fold_alike(text):
    """Composed, decomposed or in compatibility forms: no letter is lost that ASCII has."""
    assert folded(unicodedata.normalize("NFD", text)) == folded(unicodedata.normalize("NFC", text))
    letters = [sign for sign in unicodedata.normalize("NFKD", text).casefold() if sign.isascii() and sign.isalnum()]
    assert [chr(code) for code in folded(text) if chr(code).isascii() and chr(code).isalnum()] == letters


@pytest.mark.parametrize(
    ("query", "held", "missed"),
    [
        ("数据库连接", "把数据库的连接关掉", "没有关系的文字"),
        ("データベース", "新しいデータベース", "まったく別の話"),
        ("연결 시간 초과", "서버 연결이 느리다", "고양이"),
        ("база данных", "базы данных и ключи", "кошка"),
        ("قاعدة البيانات", "ملف قاعدة البيانات", "قطة"),
        ("מסד נתונים", "גיבוי מסד הנתונים", "חתול"),
        ("ฐานข้อมูล", "สำรองฐานข้อมูล", "แมว"),
        ("डेटाबेस", "डेटाबेस का बैकअप", "बिल्ली"),
    ],
)
def test_scripts_with_and_without_blanks_share_pieces(shares, query, held, missed):
    one, other = shares(query, held, missed)
    assert one.pieces > other.pieces


def test_a_long_s_and_its_two_letters_are_one_word(shares):
    held, missed = shares("straße", "strasse", "gasse")
    assert held.pieces > missed.pieces
    assert held.pieces == shares("strasse", "strasse", "gasse")[0].pieces


# any text

SAMPLES = (
    "nginx",
    "timeout",
    "the",
    "數據庫",
    "😀👍🏽",
    "\0",
    "\ud800",
    "שלום",
    "عليكم",
    "e\u0301",
    "İ",
    "_",
    "\n",
    "ﬁ",
    "한국어",
    "ไทย",
)
ANY_TEXT = st.text(st.characters(), max_size=60) | st.lists(st.sampled_from(SAMPLES), max_size=12).map(" ".join)
PAGES = st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=8)


def places_of(stemmer: Database, text: str) -> list[tuple[int, int, str]]:
    """The places of words, as far as SQLite takes the text: it refuses surrogates, and so does a search before this."""
    return [] if any("\ud800" <= sign <= "\udfff" for sign in text) else stemmer.stem_places(text)


@settings(deadline=None, max_examples=tries(300))
@given(query=ANY_TEXT, pages=PAGES)
@example(query="a" * 100_000, pages=[("a" * 100_000, "b " * 50_000)])
@example(query="数据" * 50_000, pages=[("数据" * 500, "")])
@example(query="😀" * 100_000, pages=[("😀", "😀" * 100_000)])
@example(query="w " * 50_000, pages=[("w", "w " * 50_000)])
def test_shares_of_any_text_are_shares(stemmer, query, pages):
    found = Spelling(query, places_of(stemmer, query)).shares(pages)
    assert len(found) == len(pages)
    for share in found:
        assert 0 <= share.pieces < 1
        assert 0 <= share.pairs < 1


@settings(deadline=None, max_examples=tries(150))
@given(query=ANY_TEXT, pages=PAGES, order=st.randoms(use_true_random=False))
def test_the_order_of_texts_does_not_matter(stemmer, query, pages, order):
    spelling = Spelling(query, places_of(stemmer, query))
    numbers = list(range(len(pages)))
    order.shuffle(numbers)
    found, shuffled = spelling.shares(pages), spelling.shares([pages[number] for number in numbers])
    assert [share.pieces for share in shuffled] == pytest.approx([found[number].pieces for number in numbers])
    assert [share.pairs for share in shuffled] == pytest.approx([found[number].pairs for number in numbers])


ODD_WORDS = ("abcd", "efgh", "ijkl", "mnop", "qrst", "uvwx", "1234", "5678", "9yz0")
"""Of one length, and no two share a piece."""


@settings(deadline=None, max_examples=tries(150))
@given(
    texts=st.lists(st.lists(st.sampled_from(ODD_WORDS), min_size=4, max_size=4, unique=True), min_size=1, max_size=12),
    place=st.integers(0, 11),
)
def test_of_texts_of_one_length_the_one_that_is_the_query_has_the_highest_shares(stemmer, texts, place):
    pages = [(" ".join(words), "") for words in texts]
    number = place % len(pages)
    query = pages[number][0]
    found = Spelling(query, stemmer.stem_places(query)).shares(pages)
    assert found[number].pieces == pytest.approx(max(share.pieces for share in found))
    assert found[number].pairs == pytest.approx(max(share.pairs for share in found))
    assert found[number].pieces > 0


@settings(deadline=None, max_examples=tries(100))
@given(words=st.lists(st.sampled_from(ODD_WORDS), min_size=2, max_size=6, unique=True))
def test_a_text_that_holds_more_of_the_query_has_more(stemmer, words):
    """Another word of the query in place of an unrelated one of the same length."""
    pages = [(" ".join([*words[:held], *["zzzz"] * (len(words) - held)]), "") for held in range(len(words) + 1)]
    query = " ".join(words)
    found = [share.pieces for share in Spelling(query, stemmer.stem_places(query)).shares(pages)]
    assert found[0] == 0
    assert sorted(found) == found
    assert len(set(found)) == len(found)


# however long


class Counted:
    """Counts what is looked for in texts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pieces: list[bytes] = []
        self.pairs: list[object] = []
        counted, found = pieces._counted, pieces._found

        def count_pieces(asked: Iterable[tuple[bytes, ...]], page: tuple[bytes, bytes]) -> list[float]:
            self.pieces += [spelt[0] for spelt in asked]
            return counted(asked, page)

        def count_pairs(
            asked: Sequence[tuple[bytes, bytes]], words: Iterable[bytes], page: tuple[bytes, bytes]
        ) -> list[float]:
            self.pairs += asked
            return found(asked, words, page)

        monkeypatch.setattr(pieces, "_counted", count_pieces)
        monkeypatch.setattr(pieces, "_found", count_pairs)


@pytest.mark.parametrize(
    "query",
    [
        " ".join(f"word{number}" for number in range(3000)),
        "数据库连接超时" + "".join(chr(0x4E00 + number) for number in range(3000)),
        "".join(chr(0x61 + number * number % 26) + str(number) for number in range(20_000)),
    ],
    ids=["many words", "a long run of Chinese", "one long word"],
)
def test_of_a_pasted_text_a_bounded_number_of_things_is_looked_for(stemmer, monkeypatch, query):
    counted = Counted(monkeypatch)
    Spelling(query, stemmer.stem_places(query)).shares([("a title", "a body")])
    assert len(counted.pieces) == MOST_PIECES
    assert len(counted.pairs) <= MOST_PAIRS


def test_what_a_query_says_twice_is_looked_for_once(stemmer, monkeypatch):
    counted = Counted(monkeypatch)
    query = "read log read log read log"
    Spelling(query, stemmer.stem_places(query)).shares([("a title", "a body")])
    assert sorted(counted.pieces) == sorted({b"_rea", b"read", b"ead_", b"_log", b"log_"})
    assert len(counted.pairs) == 2  # read log, log read


def test_a_number_of_several_parts_is_one_thing(stemmer):
    query = "upgrade to 1.2.3"
    texts = [("notes on 1.2.3", ""), ("notes on v1.2.3", ""), ("notes on 3.2.1", ""), ("notes on 1 2 and 3", "")]
    held = [share.pieces for share in Spelling(query, stemmer.stem_places(query)).shares(texts)]
    assert held[0] == pytest.approx(held[1], rel=0.1)
    assert held[2] == held[3] == 0
    assert held[0] > 0
