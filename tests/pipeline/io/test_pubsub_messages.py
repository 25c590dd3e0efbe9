"""Messages as chunks, and the time of a message."""

import pytest

from pipeline.io.pubsub.messages import chunks_of_messages, event_time

SOURCE = "pubsub://p/subscriptions/events"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1767225600123", 1_767_225_600_123_000),
        ("2026-01-01T00:00:00.123Z", 1_767_225_600_123_000),
        ("2026-01-01T01:00:00.123456+01:00", 1_767_225_600_123_456),
        (None, None),
        ("", None),
        ("yesterday", None),
        ("2026-01-01T00:00:00", None),
        ("-5", None),
        ("٣", None),
        ("9" * 16, None),
    ],
)
def test_time_of_a_message(text: str | None, expected: int | None) -> None:
    assert event_time(text) == expected


def test_records_are_named_by_their_message() -> None:
    values = [b'{"a": 1}\n{"a": 2}', b'{"a": 3}', b"\xc3\x01avro", b"", b'{"a": 4}\n\n{"a": 5}']
    chunks = list(chunks_of_messages(SOURCE, ["m1", "m2", "m3", "m4", "m5"], values))
    places = {chunk.format + ("" if chunk.fault is None else "!"): chunk for chunk in chunks}
    lines = places["json"]
    assert lines.data == b'{"a": 1}\n{"a": 2}\n{"a": 3}\n{"a": 4}\n\n{"a": 5}\n'
    assert lines.places([1, 2, 3, 6]) == [
        (f"{SOURCE}/m1", 1),
        (f"{SOURCE}/m1", 2),
        (f"{SOURCE}/m2", 1),
        (f"{SOURCE}/m5", 3),
    ]
    assert places["single_object"].places([1]) == [(f"{SOURCE}/m3", 1)]
    assert places["single_object!"].places([1]) == [(f"{SOURCE}/m4", 1)]


def test_no_messages_are_no_chunks() -> None:
    assert list(chunks_of_messages(SOURCE, [], [])) == []


def test_avro_is_bad_input_where_a_mapping_reads_json() -> None:
    (chunk,) = chunks_of_messages(SOURCE, ["m1"], [b"\xc3\x01avro"], json_only=True)
    assert chunk.fault is not None
    assert chunk.places([1]) == [(f"{SOURCE}/m1", 1)]
