"""How many processors a process may use, by what it is bound to and by its control groups."""

import os

import pytest

from rekall.system.processors import usable_processors


@pytest.fixture
def many(monkeypatch):
    monkeypatch.setattr(os, "process_cpu_count", lambda: 64, raising=False)


def group(tmp_path, line, files):
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    proc.mkdir()
    groups.mkdir()
    (proc / "cgroup").write_text(line)
    for name, content in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(content)
    return proc, groups


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "200000 100000\n"}, 2),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        ("0::/a\n", {"a/cpu.max": "150000 100000\n"}, 2),
        ("0::/a\n", {"a/cpu.max": "10000 100000\n"}, 1),
        ("0::/outside\n", {"cpu.max": "100000 100000\n"}, 1),
        ("0::/a\n", {"a/cpu.max": "max 100000\n"}, 64),
        ("0::/a\n", {"a/cpu.max": "rubbish\n"}, 64),
        ("0::/a\n", {"a/cpu.max": "100000 0\n"}, 64),
        ("0::/a\n", {}, 64),
        (
            "4:cpu,cpuacct:/d\n",
            {"cpu,cpuacct/d/cpu.cfs_quota_us": "400000", "cpu,cpuacct/d/cpu.cfs_period_us": "100000"},
            4,
        ),
        ("4:cpu:/d\n", {"cpu/d/cpu.cfs_quota_us": "50000", "cpu/d/cpu.cfs_period_us": "100000"}, 1),
        ("4:cpu:/d\n", {"cpu/d/cpu.cfs_quota_us": "-1", "cpu/d/cpu.cfs_period_us": "100000"}, 64),
        ("4:memory:/d\n", {"memory/d/cpu.max": "100000 100000"}, 64),
    ],
)
def test_the_tightest_control_group_decides(many, tmp_path, line, files, expected):
    assert usable_processors(*group(tmp_path, line, files)) == expected


def test_without_control_groups_it_is_what_the_process_may_use(many, tmp_path):
    assert usable_processors(tmp_path / "none", tmp_path / "none") == 64


def test_a_python_that_does_not_count_asks_the_system(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5}, raising=False)
    assert usable_processors(tmp_path, tmp_path) == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_processors(tmp_path, tmp_path) == 1
