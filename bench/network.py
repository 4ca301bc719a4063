"""A network of one's own: a namespace in which nothing is left of what was measured before.

The side that closes a connection first remembers it for a minute (TIME-WAIT), up to a number of them that a few servers
reach together; then no more are remembered. So what a measurement finds depends on those in the minute before it.
"""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct

CLONE_NEWNET = 0x40000000  # linux/sched.h
SIOCSIFFLAGS = 0x8914  # linux/sockios.h
IFF_UP = 1  # linux/if.h


def enter_new() -> bool:
    """This process, and what it starts, has a new network from now on, with the loopback only. Only root may; returns
    whether it could be done."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    return True
