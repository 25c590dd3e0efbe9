"""Partitions of keys: as Kafka's own clients give them."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.io.topics.partitions import murmur2, partitions_of

#: From the tests of Kafka's Java clients, as signed integers.
KNOWN = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


def test_hashes_that_kafka_publishes() -> None:
    assert murmur2(pl.Series(list(KNOWN))).astype(np.int32).tolist() == list(KNOWN.values())


def _murmur2(key: bytes) -> int:
    """As `org.apache.kafka.common.utils.Utils` has it, byte for byte."""
    state = 0x9747B28C ^ len(key)
    for start in range(0, len(key) // 4 * 4, 4):
        word = int.from_bytes(key[start : start + 4], "little") * 0x5BD1E995 % 2**32
        word = (word ^ word >> 24) * 0x5BD1E995 % 2**32
        state = state * 0x5BD1E995 % 2**32 ^ word
    rest = key[len(key) // 4 * 4 :]
    if rest:
        state = (state ^ int.from_bytes(rest, "little")) * 0x5BD1E995 % 2**32
    state = (state ^ state >> 13) * 0x5BD1E995 % 2**32
    return state ^ state >> 15


@given(st.lists(st.text(max_size=20)), st.integers(1, 50))
def test_columns_are_hashed_like_single_keys(keys: list[str], count: int) -> None:
    series = pl.Series(keys, dtype=pl.String)
    assert murmur2(series).tolist() == [_murmur2(key.encode()) for key in keys]
    assert partitions_of(series, count).tolist() == [(_murmur2(key.encode()) & 0x7FFFFFFF) % count for key in keys]


@pytest.mark.parametrize("rows", [slice(1, 3), slice(0, 0), slice(3, None)])
def test_part_of_a_column(rows: slice) -> None:
    keys = pl.Series(["a", "bb", "", "dddddd"])
    assert murmur2(keys[rows]).tolist() == murmur2(keys).tolist()[rows]
