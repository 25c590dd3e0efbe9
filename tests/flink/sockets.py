"""Where a process listens, from Linux's /proc."""

import struct
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

_LISTENS = "0A"


def listens_on(pid: int) -> dict[int, IPv4Address | IPv6Address]:
    """The TCP ports on which a process listens, each with its address; IPv4 ones also where the socket is IPv6's."""
    folder = Path(f"/proc/{pid}")
    sockets = {str(link.readlink()) for link in (folder / "fd").iterdir() if link.is_symlink()}
    found = {}
    for table in ("tcp", "tcp6"):
        for line in (folder / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENS and f"socket:[{fields[9]}]" in sockets:
                address, _, port = fields[1].partition(":")
                found[int(port, 16)] = _address(address)
    return found


def _address(text: str) -> IPv4Address | IPv6Address:
    """Words of 32 bits, each in the machine's byte order."""
    words = [int(text[place : place + 8], 16) for place in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    if len(packed) == 4:
        return IPv4Address(packed)
    address = IPv6Address(packed)
    return address.ipv4_mapped or address
