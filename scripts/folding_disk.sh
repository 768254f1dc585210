#!/bin/sh
# Runs tests on a disk that takes `A.md` and `a.md` for one file, as Windows and macOS usually do: an image in a file, mounted
# for as long as they run and seen by them alone. Needs root on Linux, and one of: a kernel that folds case in ext4
# (CONFIG_UNICODE), or `exfat-fuse` with `mkfs.exfat`.
#
#     sudo scripts/folding_disk.sh [TEST...]       by default the tests of paths
set -eu
if [ "${FOLDING_DISK_ALONE:-}" != yes ]; then
    FOLDING_DISK_ALONE=yes exec unshare --mount "$0" "$@"
fi
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'umount "$work/disk" 2>/dev/null || true; [ -z "${loop:-}" ] || losetup -d "$loop"; rm -rf "$work"' EXIT
mkdir "$work/disk"
truncate -s 256M "$work/image"
loop=$(losetup -f --show "$work/image")
if mkfs.ext4 -q -O casefold "$loop" 2>/dev/null && mount "$loop" "$work/disk" 2>/dev/null; then
    mkdir "$work/disk/tests"
    chattr +F "$work/disk/tests"
    echo "on ext4 that folds case"
elif mkfs.exfat "$loop" >/dev/null && mount.exfat-fuse "$loop" "$work/disk" 2>/dev/null; then
    mkdir "$work/disk/tests"
    echo "on exFAT"
else
    echo "this system can mount no disk that folds case" >&2
    exit 1
fi
[ $# -gt 0 ] || set -- tests/system/test_path_spelling.py tests/knowledge/test_respelling.py
"${PYTHON:-.venv/bin/python}" -m pytest -q -n 0 -p no:cacheprovider --basetemp="$work/disk/tests/run" "$@"
