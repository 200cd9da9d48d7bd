"""Takes rights away from the present process for good: resource limits everywhere, and on Linux (x86-64,
arm64) a seccomp filter (kernel documentation: userspace-api/seccomp_filter)."""

import ctypes
import platform
import resource
import struct
import sys

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 38, 22
_SECCOMP_MODE_FILTER = 2
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # EPERM

# What a decoder never needs: sockets, programs, other processes, names of files, and the kernel's odd
# corners.
_FORBIDDEN = {
    "x86_64": (
        41, 42, 43, 44, 46, 49, 50, 53, 57, 58, 59, 62, 76, 82, 83, 84, 85, 86, 87, 88, 90, 92, 94, 101, 133,
        155, 161, 165, 166, 175, 246, 248, 249, 250, 258, 259, 260, 263, 264, 265, 266, 268, 288, 298, 304,
        307, 308, 310, 311, 313, 316, 321, 322, 323, 424, 425, 434, 437,
    ),
    "aarch64": (
        198, 199, 200, 201, 202, 203, 206, 211, 33, 34, 35, 36, 37, 38, 39, 40, 41, 45, 51, 53, 54, 105, 104,
        117, 129, 217, 218, 219, 221, 241, 242, 265, 268, 269, 270, 271, 273, 276, 280, 281, 282, 424, 425,
        434, 437,
    ),
}  # fmt: skip
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_OPEN = {"x86_64": ((2, 1), (257, 2)), "aarch64": ((56, 2),)}  # (call, which argument holds the flags)
_WRITING = 0o3 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC


def confine(memory_bytes: int) -> None:
    """Call once, after all imports; threads begun later inherit it."""
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(limit, (value, value))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        machine = platform.machine()
        if machine in _AUDIT:
            _filter(libc, machine)


def allow_cpu(seconds: int) -> None:
    """From now on so many seconds of computing, then SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, hard))


def _filter(libc: ctypes.CDLL, machine: str) -> None:
    program = _program(machine)
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    described = Program(len(program) // 8, ctypes.addressof(code))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(described), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def _program(machine: str) -> bytes:
    """Classic BPF over struct seccomp_data: number at 0, architecture at 4, arguments from 16 on."""
    load, equal, more, masked, give = 0x20, 0x15, 0x35, 0x45, 0x06
    lines: list[tuple[int, int, int, int]] = [
        (load, 0, 0, 4),
        (equal, 1, 0, _AUDIT[machine]),
        (give, 0, 0, _REFUSE),  # another architecture's calls
        (load, 0, 0, 0),
        (more, 0, 1, 0x40000000),
        (give, 0, 0, _REFUSE),  # x32
    ]
    for call in _FORBIDDEN[machine]:
        lines += [(equal, 0, 1, call), (give, 0, 0, _REFUSE)]
    for call, argument in _OPEN[machine]:
        lines += [
            (equal, 0, 3, call),
            (load, 0, 0, 16 + 8 * argument),
            (masked, 0, 1, _WRITING),
            (give, 0, 0, _REFUSE),
            (load, 0, 0, 0),
        ]
    lines.append((give, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
