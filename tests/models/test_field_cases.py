"""The document of the cases from the field is made from the cases that are run."""

from pathlib import Path

from support.field_stage import every_case

DOCUMENT = Path(__file__).parents[2] / "docs" / "engine-cases.md"


def test_the_document_has_the_verdict_of_every_case():
    table = DOCUMENT.read_text("utf-8").partition("<!-- cases -->")[2].partition("<!-- end of cases -->")[0]
    rows = [[cell.strip() for cell in line.split(" | ")] for line in table.strip().splitlines()[2:]]
    cases = every_case()
    listed = [(row[0].lstrip("| "), row[1], row[2]) for row in rows]
    assert listed == [(str(number), case.situation, case.reported) for number, case in enumerate(cases, 1)]
    assert len(cases) >= 48
    assert not [row for row in rows if "**fails**" in row[3]]
