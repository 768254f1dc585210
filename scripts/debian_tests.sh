#!/bin/bash
# Runs the tests in a Debian of their own: with another Python (sid has the newest), or on another processor, emulated.
#
#     scripts/debian_tests.sh FOLDER RELEASE[:ARCHITECTURE] [tests/FILE ...]      sid, trixie, trixie:arm64 ...
#     scripts/debian_tests.sh FOLDER RELEASE[:ARCHITECTURE] --run COMMAND ...     a command instead, in the copy of the tree
#
# Wants Debian or a system like it, root, Python 3.10 or newer with pip, and the network at the first run. FOLDER is made then (2 GB).
# Another processor is emulated by qemu 10 (7.2 crashes in ONNX Runtime), of which the kernel knows inside a namespace only.
# FOLDER/results holds the log of every file; FOLDER/results.json what scripts/wine_results.py reads out of them.
# REKALL_TEST_LIMIT: seconds that one file may take, 1800 unless set. REKALL_TEST_COMMIT: a commit to try instead of the working tree.
# REKALL_TEST_CPU: the processor that qemu plays, neoverse-n1 unless set: one that is sold, and half as slow as `max`, which can all there is.
set -euo pipefail
. "$(dirname "$0")/once.sh"

ARM64='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
ARM64_MASK='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'

# Runs a command in the chroot, in namespaces of its own: whatever it leaves behind ends with it.
inside() {
    local user=() rule="" processor=()
    if [ "$ARCH" = arm64 ]; then
        user=(--user --map-root-user)
        rule=":arm64:M::$ARM64:$ARM64_MASK:$FOLDER/qemu/usr/bin/qemu-aarch64:F"
        processor=(QEMU_CPU="${REKALL_TEST_CPU:-neoverse-n1}")
    fi
    timeout --foreground --kill-after=20 "$LIMIT" unshare "${user[@]}" --mount --pid --fork --kill-child /bin/bash -c '
        mount -t proc proc "$1/proc"
        mkdir -p "$1/sys/devices/system/cpu"
        mount --bind /sys/devices/system/cpu "$1/sys/devices/system/cpu" # without it ONNX Runtime takes a processor for the least of its kind
        mkdir -p "$1/dev/pts"
        mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts" # for tests that open a terminal
        rm -f "$1/dev/ptmx" && ln -s pts/ptmx "$1/dev/ptmx"
        if [ -n "$2" ]; then
            mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
            printf %s "$2" >/proc/sys/fs/binfmt_misc/register
        fi
        root=$1
        shift 2
        chroot "$root" /usr/bin/env -i PATH=/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
        exit $?  # stays, as the first process there: it takes leave of those whose parents ended, a server that was killed among them' \
        inside "$SYSTEM" "$rule" "${processor[@]}" "$@"
}

# Of another processor's packages nothing has to run while they are put there: they are unpacked, not set up.
debian() {
    local packages=python3,python3-venv,git,make,strace,man-db,less,curl
    mkdir -p "$FOLDER/download" && cd "$FOLDER/download"
    apt-get download debootstrap
    dpkg -x debootstrap_*.deb "$FOLDER/debootstrap"
    export DEBOOTSTRAP_DIR=$FOLDER/debootstrap/usr/share/debootstrap
    local foreign=()
    [ "$ARCH" = "$(dpkg --print-architecture)" ] || foreign=(--foreign)
    unshare --mount "$FOLDER/debootstrap/usr/sbin/debootstrap" "${foreign[@]}" --arch "$ARCH" --variant=minbase \
        --include="$packages" "$RELEASE" "$SYSTEM"
    mkdir -p "$SYSTEM/etc/ssl/certs" # pip in there reaches what pip reaches here
    cp -L /etc/ssl/certs/ca-certificates.crt "$SYSTEM/etc/ssl/certs/ca-certificates.crt"
    [ ${#foreign[@]} -gt 0 ] || return 0
    find "$SYSTEM/var/cache/apt/archives" -name '*.deb' -exec dpkg-deb --extract {} "$SYSTEM" \;
    ln -sf dash "$SYSTEM/usr/bin/sh"
    cp "$SYSTEM/usr/share/base-passwd/passwd.master" "$SYSTEM/etc/passwd"
    cp "$SYSTEM/usr/share/base-passwd/group.master" "$SYSTEM/etc/group"
}

# The emulator of Debian trixie, whatever this system has.
qemu() {
    local apt=(-o Dir::Etc::sourceparts=- -o "Dir::Etc::sourcelist=$FOLDER/apt/list" -o "Dir::State::lists=$FOLDER/apt/lists" -o "Dir::Cache=$FOLDER/apt")
    mkdir -p "$FOLDER/apt/lists/partial" "$FOLDER/apt/archives/partial"
    echo "deb http://deb.debian.org/debian trixie main" >"$FOLDER/apt/list"
    cd "$FOLDER/download"
    apt-get "${apt[@]}" update
    apt-get "${apt[@]}" download qemu-user
    dpkg -x qemu-user_*.deb "$FOLDER/qemu"
}

# What Rekall needs, as wheels for that Python and processor.
wheels() {
    local version
    version=$(basename "$(find "$SYSTEM/usr/bin" -name 'python3.[0-9]*' | head -1)")
    inside python3 -m venv --without-pip /venv
    python3 -m pip install --target "$FOLDER/uv" uv
    "$FOLDER/uv/bin/uv" pip install --cache-dir "$FOLDER/uv-cache" --python-platform "${MACHINE}-unknown-linux-gnu" \
        --python-version "${version#python}" --only-binary :all: --target "$SYSTEM/venv/lib/$version/site-packages" \
        -r "$SOURCE/pyproject.toml" --extra dev --extra export --extra mcp --extra tui --extra watch pip setuptools wheel hatchling editables
}

# A copy, so that nobody's edits are seen half done; installed as a developer installs it.
tree() {
    rm -rf "$SYSTEM/tree" && mkdir -p "$SYSTEM/tree"
    if [ -n "${REKALL_TEST_COMMIT:-}" ]; then
        git -C "$SOURCE" archive "$REKALL_TEST_COMMIT" | tar -C "$SYSTEM/tree" -xf -
    else
        git -C "$SOURCE" ls-files -z --cached --others --exclude-standard |
            (cd "$SOURCE" && tar --null --ignore-failed-read -T - -cf -) | tar -C "$SYSTEM/tree" -xf -
    fi
    chown -R 0:0 "$SYSTEM/tree"
    [ -e "$SYSTEM/venv/bin/rekall" ] || inside python3 -m pip install --quiet --no-deps --no-build-isolation --editable /tree
}

main() {
    SOURCE=$(cd "$(dirname "$0")/.." && pwd)
    FOLDER=$(mkdir -p "${1:?usage: scripts/debian_tests.sh FOLDER RELEASE[:ARCHITECTURE] [tests/FILE ...]}" && cd "$1" && pwd)
    RELEASE=${2%%:*}
    ARCH=$(dpkg --print-architecture)
    [ "$RELEASE" = "$2" ] || ARCH=${2##*:}
    MACHINE=$(echo "$ARCH" | sed 's/amd64/x86_64/; s/arm64/aarch64/')
    shift 2
    SYSTEM=$FOLDER/system
    LIMIT=${REKALL_TEST_LIMIT:-1800}
    once debian
    [ "$ARCH" != arm64 ] || once qemu
    once wheels
    tree

    if [ "${1:-}" = --run ]; then
        shift
        inside env -C /tree "$@"
        return
    fi
    local file log code files=("$@")
    [ $# -gt 0 ] || mapfile -t files < <(cd "$SYSTEM/tree" && find tests -name 'test_*.py' | sort)
    mkdir -p "$FOLDER/results"
    for file in "${files[@]}"; do
        log=$FOLDER/results/$(echo "${file%.py}" | tr / .).log
        code=0
        inside env -C /tree python3 -X faulthandler -m pytest -vv -n 0 -p no:cacheprovider --tb=short -o faulthandler_timeout=300 -o faulthandler_exit_on_timeout=false "$file" \
            >"$log" 2>&1 </dev/null || code=$?
        echo "ended with $code" >>"$log"
        python3 "$SOURCE/scripts/wine_results.py" "$log"
    done
    python3 "$SOURCE/scripts/wine_results.py" --out "$FOLDER/results.json" "$FOLDER"/results/*.log
}

main "$@"
exit
