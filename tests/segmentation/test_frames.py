"""Tables as bytes: round trips, the layout as documented, and refusal of everything else."""

import io
import json
import struct
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segmentation.columns.frames import FrameError, decode_frames, encode_frames

META = st.dictionaries(
    st.text(max_size=5), st.none() | st.integers(-(2**63), 2**63) | st.text(max_size=5) | st.booleans()
)
ROWS = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1),
        st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
        st.none() | st.binary(max_size=9),
        st.none() | st.floats(allow_nan=False),
    )
)
KINDS = {"number": pl.Int64, "text": pl.String, "data": pl.Binary, "measure": pl.Float64}


@given(META, st.dictionaries(st.text(max_size=6), ROWS, max_size=3), st.booleans())
def test_round_trip(meta: dict[str, Any], tables: dict[str, list[tuple[Any, ...]]], compress: bool) -> None:
    frames = {name: pl.DataFrame(rows, schema=KINDS, orient="row") for name, rows in tables.items()}
    data = encode_frames(meta, frames, compress=compress)
    read, decoded = decode_frames(data)
    assert read == meta
    assert list(decoded) == list(frames)
    for name, frame in frames.items():
        assert_frame_equal(decoded[name], frame)


def test_layout_is_as_documented() -> None:
    table = pl.DataFrame({"x": [1, 2]})
    data = encode_frames({"kind": "test"}, {"table": table})
    assert data[:4] == b"SGF1"
    (length,) = struct.unpack_from("<I", data, 4)
    header = json.loads(data[8 : 8 + length])
    assert header["meta"] == {"kind": "test"}
    [[name, size]] = header["tables"]
    body = data[8 + length :]
    assert (name, size) == ("table", len(body))
    assert_frame_equal(pl.read_ipc_stream(io.BytesIO(body)), table)


def test_table_without_rows_keeps_its_types() -> None:
    table = pl.DataFrame(schema=KINDS)
    assert decode_frames(encode_frames({}, {"table": table}))[1]["table"].schema == table.schema


@pytest.mark.parametrize("data", [b"", b"SGF", b"SGF2\x02\x00\x00\x00{}", b"Obj\x01 and more"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FrameError, match="expected tables of layout SGF1"):
        decode_frames(data)


def test_same_tables_same_bytes() -> None:
    table = pl.DataFrame({"x": ["a", "b"]})
    assert encode_frames({"b": 1, "a": 2}, {"t": table}) == encode_frames({"a": 2, "b": 1}, {"t": table.clone()})
