"""A Python from the Microsoft Store keeps what it writes below AppData in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekall.system.redirected import redirected, where_really

STORE = r"C:\Program Files\WindowsApps\PythonSoftwareFoundation.Python.3.12_3.12.2800.0_x64__qbz5n2kfra8p0"
LOCAL, ROAMING = r"C:\Users\me\AppData\Local", r"C:\Users\me\AppData\Roaming"
ENVIRON = {"LOCALAPPDATA": LOCAL, "APPDATA": ROAMING}
PACKAGE = rf"{LOCAL}\Packages\PythonSoftwareFoundation.Python.3.12_qbz5n2kfra8p0\LocalCache"


@pytest.mark.parametrize(
    ("folder", "real", "prefix", "lies"),
    [
        (rf"{LOCAL}\rekall", rf"{LOCAL}\rekall", STORE, rf"{PACKAGE}\Local\rekall"),
        (rf"{ROAMING}\rekall", rf"{ROAMING}\rekall", STORE, rf"{PACKAGE}\Roaming\rekall"),
        (LOCAL.upper() + r"\rekall", LOCAL + r"\rekall", STORE.lower(), rf"{PACKAGE}\Local\rekall".lower()),
        (rf"{LOCAL}\rekall", rf"{PACKAGE}\Local\rekall", r"C:\somewhere", rf"{PACKAGE}\Local\rekall"),
        (
            rf"{LOCAL}\rekall",
            rf"{LOCAL}\rekall",
            r"C:\WindowsApps\python",
            rf"{LOCAL}\Packages\*\LocalCache\Local\rekall",
        ),
        (rf"{LOCAL}\rekall", rf"{LOCAL}\rekall", rf"{LOCAL}\Programs\Python\Python313", ""),
        (r"D:\notes", r"D:\notes", STORE, ""),
        (rf"{LOCAL}2\rekall", rf"{LOCAL}2\rekall", STORE, ""),
        (rf"{PACKAGE}\Local\rekall", rf"{PACKAGE}\Local\rekall", STORE, ""),
        (r"D:\link", r"E:\notes", STORE, ""),
    ],
)
def test_where_a_folder_lies_in_truth(folder, real, prefix, lies):
    found = where_really(folder, real, prefix, ENVIRON)
    assert found.lower() == lies.lower()


def test_nothing_is_known_where_nothing_is_said():
    assert where_really(r"C:\Users\me\AppData\Local\rekall", r"C:\Users\me\AppData\Local\rekall", STORE, {}) == ""


def test_the_python_of_these_tests_is_not_from_the_store(tmp_path: Path):
    assert redirected(tmp_path) == ""


def test_who_asks_for_the_paths_is_told(rekall, quick_model, monkeypatch):
    real = rf"{PACKAGE}\Local\rekall"
    monkeypatch.setattr("rekall.system.redirected.redirected", lambda folder: real)
    told = rekall("config", "path")
    assert real in told.err
    assert "REKALL_HOME" in told.err
    assert real not in told.out
    assert any(real in line["text"] for line in rekall("doctor", "--json").json["lines"] if line["topic"] == "path")
