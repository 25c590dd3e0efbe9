"""Which partition a key belongs to, as Kafka's Java clients decide it, in columns.

A user whose events other programs send with their key stays in one partition with those that are sent from here: it is
MurmurHash2 (seed 0x9747B28C) over the UTF-8 bytes of the key, without its sign bit, modulo the number of partitions.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

Hashes = npt.NDArray[np.uint32]
Partitions = npt.NDArray[np.int64]

_SEED = 0x9747B28C
_FACTOR = np.uint32(0x5BD1E995)
_WORD = 4


def partitions_of(keys: pl.Series, count: int) -> Partitions:
    """The partition of each key, out of ``count``. ``keys`` is a String series without nulls."""
    return (murmur2(keys) & np.uint32(0x7FFFFFFF)).astype(np.int64) % count


def murmur2(keys: pl.Series) -> Hashes:
    """The hash of each key; ``keys`` is a String series without nulls."""
    array = keys.to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    content = array.buffers()[2]
    data = np.frombuffer(content, np.uint8) if content is not None else np.empty(0, np.uint8)
    starts, lengths = offsets[:-1], np.diff(offsets)
    hashes = np.empty(len(lengths), np.uint32)
    # A few lengths cover all the ids of a log, and keys of one length are hashed side by side.
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        padded = np.zeros((len(rows), -(-length // _WORD) * _WORD), np.uint8)
        padded[:, :length] = data[starts[rows, None] + np.arange(length)]
        hashes[rows] = _hash(padded.view(np.dtype("<u4")), length)
    return hashes


def _hash(words: Hashes, length: int) -> Hashes:
    """Keys of one length as rows of little-endian words, the last padded with zeros."""
    state = np.full(len(words), (_SEED ^ length) & 0xFFFFFFFF, np.uint32)
    whole = length // _WORD
    for column in range(whole):
        word = words[:, column] * _FACTOR
        word ^= word >> np.uint32(24)
        state *= _FACTOR
        state ^= word * _FACTOR
    if length % _WORD:
        state ^= words[:, whole]
        state *= _FACTOR
    state ^= state >> np.uint32(13)
    state *= _FACTOR
    state ^= state >> np.uint32(15)
    return state
