"""Becomes the database's user, ties its life to its parent's, then turns into the command given.

https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html

Run as a script of its own, without the server's packages: code between fork and exec in a process with threads
can deadlock, and a change of user clears the signal, so it must be set after it and before PostgreSQL is there.

    launch.py UID GID PARENT SIGNAL COMMAND [ARGUMENT…]
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(uid: int, gid: int, parent: int, at_its_end: int, command: list[str]) -> None:
    """Nothing, for it does not come back; OSError when the command or the user cannot be had."""
    # Whoever started this kept SIGINT waiting; from here on it ends this process, whatever Python is doing.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    os.chdir("/")
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, at_its_end, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("the parent process has gone")
    os.execv(command[0], command)  # noqa: S606 - the point of this script


if __name__ == "__main__":
    _uid, _gid, _parent, _at_its_end = map(int, sys.argv[1:5])
    main(_uid, _gid, _parent, _at_its_end, sys.argv[5:])
