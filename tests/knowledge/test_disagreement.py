"""What two texts disagree about: numbers, versions and negations in statements about the same, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.knowledge.cases import is_a_series
from rekall.knowledge.disagreement import (
    Clash,
    Disagreement,
    disagreement,
    grouped,
    sameness,
    without_rounds,
)
from rekall.knowledge.statements import TakenApart, stem, taken_apart


def note(title: str, content: str = "", **fields: str) -> TakenApart:
    return taken_apart(Draft(EntryType.TIL, title, content=content, **fields))


def between(one: str, other: str) -> Disagreement | None:
    """What is between two notes, each a title and perhaps a text after a bar."""
    return disagreement(*(note(*text.split(" | ", 1)) for text in (one, other)))


@pytest.mark.parametrize(
    ("one", "other", "clash", "here", "there"),
    [
        ("Deploys need Node 18", "Deploys need Node 20", Clash.VERSION, "18", "20"),
        ("We run Python 3.8 in production", "Production runs Python 3.11", Clash.VERSION, "3.8", "3.11"),
        ("The pool has 8 workers", "The pool has 32 workers", Clash.NUMBER, "8", "32"),
        ("Requests time out after 1,000 ms", "Requests time out after 2,500 ms", Clash.NUMBER, "1,000", "2,500"),
        ("Load factor is .75 here", "Load factor is .9 here", Clash.NUMBER, ".75", ".9"),
        (
            "Rate limits | The API takes 100 requests per minute.",
            "Rate limits of the API | The API takes 250 requests per min.",
            Clash.NUMBER,
            "100",
            "250",
        ),
        ("Gateway | timeout_seconds = 30", "The gateway | timeout_seconds = 60", Clash.NUMBER, "30", "60"),
        ("The client makes two retries", "The client makes 3 retries", Clash.NUMBER, "2", "3"),
        ("Payments are retried twice", "Payments are retried three times", Clash.NUMBER, "2", "3"),
        ("Backups run once a day", "Backups run twice a day", Clash.NUMBER, "1", "2"),
        ("Der Export läuft zweimal täglich", "Der Export läuft 4 mal täglich", Clash.NUMBER, "2", "4"),
        ("Le service a trois instances", "Le service a 5 instances", Clash.NUMBER, "3", "5"),
        ("Builds need python3", "Builds need python 2", Clash.VERSION, "3", "2"),
        ("Run the export job every 5 minutes", "Run the export job every 10 minutes", Clash.NUMBER, "5", "10"),
    ],
)
def test_the_same_with_another_number_is_told_with_both(one, other, clash, here, there):
    found = between(one, other)
    assert found is not None
    assert (found.clash, found.here, found.there) == (clash, here, there)
    turned = between(other, one)
    assert turned == found.turned()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Always squash before merging", "Never squash before merging"),
        ("Use tabs for indentation", "Avoid tabs for indentation"),
        ("Enable swap on the build server", "Disable swap on the build server"),
        ("Turn on the query cache in MySQL", "Turn off the query cache in MySQL"),
        ("Do commit the lock file", "Don't commit the lock file"),
        ("Do commit the lock file", "Don’t commit the lock file"),
        ("The cache is safe with threads", "The cache is not safe with threads"),
        ("Retrying payments is allowed", "Retrying payments is forbidden"),
        ("Deploy with downtime at night", "Deploy without downtime at night"),
        ("Immer Rebase auf main machen", "Niemals Rebase auf main machen"),
        ("Toujours vider le cache applicatif", "Ne jamais vider le cache applicatif"),
        ("Usar transacciones largas", "Evitar transacciones largas"),
        ("Всегда включать кэш запросов", "Никогда не включать кэш запросов"),
        ("生产环境使用 root 账号", "生产环境不要使用 root 账号"),
        ("本番環境では root を使う", "本番環境では root を使わない"),
        (
            "Caching | The session cache is shared by all nodes.",
            "Caching | The session cache is not shared by all nodes.",
        ),
    ],
)
def test_what_one_says_and_the_other_denies_is_told(one, other):
    for found in (between(one, other), between(other, one)):
        assert found is not None, (one, other)
        assert found.clash is Clash.NEGATION
        assert "" != found.here != found.there != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Redis listens on port 6379", "Postgres listens on port 5432"),  # two subjects
        ("Staging has 4 GB of memory", "Production has 64 GB of memory"),
        ("Sprint 12 retrospective", "Sprint 13 retrospective"),  # a series
        ("PROJ-1201 login fails for admins", "PROJ-1377 login fails for admins"),
        ("Meeting with Contoso on 2026-03-04", "Meeting with Contoso on 2026-05-11"),  # days
        ("Upgrade Django to 4.2", "Upgrade Django to 5.0"),  # one after the other
        ("Raise the timeout from 20 to 30 seconds", "Raise the timeout from 30 to 60 seconds"),
        ("Runs on Python 3.11", "Runs on Python 3.11.2"),  # less exactly
        ("It holds 1,000 rows", "It holds 1000 rows"),
        ("Works with Python 3.8", "Works with Python 3.8 and 3.11"),  # more of them
        ("Never enable the query cache", "Disable the query cache"),  # the same in other words
        ("Do not use tabs for indentation", "Avoid tabs for indentation"),
        ("Delete all untracked files", "Untrack a file without deleting it"),
        ("Add a column that is NOT NULL", "Add a column that is null"),
        ("Skip hooks with git commit --no-verify", "Verify hooks with git commit"),
        ("The client makes two retries", "The client makes 2 retries"),
        ("Round a number to 2 digits", "Round a number to 3 digits"),  # a task, whatever the number
        ("How do I get the date in 2 months?", "How do I get the date in 3 months?"),
        ("Check if 3 is in a list", "Check if 7 is in a list"),
        ("Disk full on db-3", "Disk full on db-7"),  # names
        ("Read test1.py", "Read test2.py"),
        ("Dockerfile for Debian 11", "Dockerfile for Debian 12"),
        ("Remove Hadoop 2.9.2 from the download page", "Remove Hadoop 3.1.4 from the download page"),
        ("Commit 9f3ab21 broke the build", "Commit 77de0c4 broke the build"),
    ],
)
def test_what_does_not_contradict_is_no_contradiction(one, other):
    found = between(one, other)
    assert found is None or found.clash is Clash.REPEAT, found


def test_code_counts_only_where_both_are_about_the_same():
    sample = "```\nanimation: pulse {}s infinite;\n```"
    apart = disagreement(note("Animate two colours", sample.format(2)), note("A pulsing background", sample.format(20)))
    assert apart is None
    found = disagreement(note("Pulsing background", sample.format(2)), note("A pulsing background", sample.format(20)))
    assert found is not None
    assert (found.here, found.there) == ("2", "20")


def test_entries_of_two_projects_may_differ_more():
    same = disagreement(
        *(taken_apart(Draft(EntryType.CONFIG, f"Timeout is {number} seconds", project="api")) for number in (3, 9))
    )
    other = disagreement(
        *(
            taken_apart(Draft(EntryType.CONFIG, f"Timeout is {number} seconds", project=project))
            for number, project in ((3, "api"), (9, "web"))
        )
    )
    assert same is not None
    assert other is not None
    assert other.surety < same.surety


def test_nearly_the_same_text_is_a_repetition_and_parts_of_a_series_are_none():
    text = "Cookies that an API of another site sets are blocked by Safari, so serve the API from the same site."
    found = disagreement(note("Login cookie lost", text), note("Cookie lost at login", f"{text} It took a day."))
    assert found is not None
    assert found.clash is Clash.REPEAT
    assert disagreement(note("Cookies, part 1", text), note("Cookies, part 2", text)) is None
    assert is_a_series(note("Reversing a list"), note("Reversing a list - part 2"))
    assert is_a_series(note("Remove guava from the yarn project"), note("Remove guava from the hdfs project"))


def test_what_is_near_in_meaning_says_the_same_the_surer_the_more_words_it_shares():
    one = note("Resolve the address of a host", "dig +short prints it")
    other = note("Find the address of a host", "dig +short prints the address")
    far = note("Look up the address of a host", "nslookup tells")
    assert sameness(one, other, 0.9) > sameness(one, far, 0.9) > 0
    assert sameness(one, far, 0.7) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Backport HADOOP-17837 to branch-3.2", "Backport HADOOP-18671 to branch-3.2"),
        ("Backport the fix to branch-3.2", "Backport the fix to branch-3.3"),
        ("Tune listFiles() of the store | Cache what the store answers.", "Tune listStatus() of the store | Cache what the store answers."),
        ("Google outage | The load balancer lost its settings.", "Google outage | The load balancer lost its routes and its settings."),
        ("Replace sets by our own | A long text about sets.", "Replace sets by our own in the tools"),
    ],
)  # fmt: skip
def test_two_cases_of_one_pattern_are_no_repetition(one, other):
    here, there = (note(*text.split(" | ", 1)) for text in (one, other))
    assert disagreement(here, there) is None
    assert is_a_series(here, there) or sameness(here, there, 0.95) == 0.0


def test_jobs_that_undo_each_other_are_not_the_same_and_two_ways_to_say_it_are():
    text = "brew takes the name of the package"
    for one, other in (("Install", "Uninstall"), ("Encode", "Decode")):
        assert (
            sameness(note(f"{one} a package with brew", text), note(f"{other} a package with brew", text), 0.9) == 0.0
        )
    assert sameness(note("Find a package with brew", text), note("Look for a package with brew", text), 0.9) > 0.0


def test_of_many_copies_each_is_told_once():
    pairs = [("a", "b"), ("b", "c"), ("a", "c"), ("d", "e"), ("c", "a")]
    assert without_rounds(pairs) == [True, True, False, True, False]
    assert grouped([("x", "y"), *pairs]) == [{"x", "y"}, {"a", "b", "c"}, {"d", "e"}]


@pytest.mark.parametrize(
    "forms",
    [
        ("deploy", "deploys", "deployed", "deployment", "deployments"),
        ("delete", "deletes", "deleting", "deleted"),
        ("minute", "minutes", "min"),
        ("configuration", "config", "configure"),
        ("generate", "generates", "generating"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms):
    assert len({stem(form) for form in forms}) == 1


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=40), st.text(max_size=40))
def test_any_texts_can_be_compared(one, other, title, name):
    here, there = note(title or "t", one), note(name or "t", other)
    found, turned = disagreement(here, there), disagreement(there, here)
    assert (found is None) == (turned is None)
    assert found is None or 0.0 < found.surety <= 1.0
    alone = disagreement(here, here)
    assert alone is None or alone.clash is Clash.REPEAT
