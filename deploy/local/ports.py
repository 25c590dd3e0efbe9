"""Choosing ports on loopback."""

import random
import socket
from collections.abc import Iterable
from dataclasses import fields

from deploy.local.layout import Ports
from deploy.local.problems import StackError

HOST = "127.0.0.1"
#: Where other ports are looked for: below those that systems lend to outgoing connections, which could take the port of
#: a part while it is down.
OTHERS = range(20_000, 32_000)


def accepts(port: int) -> bool:
    """Whether something accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    # Some systems let two sockets listen on one port, one on loopback and one on all interfaces: binding is not enough.
    if accepts(port):
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(preferred: int, taken: Iterable[int] = ()) -> int:
    """The preferred port or, where it is in use or in ``taken``, another one that is free.

    Raises:
        StackError: No port is free.
    """
    taken = set(taken)
    if preferred not in taken and is_free(preferred):
        return preferred
    candidates = sorted(set(OTHERS) - taken)
    for port in random.sample(candidates, len(candidates)):
        if is_free(port):
            return port
    raise StackError(f"no port from {OTHERS[0]} to {OTHERS[-1]} is free")


def choose_ports() -> Ports:
    """A free port for every part, all different, the usual ones where they are free."""
    chosen: dict[str, int] = {}
    usual = Ports()
    for each in fields(Ports):
        chosen[each.name] = free_port(getattr(usual, each.name), chosen.values())
    return Ports(**chosen)
