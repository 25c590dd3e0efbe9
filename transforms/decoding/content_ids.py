"""Ids for events whose log names none: from the bytes of the record, the k-th identical one of a file apart from the
others, so that a file read twice gives the same ids and no record is taken for a duplicate of its twin."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import numpy.typing as npt

_Hashes = npt.NDArray[np.uint64]


def content_ids(records: Sequence[bytes], occurrences: Sequence[int]) -> list[str]:
    """32 hex digits of SHA-256 over each record, a line end and the decimal number of its occurrence, from 1."""
    return [
        sha256(b"%b\n%d" % (record, occurrence)).hexdigest()[:32]
        for record, occurrence in zip(records, occurrences, strict=True)
    ]


class RepeatCounter:
    """Counts the occurrences of each record of one file, in its order. Keeps 8 bytes for each record.

    >>> counter = RepeatCounter()
    >>> counter.number([b"a", b"b", b"a"]), counter.number([b"a"])
    ([(2, 2)], [(0, 3)])

    Records are told apart by 64 bits of SHA-256: should two different ones share them, the later one is counted as a
    repetition. Its id then differs, but is still unique and the same in every reading.
    """

    def __init__(self) -> None:
        self._seen: list[_Hashes] = []  # sorted; each more than twice as long as the next
        self._counts: dict[int, int] = {}

    def number(self, records: Sequence[bytes]) -> list[tuple[int, int]]:
        """The records that occurred before: (index in ``records``, which occurrence it is, from 2)."""
        digests = b"".join([sha256(record).digest()[:8] for record in records])
        hashes = np.frombuffer(digests, dtype="<u8").astype(np.uint64)
        unique, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        known = self._are_known(unique)
        repeats = []
        for index in np.flatnonzero((known | (counts > 1))[inverse]).tolist():
            key = int(hashes[index])
            before = self._counts.get(key, int(known[inverse[index]]))
            self._counts[key] = before + 1
            if before:
                repeats.append((index, before + 1))
        self._remember(unique[~known])
        return repeats

    def _are_known(self, hashes: _Hashes) -> npt.NDArray[np.bool_]:
        known = np.zeros(len(hashes), dtype=np.bool_)
        for tier in self._seen:
            places = np.minimum(np.searchsorted(tier, hashes), len(tier) - 1)
            known |= tier[places] == hashes
        return known

    def _remember(self, hashes: _Hashes) -> None:
        if not len(hashes):
            return
        self._seen.append(hashes)
        while len(self._seen) > 1 and len(self._seen[-2]) <= 2 * len(self._seen[-1]):
            last = self._seen.pop()
            self._seen[-1] = np.sort(np.concatenate([self._seen[-1], last]))
