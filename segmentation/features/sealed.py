"""Values that are only ever compared, as two 64-bit lanes: a seal is 32 hex digits, so nothing of it is lost."""

import numpy as np

from segmentation.columns.hashing import U64
from segmentation.columns.texts import Texts

_LANE = (1 << 64) - 1

#: The high and the low half of each row's value; equal exactly where the values are.
Lanes = tuple[U64, U64]


def lanes(texts: Texts) -> Lanes:
    """The lanes of seals (none of the rows may be null)."""
    distinct, place = np.unique(texts.codes, return_inverse=True)
    numbers = [int(texts.values[code], 16) for code in distinct.tolist()]
    high = np.array([number >> 64 for number in numbers], np.uint64)
    low = np.array([number & _LANE for number in numbers], np.uint64)
    return high[place], low[place]
