"""System calls that a worker gives up, because Landlock does not cover what they reach.

Comes in: nothing. Goes out: whether the kernel took the filter. Refused from then on, with EPERM: new sockets of any
kind (UDP, and the sockets of D-Bus and systemd that lie on paths), other programs, other processes' memory and
descriptors, and io_uring, which would do all that without a system call. Classic BPF over the call's number, see
https://docs.kernel.org/userspace-api/seccomp_filter.html; machines without a table here go without.
"""

from __future__ import annotations

import ctypes
import platform
import struct

_CALLS = {
    # socket, ptrace, process_vm_readv, process_vm_writev, execve, execveat, io_uring_setup, pidfd_getfd
    "x86_64": (0xC000003E, (41, 101, 310, 311, 59, 322, 425, 438)),
    "aarch64": (0xC00000B7, (198, 117, 270, 271, 221, 281, 425, 438)),
}
"""Machine -> its number for the audit, and its numbers for the calls."""

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1
_X32_CALLS = 0x40000000
"""x86 has its calls a second time from here on."""
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2


def give_up_system_calls() -> bool:
    """Refuses the calls for this thread and those it starts, for good. False where that cannot be had."""
    machine = platform.machine()
    if machine not in _CALLS:
        return False
    architecture, calls = _CALLS[machine]
    refuse = len(calls) + 5
    lines = [
        (_LOAD, 0, 0, 4),  # the architecture the call is made for
        (_IF_EQUAL, 0, refuse - 2, architecture),
        (_LOAD, 0, 0, 0),  # the number of the call
        (_IF_AT_LEAST, refuse - 4, 0, _X32_CALLS),
        *((_IF_EQUAL, refuse - 5 - place, 0, call) for place, call in enumerate(calls)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in lines))
    header = struct.pack("@HP", len(lines), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header, 0, 0) == 0)
