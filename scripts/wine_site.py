"""What Python does at its start under Wine, where scripts/wine_tests.sh lays it down beside a file that lets it be imported.

CPython asks for a process's parent by a function of kernel32 that Wine lacks, and which ends the process there. It is asked of ntdll instead, as CPython
itself did before 3.13.
"""

from __future__ import annotations

import os


def _parent() -> int:
    import ctypes  # not at every start

    basic = (ctypes.c_size_t * 6)()  # PROCESS_BASIC_INFORMATION, whose last word is InheritedFromUniqueProcessId
    here = ctypes.c_void_p(-1)
    if ctypes.windll.ntdll.NtQueryInformationProcess(here, 0, basic, ctypes.sizeof(basic), None):  # type: ignore[attr-defined, unused-ignore]
        raise OSError("the parent of this process is not known")
    return basic[5]


os.getppid = _parent
