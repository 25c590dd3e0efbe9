"""Records of topics for tests: any mix of what producers send."""

import io
import struct
from collections.abc import Iterable
from typing import NamedTuple

import fastavro
import numpy as np
from hypothesis import strategies as st

from pipeline.io.topics.packs import ENTRY
from schemas.codec import MARKER, encode_single_object
from schemas.registry import load_schema
from tests.transforms.decoding_cases import event, line


class Record(NamedTuple):
    """One record of a topic."""

    partition: int
    offset: int
    timestamp: int  #: ms
    value: bytes | None


def encode_pack(records: Iterable[Record]) -> bytes:
    """The pack of some records, as the source in Java makes it."""
    kept = list(records)
    entries = [(each.partition, -1 if each.value is None else len(each.value), *each[1:3]) for each in kept]
    values = [each.value + b"\n" for each in kept if each.value is not None]
    return b"".join([b"SGP1", struct.pack("<I", len(kept)), np.array(entries, ENTRY).tobytes(), *values])


def message(number: int) -> bytes:
    """An event in Avro single-object encoding."""
    return encode_single_object("event", event(number) | {"source": None, "properties": {"p": number}})


def container(*numbers: int) -> bytes:
    """Events as an Avro object container of small blocks."""
    out = io.BytesIO()
    records = [event(number) for number in numbers]
    fastavro.writer(out, load_schema("event"), records, sync_interval=60, sync_marker=bytes(range(16)))
    return out.getvalue()


NUMBERS = st.integers(0, 99)
_SOUND = st.one_of(
    NUMBERS.map(line),
    st.lists(NUMBERS.map(line), min_size=1, max_size=4).map(b"\n".join),
    st.lists(NUMBERS.map(line), min_size=1, max_size=4).map(b"\r\n".join),
    NUMBERS.map(message),
    st.lists(NUMBERS, min_size=1, max_size=4).map(lambda numbers: container(*numbers)),
)
_BROKEN = st.one_of(
    st.none(),
    st.sampled_from([b"", b" ", b"\n\n", b"\r\n", b"{}", b'{"event_id":\n"e1"}', b"null", MARKER, b"Obj", b"Obj\x01"]),
    st.binary(max_size=12),
    st.builds(lambda value, end: value[:end], _SOUND, st.integers(0, 80)),
    _SOUND.map(lambda value: value + b"\n"),
    _SOUND.map(lambda value: value + b"\xff"),
)
VALUES = st.one_of(_SOUND, _SOUND, _BROKEN)


def numbered(values: list[bytes | None]) -> list[Record]:
    """Records of three partitions that hold some values."""
    return [
        Record(number % 3, 1_000 + number, 1_767_225_600_000 + number, value) for number, value in enumerate(values)
    ]
