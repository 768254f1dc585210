"""What was typed in one piece is seen as one."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekall.store.units import names, units

NAMES = {
    "C++ and C# or F#": {"C++", "C#", "F#"},
    "g++ -std=c++20": {"g++", "c++", "-std"},
    "use .NET, ~/.ssh and `.bashrc`": {".NET", ".ssh", ".bashrc"},
    "tar -xzf a.tgz --strip-components=1": {"-xzf", "--strip-components"},
    "$PATH @scope/pkg #hashtag": {"$PATH", "@scope", "#hashtag"},
    "v1.2.3, 10.0.0.1; 2.0.0rc1 (3.4.5-beta.2)": {"v1.2.3", "10.0.0.1", "2.0.0rc1", "3.4.5-beta.2"},
    "foo.bar a-b x = a + b; 1 + 1 # comment - item -- dash 5 a1.2": set(),
    "Ctrl+C": set(),
    "": set(),
}


@pytest.mark.parametrize("text", NAMES)
def test_names_that_punctuation_tells_apart(text):
    found = list(names(text))
    assert {name.typed for name in found} == NAMES[text]
    assert len({name.sought for name in found}) == len({name.typed for name in found})
    assert not any(name.sought.isascii() for name in found)


UNITS = {
    "user_id and foo::bar": ["user_id", "foo::bar"],
    "ERR_MODULE_NOT_FOUND!": ["ERR_MODULE_NOT_FOUND!"],
    "f(os.path.join, x86-64)": ["os.path.join", "x86-64"],
    "don't l'API e-mail puis-je e.g. i.e. word": [],
    "read-only key=value me@example.org": ["read-only", "key=value", "me@example.org"],
    "": [],
}


@pytest.mark.parametrize("text", UNITS)
def test_units_are_tokens_of_several_words(text):
    assert [text[unit.start : unit.end] for unit in units(text)] == UNITS[text]


def test_the_units_inside_a_path_are_its_names():
    text = "see src/store_2/words.py?x=1 now"
    (unit,) = units(text)
    assert text[unit.start : unit.end] == "src/store_2/words.py?x=1"
    assert [text[each.start : each.end] for each in unit.inner] == ["store_2", "words.py"]


@settings(deadline=None)
@given(text=st.text(st.characters() | st.sampled_from("ab1.-_/:+#@$ "), max_size=80))
def test_units_lie_in_the_text_in_order_and_never_fail(text):
    found = list(units(text))
    assert all(0 <= unit.start < unit.end <= len(text) for unit in found)
    assert all(left.end <= right.start for left, right in pairwise(found))
    assert all(unit.start <= each.start < each.end <= unit.end for unit in found for each in unit.inner)
    assert all(name.typed in text for name in names(text))


def test_a_text_of_numbers_has_a_bounded_number_of_names():
    assert len(list(names(" ".join(f"{number}.5" for number in range(10_000))))) == 2000


@pytest.mark.parametrize(
    "text", ["9" * 300_000, "1." * 150_000, "-" * 300_000 + "a", "a" * 300_000 + "+", "1.2" * 100_000]
)
def test_a_run_of_one_kind_is_read_once(text):
    searched = []

    class Counted(str):
        __slots__ = ()

        def __getitem__(self, place):
            searched.append(place)
            return super().__getitem__(place)

    assert len(list(names(Counted(text)))) <= 2000
    assert len(searched) < 10_000
