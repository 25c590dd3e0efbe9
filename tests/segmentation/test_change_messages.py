"""Messages that are encoded in columns against those of the codec, row by row, and what a frame may not hold."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode_single_object, encode_single_object
from schemas.errors import SchemaError
from schemas.records import from_record, to_record
from schemas.registry import load_schema
from schemas.types import Evidence, SegmentChange
from segmentation.outputs import change_messages
from segmentation.outputs.change_messages import encode_changes
from tests.pipeline.io.changes import CHANGE, frame
from tests.schemas.strategies import CHANGES, INT64


def unsent(*changes: SegmentChange) -> pl.DataFrame:
    """What is not sent yet: neither when nor in which trace."""
    return frame(*changes).drop("emitted_at", "trace_context")


def check(changes: list[SegmentChange], emitted_at: int) -> None:
    sent = [replace(change, emitted_at=emitted_at, trace_context=None) for change in changes]
    messages = list(encode_changes(unsent(*changes), emitted_at))
    assert messages == [encode_single_object("segment_change", to_record(change)) for change in sent]
    found = [from_record(SegmentChange, decode_single_object("segment_change", message)) for message in messages]
    assert found == sent


@given(st.lists(CHANGES, max_size=4), st.integers(1, 3), INT64)
def test_messages_are_those_of_the_codec(changes: list[SegmentChange], times: int, emitted_at: int) -> None:
    check(changes * times, emitted_at)


@given(st.lists(INT64, min_size=change_messages._MANY - 1, max_size=change_messages._MANY + 1, unique=True))
def test_many_numbers_that_differ(numbers: list[int]) -> None:
    check([replace(CHANGE, sequence=number, effective_at=-1 - number) for number in numbers], numbers[0])


def test_numbers_of_every_length() -> None:
    edges = {sign * (1 << bits) + near for bits in range(63) for sign in (1, -1) for near in (-1, 0)}
    numbers = sorted(edges | {-(2**63), 2**63 - 1})
    check([replace(CHANGE, sequence=number) for number in numbers], 0)
    evidence = tuple(Evidence("f", "=", number, None) for number in numbers)
    check([replace(CHANGE, evidence=evidence)], 0)


@pytest.mark.parametrize("value", [None, "é", "", 0, -1, 0.0, -0.0, 1.0, 1e300, True, False])
def test_measured_value_keeps_its_type(value: Any) -> None:
    # Alike as keys: 1, 1.0 and True, or 0.0 and -0.0.
    others = tuple(Evidence("f", "=", other, "1") for other in (1, 1.0, True, 0, 0.0, -0.0, False))
    check([replace(CHANGE, evidence=(*others, Evidence("f", "=", value, None)))], 0)


@pytest.mark.parametrize("number", [-(2**31), 2**31 - 1])
def test_bounds_of_32_bits_fit(number: int) -> None:
    check([replace(CHANGE, early_index=number, rules_version=number)], 0)


@pytest.mark.parametrize("size", [63, 64, 8_191, 8_192, 70_000])
def test_long_texts_and_arrays(size: int) -> None:
    check([replace(CHANGE, change_id="x" * size, segment="é" * size, memberships=("g",) * size)], 0)


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_edge_of_a_slice_loses_and_repeats_nothing(more: int) -> None:
    numbers = range(change_messages._SLICE + more)
    check([replace(CHANGE, change_id=f"c{number}", sequence=number) for number in numbers], 0)


def test_columns_in_another_order_are_put_right() -> None:
    frame = unsent(CHANGE)
    assert list(encode_changes(frame.select(reversed(frame.columns)), 5)) == list(encode_changes(frame, 5))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (pl.lit("LEFT").alias("action"), "action is none of ENTERED, EXITED, RETRACTED"),
        (pl.lit("").alias("stage"), "stage is none of EARLY, ON_TIME, LATE"),
        (pl.lit("moon").alias("cause"), "cause is none of erasure, "),
        (pl.lit(2**31, pl.Int64).alias("rules_version"), "rules_version needs more than 32 bits"),
        (pl.lit(-(2**31) - 1, pl.Int64).alias("early_index"), "early_index needs more than 32 bits"),
        (pl.lit("no json").alias("evidence"), "JSON text that does not fit"),
        (pl.lit('[{"feature":"f","operator":"="}]').alias("evidence"), "JSON text that does not fit"),
        (
            pl.lit('[{"feature":"f","operator":"=","value":[1],"threshold":null}]').alias("evidence"),
            "JSON text that does not fit",
        ),
        (
            pl.lit(f'[{{"feature":"f","operator":"=","value":{2**63},"threshold":null}}]').alias("evidence"),
            "an integer needs more than 64 bits",
        ),
        (pl.lit('["a",1]').alias("memberships"), "JSON text that does not fit"),
        (pl.lit('["\\ud800"]').alias("memberships"), "JSON text that does not fit"),
        (pl.lit('{"a":1}').alias("flags"), "JSON text that does not fit"),
        (pl.lit(None, pl.String).alias("flags"), "flags holds nulls"),
        (pl.lit(1, pl.Int32).alias("sequence"), "sequence is Int32, expected Int64"),
        (pl.lit(5, pl.Int64).alias("emitted_at"), r"unknown columns \['emitted_at'\]"),
    ],
)
@pytest.mark.parametrize("rows", [1, 3])
def test_value_that_does_not_fit_the_schema_is_refused(broken: pl.Expr, message: str, rows: int) -> None:
    with pytest.raises(SchemaError, match=message):
        list(encode_changes(unsent(*[CHANGE] * rows).with_columns(broken), 5))


def test_missing_column_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"missing columns \['segment'\]"):
        list(encode_changes(unsent(CHANGE).drop("segment"), 5))


@pytest.mark.parametrize("place", ["top", "evidence"])
def test_type_that_the_schema_did_not_have_is_refused(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = load_schema("segment_change")
    fields = {field["name"]: field for field in schema["fields"]}
    if place == "top":
        fields["sequence"]["type"] = "bytes"
    else:
        fields["evidence"]["type"]["items"]["fields"].append({"name": "unit", "type": "string", "default": ""})
    monkeypatch.setattr(change_messages, "load_schema", lambda _: schema)
    with pytest.raises(SchemaError, match=r"no encoder for columns writes the type of (sequence|evidence)"):
        change_messages._encoders.__wrapped__()
