"""Merges what came from a remote: git does most of it, notes that both sides changed are merged by their fields."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from rekall.errors import GitError
from rekall.sync.git_repository import Repository
from rekall.sync.merging import MergedFile
from rekall.sync.putting import put_file

MergeFiles = Callable[["bytes | None", "bytes | None", "bytes | None"], MergedFile]
"""What becomes of a note of which there are an earlier version, mine and theirs; see `merging.merged_file`."""


@dataclass(frozen=True, slots=True)
class NotePair:
    """A note that both sides changed in the same place.

    Attributes:
        path: Its file, below the folder.
        kept_as: The file that keeps what the other side said.
        fields: What both changed.
    """

    path: str
    kept_as: str
    fields: tuple[str, ...]


class Blocked(GitError):
    """The remote's commits cannot be merged here now; the repository is as it was."""


@dataclass(frozen=True, slots=True)
class Notes:
    """What the files of a folder are.

    Attributes:
        merged: Merges the versions of a file.
        is_ours: Whether a path below the folder is a file that `merged` knows how to merge.
        entry_of: The id of the entry in a file's bytes; empty where it names none.
    """

    merged: MergeFiles
    is_ours: Callable[[str], bool]
    entry_of: Callable[[bytes], str]


class Merging:
    """One merge of commits from elsewhere into the branch that is checked out."""

    def __init__(self, repository: Repository, notes: Notes) -> None:
        """Merge in a repository whose state allows it."""
        self._repository = repository
        self._git = repository.git
        self._notes = notes

    def merge(self, upstream: str, message: str) -> tuple[bool, list[NotePair]]:
        """Bring commits in.

        Args:
            upstream: The last of them.
            message: What the commit that joins both is to say.

        Returns:
            Whether anything came in, and the notes of which both versions are kept.

        Raises:
            Blocked: It cannot be done now.
        """
        head = self._repository.head()
        if head and self._is_within(upstream, head):
            return False, []
        if not head or self._is_within(head, upstream):
            self._forward(upstream)
            return True, []
        if self._git.ran("diff-index", "--cached", "--quiet", "HEAD").code:
            raise Blocked(
                f"other changes are staged in {self._repository.top}, so that git cannot merge what came",
                "commit or stash them, then sync again",
            )
        with self._repository.merging():
            return True, self._joined(upstream, message)

    def _is_within(self, one: str, other: str) -> bool:
        """Whether a commit is part of another one's history."""
        return self._git.ran("merge-base", "--is-ancestor", one, other).code == 0

    def _forward(self, upstream: str) -> None:
        ran = self._git.ran("merge", "-q", "--ff-only", upstream)
        if ran.code:
            raise self._blocked(ran.said)

    def _blocked(self, said: str) -> Blocked:
        return Blocked(
            f"git cannot merge what came into {self._repository.top}: {said}",
            "commit, stash or move what is in the way, then sync again",
        )

    def _joined(self, upstream: str, message: str) -> list[NotePair]:
        """Join two histories. All that git has begun is taken back where it cannot be ended."""
        bases = self._git.says("merge-base", "--all", "HEAD", upstream).split()
        unrelated = ("--allow-unrelated-histories",) if self._repository.is_whole and not bases else ()
        ran = self._git.ran("merge", "-q", "--no-commit", "--no-ff", *unrelated, upstream)
        if not self._repository.place("MERGE_HEAD").exists():
            raise self._blocked(ran.said)
        try:
            pairs = self._settled(bases[0] if len(bases) == 1 else "", upstream)
            committed = self._git.ran("commit", "-q", "--cleanup=whitespace", "-m", message)
            if committed.code:
                raise Blocked(
                    f"git does not commit the merge: {committed.said}",
                    "a hook or the signing of commits refuses; mend it, and sync again",
                )
        except BaseException:
            self._git.run("merge", "--abort")
            raise
        return pairs

    def _settled(self, base: str, upstream: str) -> list[NotePair]:
        """Merge by their fields all notes that both sides changed, those too that git could merge by lines."""
        unmerged = self._unmerged()
        foreign = [path for path in unmerged if not self._is_note(path)]
        if foreign:
            named = ", ".join(foreign[:3]) + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else "")
            raise Blocked(
                f"both sides changed what is no note: {named}",
                f"merge it by hand: `git pull` in {self._repository.top}; then sync again",
            )
        pairs = [pair for group in self._by_entry(unmerged) for pair in self._settle(group)]
        if base:
            for path in self._changed_by_both(base, upstream) - unmerged.keys():
                versions = [self._blob(f"{commit}:{path}") for commit in (base, "HEAD", upstream)]
                if None not in versions:
                    pairs += self._write(path, self._merged(path, *versions))
        return pairs

    def _unmerged(self) -> dict[str, dict[int, str]]:
        """The files that git could not merge: by path and stage (1 before, 2 mine, 3 theirs) their blobs."""
        found: dict[str, dict[int, str]] = {}
        for record in self._git.run("ls-files", "-u", "-z").names:
            said, _, path = record.partition("\t")
            _, blob, stage = said.split()
            found.setdefault(path, {})[int(stage)] = blob
        return found

    def _is_note(self, path: str) -> bool:
        prefix = self._repository.prefix
        return path.startswith(prefix) and self._notes.is_ours(path.removeprefix(prefix))

    def _by_entry(self, unmerged: dict[str, dict[int, str]]) -> list[dict[str, dict[int, str]]]:
        """The same files, those of one entry together: one side may have renamed what the other one changed."""
        groups: dict[str, dict[str, dict[int, str]]] = {}
        for path, stages in unmerged.items():
            ids = (self._notes.entry_of(self._blob(blob) or b"") for blob in stages.values())
            name = next(filter(None, ids), path)
            taken = {stage for each in groups.get(name, {}).values() for stage in each}
            groups.setdefault(path if taken & stages.keys() else name, {})[path] = stages
        return list(groups.values())

    def _settle(self, group: dict[str, dict[int, str]]) -> list[NotePair]:
        """Merge the versions of one note, which lie at one path, or at several where it was renamed."""
        found: dict[int, tuple[str, bytes]] = {}
        for path, stages in group.items():
            for stage, blob in stages.items():
                found.setdefault(stage, (path, self._blob(blob) or b""))
        before, mine, theirs = (found[stage][1] if stage in found else None for stage in (1, 2, 3))
        if (
            mine is None or theirs is None
        ):  # one side deleted or renamed it: the other one's stays, and the sync decides
            kept_at, kept = found[2] if mine is not None else found.get(3, ("", None))
            twin = self._renamed(kept or b"", group)
            if kept is not None and twin:
                other = self._blob(f":{twin}")
                sides = (kept, other) if mine is not None else (other, kept)
                pairs = self._write(twin, self._merged(twin, before, *sides))
                self._drop(group)
                return pairs
            pairs = self._write(kept_at, MergedFile(kept)) if kept is not None else []
            self._drop(path for path in group if path != kept_at)
            return pairs
        pairs = self._write(found[2][0], self._merged(found[2][0], before, mine, theirs))
        self._drop(path for path in group if path != found[2][0])
        return pairs

    def _renamed(self, data: bytes, group: Iterable[str]) -> str:
        """Another file, merged without trouble, that holds the same entry; empty where there is none."""
        entry_id = self._notes.entry_of(data)
        if not entry_id:
            return ""
        given = os.fsencode(self._repository.prefix)
        ran = self._git.ran("grep", "--cached", "-l", "-z", "-F", "-e", entry_id, "--", os.fsdecode(given) or ".")
        for path in ran.names:
            if (
                path not in group
                and self._is_note(path)
                and self._notes.entry_of(self._blob(f":{path}") or b"") == entry_id
            ):
                return path
        return ""

    def _merged(self, path: str, before: bytes | None, mine: bytes | None, theirs: bytes | None) -> MergedFile:
        """Two versions of a note as one, or as two where they are two notes, or one that nobody can read."""
        if mine is None or theirs is None or mine == theirs:
            return MergedFile(theirs if mine is None else mine)
        entries = [self._notes.entry_of(each) for each in (mine, theirs)]
        if all(entries) and entries[0] != entries[1]:  # two notes of one name
            return MergedFile(mine, theirs=(self._free_name(path), theirs))
        is_one = any(entries) or before is not None
        merged = self._notes.merged(before, mine, theirs) if is_one else MergedFile(mine, ("text",))
        if merged.theirs is None and merged.conflicts:
            return replace(merged, theirs=(self._free_name(path), theirs))
        return merged

    def _free_name(self, path: str) -> str:
        """A name beside a file that no other one has."""
        stem, end = os.path.splitext(os.path.basename(path))
        folder = self._repository.top / os.path.dirname(path)
        numbers = (number for number in range(2, 10_000) if not os.path.lexists(folder / f"{stem} {number}{end}"))
        return f"{stem} {next(numbers)}{end}"

    def _write(self, path: str, merged: MergedFile) -> list[NotePair]:
        """Put a merged note into its place, and what could not be merged beside it."""
        prefix = self._repository.prefix
        written = [path]
        pairs = []
        if merged.data is None:
            self._drop([path])
        else:
            self._put(path, merged.data)
        if merged.theirs is not None:
            name, data = merged.theirs
            beside = f"{path.rpartition('/')[0]}/{name}".removeprefix("/")
            self._put(beside, data)
            written.append(beside)
        if merged.theirs is not None and merged.conflicts:
            pairs.append(NotePair(path.removeprefix(prefix), beside.removeprefix(prefix), merged.conflicts))
        self._git.run("update-index", "--add", "--remove", "-z", "--stdin", given=_listed(written))
        return pairs

    def _put(self, path: str, data: bytes) -> None:
        place = self._repository.top / path
        place.parent.mkdir(parents=True, exist_ok=True)
        put_file(place, data)

    def _drop(self, paths: Iterable[str]) -> None:
        """Remove files from the work tree and from what will be committed."""
        gone = list(paths)
        for path in gone:
            (self._repository.top / path).unlink(missing_ok=True)
        if gone:
            self._git.run("update-index", "--force-remove", "-z", "--stdin", given=_listed(gone))

    def _blob(self, name: str) -> bytes | None:
        """What a file says in a commit, or in the index; None where there is none."""
        ran = self._git.ran("cat-file", "blob", name)
        return None if ran.code else ran.out

    def _changed_by_both(self, base: str, upstream: str) -> set[str]:
        """The notes that both sides changed, as git knows them before the merge."""
        here, there = (
            set(self._git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", base, commit).names)
            for commit in ("HEAD", upstream)
        )
        return {path for path in here & there if self._is_note(path)}


def _listed(paths: Iterable[str]) -> bytes:
    """Paths as git reads them."""
    return b"".join(os.fsencode(path) + b"\0" for path in paths)
