"""Gives numpy for Windows the C99 functions that Wine's runtime lacks (`crealf`, `cexp` and their like).

    python scripts/wine_libm.py PYTHON BUILD

PYTHON is the folder of python.exe, numpy in its Lib/site-packages. numpy's modules import these functions from an API set that Wine resolves to a
runtime of its own, without them: the name of that one library is overwritten in numpy's files by the name of ours. Ours hands every other function on
to Wine. What has to be compiled is written into BUILD, as `complex.c` and `complex.def`. Nothing else of what runs is changed.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

API_SET = "api-ms-win-crt-math-l1-1-0.dll"
OURS = "rekall-complex-math-of-c99.dll"  # as long as the name it replaces

_REAL = re.compile(r"c(abs|arg|imag|real)([fl]?)")
_COMPLEX = re.compile(r"c(a?(?:sin|cos|tan)h?|exp|log|sqrt|proj|pow)([fl]?)")

_HEADER = """\
#include <complex.h>
typedef struct { float r, i; } zf;
typedef struct { double r, i; } z;
"""


def main() -> None:
    """Patch the modules of numpy and write the sources of the library they then ask for."""
    python, build = Path(sys.argv[1]), Path(sys.argv[2])
    wanted: set[str] = set()
    for module in sorted((python / "Lib" / "site-packages" / "numpy").rglob("*.pyd")):
        data = module.read_bytes()
        names = {name for library, name in imports(data) if library in (API_SET, OURS)}
        if any(is_complex(name) for name in names):
            wanted |= names
            module.write_bytes(data.replace(API_SET.encode(), OURS.encode()))
    build.mkdir(parents=True, exist_ok=True)
    (build / "complex.c").write_text(_HEADER + "".join(map(source, sorted(filter(is_complex, wanted)))), "utf-8")
    exports = (f"{name} = ours_{name}" if is_complex(name) else f"{name} = ucrtbase.{name}" for name in sorted(wanted))
    (build / "complex.def").write_text(
        f"LIBRARY {OURS}\nEXPORTS\n" + "".join(f"  {line}\n" for line in exports), "utf-8"
    )
    print(f"{sum(map(is_complex, wanted))} functions of complex numbers, {len(wanted)} in all")


def is_complex(name: str) -> bool:
    """Whether it is one of the functions that Wine lacks."""
    return bool(_REAL.fullmatch(name) or _COMPLEX.fullmatch(name))


def source(name: str) -> str:
    """One function in C, its complex numbers passed as Microsoft's compiler passes them. `long double` is `double` there."""
    real, other = _REAL.fullmatch(name), _COMPLEX.fullmatch(name)
    found = real or other
    assert found is not None
    single = "f" if found[2] == "f" else ""
    plain, kind, struct_ = f"c{found[1]}{single}", "float" if single else "double", f"z{single}"
    arguments, given = f"{struct_} a", "__builtin_complex(a.r, a.i)"
    if found[1] == "pow":
        arguments, given = f"{arguments}, {struct_} b", f"{given}, __builtin_complex(b.r, b.i)"
    if real:
        return f"{kind} ours_{name}({arguments}) {{ return {plain}({given}); }}\n"
    result = f"({struct_}){{creal{single}(w), cimag{single}(w)}}"
    return f"{struct_} ours_{name}({arguments}) {{ {kind} _Complex w = {plain}({given}); return {result}; }}\n"


def imports(data: bytes) -> Iterator[tuple[str, str]]:
    """What a library for 64-bit Windows imports by name: the library it comes from, and the name."""
    header = struct.unpack_from("<I", data, 0x3C)[0]
    count, optional = struct.unpack_from("<H", data, header + 6)[0], struct.unpack_from("<H", data, header + 20)[0]
    sections: list[tuple[int, int, int, int]] = [
        struct.unpack_from("<8x4I", data, header + 24 + optional + 40 * i) for i in range(count)
    ]

    def place(address: int) -> int:
        return next(
            address - start + raw
            for size, start, stored, raw in sections
            if start <= address < start + max(size, stored)
        )

    def text(address: int) -> str:
        begin = place(address)
        return data[begin : data.index(b"\0", begin)].decode("ascii")

    entry = place(struct.unpack_from("<I", data, header + 24 + 112 + 8)[0])
    while (fields := struct.unpack_from("<5I", data, entry))[3]:
        thunk = place(fields[0] or fields[4])
        while value := struct.unpack_from("<Q", data, thunk)[0]:
            if not value >> 63:
                yield text(fields[3]), text(value + 2)
            thunk += 8
        entry += 20


if __name__ == "__main__":
    main()
