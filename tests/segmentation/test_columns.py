"""Columns as bytes: round trips, small and large, and refusal of everything else."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.columns.encoding import (
    ColumnsError,
    decode_columns,
    encode_columns,
    list_columns,
    list_from,
    text_columns,
    texts_from,
    user_column,
    users_from,
)
from segmentation.columns.texts import Texts

STRINGS = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
META = st.dictionaries(st.text(max_size=5), st.none() | st.integers(-(2**63), 2**63) | st.booleans())


@given(META, st.lists(st.integers(-(2**63), 2**63 - 1)), st.lists(st.booleans()), st.sampled_from([1, 3000]))
def test_round_trip(meta: dict[str, Any], numbers: list[int], flags: list[bool], times: int) -> None:
    columns = {"n": np.array(numbers * times, np.int64), "é": np.array(flags, np.bool_), "i": np.arange(3, dtype="i4")}
    data = encode_columns(meta, columns)
    read, decoded = decode_columns(data)
    assert read == meta
    assert list(decoded) == list(columns)
    for name, column in columns.items():
        assert decoded[name].dtype == column.dtype
        np.testing.assert_array_equal(decoded[name], column)


@given(st.lists(st.none() | STRINGS))
def test_strings_survive(texts: list[str | None]) -> None:
    column = Texts.of(texts)
    columns = decode_columns(encode_columns({}, {**text_columns("t", column), **list_columns("l", column.values)}))[1]
    assert texts_from("t", columns).to_list() == texts
    assert list_from("l", columns) == column.values


@given(st.lists(st.binary(min_size=32, max_size=32)))
def test_internal_ids_survive(users: list[bytes]) -> None:
    assert users_from(user_column(users)) == users


def test_layout_is_as_documented() -> None:
    data = encode_columns({"kind": "test"}, {"x": np.array([1, 2], np.int32), "y": np.array([3.0])})
    assert data[:4] == b"SGC1"
    (length,) = struct.unpack_from("<I", data, 4)
    header = json.loads(data[8 : 8 + length])
    assert header == {"meta": {"kind": "test"}, "columns": [["x", "<i4", 8], ["y", "<f8", 8]], "size": 0}
    assert data[8 + length :] == struct.pack("<iid", 1, 2, 3.0)


@pytest.mark.parametrize("data", [b"", b"SGC", b"SGC2\x02\x00\x00\x00{}", b"SGF1\x02\x00\x00\x00{}"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ColumnsError, match="expected columns of layout SGC1"):
        decode_columns(data)


@given(st.lists(st.lists(st.none() | STRINGS, max_size=6), max_size=4), st.data())
def test_texts_joined_cut_down_and_compact(parts: list[list[str | None]], data: st.DataObject) -> None:
    joined = Texts.joined([Texts.of(part) for part in parts])
    texts = [text for part in parts for text in part]
    assert joined.to_list() == texts
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=9)) if texts else []
    few = joined.take(np.array(rows, np.int64)).compact()
    assert few.to_list() == [texts[row] for row in rows]
    assert set(few.values) == {texts[row] for row in rows} - {None}
