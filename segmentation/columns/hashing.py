"""A stable 128-bit hash of strings, in columns.

Event ids are remembered as 16 bytes. Polars' own hash may change between versions and state outlives versions, so
this one is defined here: words of 8 bytes (little-endian, the last padded with zeros) are mixed into two 64-bit lanes
that start from the length, each lane with its own odd multiplier, and the result goes through the finaliser of
SplitMix64. It is not cryptographic: a client that chooses its event ids can only make its own events collide.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

U64 = npt.NDArray[np.uint64]

_SEEDS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_MULTIPLIERS = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0x9FB21C651E98DF25))
_WORD = 8


def hash_strings(values: pl.Series) -> tuple[U64, U64]:
    """Two lanes of 64 bits for each string; a null hashes like the empty string. Shape: two arrays of len(values)."""
    some = values.fill_null("") if values.null_count() else values
    array = some.to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    content = array.buffers()[2]
    data = np.frombuffer(content, dtype=np.uint8) if content is not None else np.empty(0, np.uint8)
    starts, lengths = offsets[:-1], np.diff(offsets)
    high = np.empty(len(lengths), np.uint64)
    low = np.empty(len(lengths), np.uint64)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        words = _words(data, starts[rows], int(length))
        high[rows], low[rows] = (_mix(words, int(length), lane) for lane in (0, 1))
    return high, low


def _words(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], length: int) -> U64:
    """Strings of one length as rows of words. Shape: (strings, ceil(length / 8))."""
    width = -(-length // _WORD)
    padded = np.zeros((len(starts), width * _WORD), np.uint8)
    if length and len(starts):
        first = int(starts[0])
        if int(starts[-1]) - first == (len(starts) - 1) * length:
            padded[:, :length] = data[first : first + len(starts) * length].reshape(-1, length)
        else:
            padded[:, :length] = data[starts[:, None] + np.arange(length)]
    return padded.view(np.dtype("<u8"))


def _mix(words: U64, length: int, lane: int) -> U64:
    state = np.full(len(words), _SEEDS[lane] ^ np.uint64(length), np.uint64)
    for column in range(words.shape[1]):
        state ^= words[:, column]
        state *= _MULTIPLIERS[lane]
        state ^= state >> np.uint64(32)
    state ^= state >> np.uint64(30)
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state ^= state >> np.uint64(27)
    state *= np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state
