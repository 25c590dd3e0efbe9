"""Packs: what goes in comes out, whatever it is, and every record is accounted for."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.io.topics import unpacking as kafka_unpacking
from pipeline.io.topics.packs import PackError, decode_pack, pack_of_values
from pipeline.io.topics.unpacking import PackGatherer
from tests.pipeline.io.kafka_records import VALUES, Record, container, encode_pack, message, numbered
from tests.transforms.decoding_cases import NOW, line
from transforms.decoding.event_decoder import EventDecoder
from transforms.mapping.model import EventMapping, LogColumn, LogTime
from transforms.raw_chunk import RawChunk

TOPIC = "kafka://b:1/t"
Outcome = Counter[tuple[object, ...]]


def gather(records: list[Record], size: int = 1_000, *, json_only: bool = False) -> list[RawChunk]:
    """The chunks of some records in packs of ``size``."""
    gatherer = PackGatherer(TOPIC, json_only=json_only)
    for start in range(0, len(records), size):
        gatherer.add(encode_pack(records[start : start + size]))
    return gatherer.take()


def outcome(chunks: list[RawChunk], mapping: EventMapping | None = None) -> Outcome:
    """How often each event and each dead letter came out."""
    decoder = EventDecoder((), mapping)
    found: Outcome = Counter()
    for chunk in chunks:
        decoded = decoder.decode(chunk, NOW)
        assert decoded.read == decoded.frame.height + len(decoded.bad)
        found.update(decoded.frame.select("event_id", "user_id", "occurred_at").rows())
        places = chunk.places([record.position for record in decoded.bad])
        for record, place in zip(decoded.bad, places, strict=True):
            found[(*place, record.reason.value, record.payload)] += 1
    return found


@given(st.lists(VALUES, max_size=8), st.integers(1, 8))
def test_packing_changes_nothing(values: list[bytes | None], size: int) -> None:
    records = numbered(values)
    one_by_one: Outcome = Counter()
    for record in records:
        one_by_one += outcome(gather([record]))
    assert outcome(gather(records, size)) == one_by_one


@given(st.lists(VALUES.filter(lambda value: value is None or not value.startswith(b"Obj\x01")), max_size=8))
def test_no_record_vanishes(values: list[bytes | None]) -> None:
    for record in numbered(values):
        assert outcome(gather([record])).total() >= 1


@given(st.lists(VALUES, max_size=8))
def test_layout_comes_back(values: list[bytes | None]) -> None:
    records = numbered(values)
    pack = decode_pack(encode_pack(records))
    rest = pack.values
    for record, entry in zip(records, pack.entries.tolist(), strict=True):
        size = -1 if record.value is None else len(record.value)
        assert entry == (record.partition, size, record.offset, record.timestamp)
        if record.value is not None:
            assert rest.startswith(record.value + b"\n")
            rest = rest[size + 1 :]
    assert not rest


def test_layout_to_the_byte() -> None:
    pack = encode_pack([Record(1, 258, 3, b"ab"), Record(2, 4, 5, None)])
    entries = "01000000 02000000 0201000000000000 0300000000000000 02000000 ffffffff 0400000000000000 0500000000000000"
    assert pack == b"SGP1" + bytes.fromhex("02000000" + entries) + b"ab\n"


@pytest.mark.parametrize(
    ("pack", "message"),
    [
        (b"", "expected a pack of layout SGP1, found b''"),
        (b"SGP2\x00\x00\x00\x00", "expected a pack of layout SGP1"),
        (b"SGP1\x01\x00\x00\x00", "a pack claims 1 records in 8 bytes"),
        (encode_pack([Record(0, 0, 0, b"x")])[:-1], "a pack holds 1 bytes of values where its entries claim 2"),
        (encode_pack([Record(0, 0, 0, b"x")]) + b"x", "a pack holds 3 bytes of values where its entries claim 2"),
    ],
)
def test_damaged_pack_is_an_error(pack: bytes, message: str) -> None:
    with pytest.raises(PackError, match=message):
        PackGatherer(TOPIC).add(pack)


def test_pure_json_stays_one_block_of_lines() -> None:
    (chunk,) = gather(numbered([line(1), line(2) + b"\r\n" + line(3)]), size=1)
    assert chunk.data == line(1) + b"\n" + line(2) + b"\r\n" + line(3) + b"\n"


def test_dead_letters_name_partition_and_offset() -> None:
    values = [line(1), b"junk", line(2) + b"\nbroken\n" + line(3), None, b"", message(4)[:-1], container(5) + b"x"]
    assert outcome(gather(numbered(values), size=2)) == Counter(
        [
            *[(f"e{n}", f"u{n}", 1_767_225_600_000_000 + n) for n in (1, 2, 3, 5)],
            (f"{TOPIC}/1", 1_001, "undecodable", b"junk"),
            (f"{TOPIC}/2", 1_002, "undecodable", b"broken"),
            (f"{TOPIC}/0", 1_003, "undecodable", b""),
            (f"{TOPIC}/1", 1_004, "undecodable", b""),
            (f"{TOPIC}/2", 1_005, "undecodable", message(4)[:-1]),
            (f"{TOPIC}/0", 1_006, "undecodable", b"x"),
        ]
    )


def test_json_over_several_lines_is_a_dead_letter_for_each() -> None:
    assert outcome(gather(numbered([line(1), b'{\n"event_id": "e2"\n}']))) == Counter(
        [
            ("e1", "u1", 1_767_225_600_000_001),
            *[(f"{TOPIC}/1", 1_001, "undecodable", text) for text in (b"{", b'"event_id": "e2"', b"}")],
        ]
    )


def test_mapping_takes_avro_for_bad_input() -> None:
    mapping = EventMapping("json", LogColumn("u"), LogColumn("n"), LogTime("t"), event_id=LogColumn("i"))
    values = [b'{"i":"e1","u":"u1","n":"x","t":"2026-01-01T00:00:00Z"}', message(2), container(3), None]
    found = outcome(gather(numbered(values), json_only=True), mapping)
    assert found == Counter(
        [
            ("e1", "u1", 1_767_225_600_000_000),
            (f"{TOPIC}/1", 1_001, "undecodable", message(2)),
            (f"{TOPIC}/2", 1_002, "undecodable", container(3)),
            (f"{TOPIC}/0", 1_003, "undecodable", b""),
        ]
    )


def test_line_that_is_too_long_is_refused_as_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    long = b'{"x":"' + b"y" * (8 << 20) + b'"}'
    found = outcome(gather(numbered([line(1), long, line(2) + b"\n" + long + b"\n" + line(3)])))
    assert [key[0] for key in found if key[0] in ("e1", "e2", "e3")] == ["e1", "e2", "e3"]
    assert [key[:3] for key in found if len(key) == 4] == [
        (f"{TOPIC}/1", 1_001, "too_large"),
        (f"{TOPIC}/2", 1_002, "too_large"),
    ]


def test_gathering_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_unpacking, "MAX_GATHERED_RECORDS", 3)
    gatherer = PackGatherer(TOPIC)
    gatherer.add(encode_pack(numbered([line(1), None])))
    assert not gatherer.full
    gatherer.add(encode_pack(numbered([None])))
    assert gatherer.full
    assert len(gatherer.take()) == 2
    assert not gatherer.full
    assert gatherer.take() == []
    monkeypatch.setattr(kafka_unpacking, "MAX_GATHERED_BYTES", 10)
    gatherer.add(encode_pack(numbered([line(1)])))
    assert gatherer.full


@given(st.lists(st.binary(max_size=20)))
def test_a_pack_of_values_is_that_of_records_without_more(values: list[bytes]) -> None:
    assert pack_of_values(values) == encode_pack(Record(0, row, 0, value) for row, value in enumerate(values))
