"""What tells one event from another: 128 bits made of its user and its id.

An entry of 16 bytes is all that is kept of an event once it has counted, so the key holds the user as well. Of the
internal id (an HMAC, so its parts are as good as random) the second word is mixed into the upper half of the hash of
the event id, and the third into a quarter of it. The last quarter is the first word modulo `_RESIDUES`: the shard of a
user is that word modulo the number of shards, so an entry tells its shard for every number that divides `_RESIDUES`.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from segmentation.columns.arrays import I64, Column
from segmentation.columns.growing import grown
from segmentation.columns.hashing import U64
from segmentation.tracking.event_rows import EventRows

#: 2^8 · 3^3 · 5^2 · 7 · 11 · 13 · 17, below 2^32: a multiple of every number up to 18, and of many above.
_RESIDUES: Final = np.uint64(2_940_537_600)
_UPPER: Final = np.uint64(0xFFFFFFFF00000000)
_LOWER: Final = np.uint64(0x00000000FFFFFFFF)
_WORDS: Final = 4


class EventKeys:
    """Makes the keys of events from the hashes of their ids and the users' internal ids; 16 bytes a user.

    >>> keys = EventKeys()
    >>> keys.meet([bytes(range(32)), bytes(32)])
    >>> same_id = {"user": np.array([0, 1, 0]), "id_high": np.ones(3, np.uint64), "id_low": np.ones(3, np.uint64)}
    >>> high, low = keys.of(EventRows(same_id, {}))
    >>> bool(high[0] == high[2] and low[0] == low[2]), bool(high[0] == high[1])
    (True, False)
    >>> bool(shards_of(low, 16)[0] == int.from_bytes(bytes(range(8)), "little") % 16)
    True
    """

    def __init__(self) -> None:
        self._high: U64 = np.empty(0, np.uint64)
        self._low: U64 = np.empty(0, np.uint64)

    def meet(self, users: Sequence[bytes]) -> None:
        """Take in the users that are new; ``users`` are the internal ids of all, those known before first."""
        known = len(self._high)
        if len(users) == known:
            return
        words = np.frombuffer(b"".join(users[known:]), "<u8").reshape(-1, _WORDS)
        low = (words[:, 2] & _UPPER) | (words[:, 0] % _RESIDUES)
        self._high, self._low = grown(self._high, len(users), 0), grown(self._low, len(users), 0)
        self._high[known:], self._low[known:] = words[:, 1], low

    def keep(self, rows: I64) -> None:
        """Keep only the users at these positions, renumbered in this order."""
        self._high, self._low = self._high[rows], self._low[rows]

    def of(self, events: EventRows) -> tuple[U64, U64]:
        """The two halves of each event's key. Shapes: (events,) each."""
        user = events["user"]
        return events["id_high"] ^ self._high[user], (events["id_low"] & _UPPER) ^ self._low[user]


def knows_shards(shards: int) -> bool:
    """Whether keys tell the shard of their user where there are ``shards`` of them."""
    return int(_RESIDUES) % shards == 0


def shards_of(low: Column, shards: int) -> I64:
    """The shard of each key, from its lower half; right where `knows_shards`."""
    return ((low & _LOWER) % np.uint64(shards)).astype(np.int64)
