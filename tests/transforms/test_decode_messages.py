"""Messages: Avro single objects as events, and the places that dead letters of a topic name."""

import pickle

import numpy as np
import polars as pl
import pytest

from schemas.codec import HEADER_BYTES, encode_single_object
from tests.transforms.decoding_cases import NOW, T0, event
from transforms.decoding.event_decoder import EventDecoder
from transforms.decoding.message_places import MessagePlaces
from transforms.decoding.records import Decoded
from transforms.raw_chunk import ChunkFault, RawChunk


def chunk_of(*values: bytes, fault: ChunkFault | None = None) -> RawChunk:
    lengths = np.array([len(value) for value in values], np.int64)
    starts = np.cumsum(lengths + 1) - lengths - 1
    offsets = np.arange(len(values), dtype=np.int64) + 50
    messages = MessagePlaces(starts, lengths, np.full(len(values), 7, np.int32), offsets)
    return RawChunk("topic", "single_object", 1, b"".join(value + b"\n" for value in values), b"", fault, (), messages)


def message(number: int, **changes: object) -> bytes:
    return encode_single_object("event", event(number, **({"source": None, "properties": {}} | changes)))


def decode(chunk: RawChunk, properties: tuple[str, ...] = ()) -> Decoded:
    decoded = EventDecoder(properties).decode(chunk, NOW)
    assert decoded.read == decoded.frame.height + len(decoded.bad)
    return decoded


def places(chunk: RawChunk, decoded: Decoded) -> list[tuple[str, int]]:
    return chunk.places([record.position for record in decoded.bad])


def test_messages_become_events() -> None:
    properties = {"a": 1, "b": 0.5, "c": True, "d": "x", "e": None}
    decoded = decode(chunk_of(message(1, properties=properties), message(2)), ("a", "b", "c", "d", "e"))
    assert decoded.frame["event_id"].to_list() == ["e1", "e2"]
    assert decoded.frame["occurred_at"].to_list() == [T0 + 1, T0 + 2]
    assert decoded.frame.select("p:a", "p:b", "p:c", "p:d", "p:e").rows() == [
        ("1", "0.5", "true", "x", None),
        (None,) * 5,
    ]
    assert decoded.frame.schema["p:a"] == pl.String


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"\xc3\x01", "no Avro single-object encoding: it begins with C3 01 and 8 bytes of fingerprint"),
        (b"\xc3\x01" + b"\x07" * 8, "no version of the event schema has the fingerprint 0707070707070707"),
        (message(2)[:HEADER_BYTES], "broken Avro"),
        (message(2)[:-1], "broken Avro"),
        (message(2) + b"\x00", "broken Avro: the record has"),
        (message(2)[:HEADER_BYTES] + message(2)[:-1], "broken Avro"),
    ],
)
def test_broken_message_spoils_no_other(value: bytes, error: str) -> None:
    chunk = chunk_of(message(1), value, message(3))
    decoded = decode(chunk)
    assert decoded.frame["event_id"].to_list() == ["e1", "e3"]
    (bad,) = decoded.bad
    assert (bad.reason, bad.payload) == ("undecodable", value)
    assert error in bad.error
    assert places(chunk, decoded) == [("topic/7", 51)]


def test_invalid_event_keeps_its_bytes_and_its_place() -> None:
    values = [message(1), message(2, user_id=""), message(3, properties={"x": float("nan")}), message(4, name="")]
    chunk = chunk_of(*values)
    decoded = decode(chunk, ("x",))
    assert [(bad.reason, bad.payload) for bad in decoded.bad] == [
        ("missing_field", values[1]),
        ("wrong_type", values[2]),
        ("missing_field", values[3]),
    ]
    assert places(chunk, decoded) == [("topic/7", 51), ("topic/7", 52), ("topic/7", 53)]


def test_every_message_of_a_faulty_chunk_is_a_bad_record() -> None:
    chunk = chunk_of(b"a", b"", b"c\nd", fault=ChunkFault("undecodable", "ValueError", "why"))
    decoded = decode(chunk)
    assert [(bad.payload, bad.error) for bad in decoded.bad] == [(b"a", "why"), (b"", "why"), (b"c\nd", "why")]
    assert places(chunk, decoded) == [("topic/7", 50), ("topic/7", 51), ("topic/7", 52)]


def test_chunk_pickles_with_its_messages() -> None:
    chunk = chunk_of(message(1), b"x")
    again = pickle.loads(pickle.dumps(chunk))
    assert again.places([1, 2]) == chunk.places([1, 2]) == [("topic/7", 50), ("topic/7", 51)]
    assert again.data == chunk.data


def test_positions_in_files_stay_as_they_are() -> None:
    assert RawChunk("a.jsonl", "json", 10, b"x\ny\n").places([10, 11]) == [("a.jsonl", 10), ("a.jsonl", 11)]
