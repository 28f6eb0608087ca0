"""without.py CALL,CALL... PROGRAM ...: runs it as on a kernel that does not know these system calls."""
import ctypes
import errno
import os
import sys

ALLOW, ERRNO = 0x7FFF0000, 0x00050000

library = ctypes.CDLL("libseccomp.so.2")
library.seccomp_init.restype = ctypes.c_void_p
made = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ALLOW)))
for name in sys.argv[1].split(","):
    number = library.seccomp_syscall_resolve_name(name.encode())
    assert number >= 0 and library.seccomp_rule_add(made, ctypes.c_uint32(ERRNO | errno.ENOSYS), number, 0) == 0, name
assert library.seccomp_load(made) == 0
os.execvp(sys.argv[2], sys.argv[2:])
