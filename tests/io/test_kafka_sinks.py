"""Topics as sinks, as far as they go without a broker: what is sent, and brokers that are not there."""

import dataclasses
import pickle

import pytest

from pipeline.io import kafka_clients
from pipeline.io.kafka_address import KafkaAddress
from pipeline.io.kafka_clients import BrokerError, count_partitions, ensure_topic
from pipeline.io.kafka_producer import Headers
from pipeline.io.kafka_sinks import (
    WriteAuditToKafka,
    WriteChangesToKafka,
    WriteDeadLettersToKafka,
    _SendAudit,
    _SendChanges,
    encode_letter,
)
from schemas.codec import decode_single_object, encode_single_object
from schemas.records import from_record, to_record
from schemas.types import AuditRecord, DeadLetter
from segmentation.frames import encode_frames
from tests.io.audit import RECORDS, audit_frame
from tests.io.changes import consistent_log, frame

LETTER = DeadLetter("undecodable", "E", "é", "DecodeEvents", "kafka://b:1/t/3", 7, bytes(range(256)) * 4, 5)
NOBODY = KafkaAddress.parse("kafka://127.0.0.1:1/t", "--changes", reads=False)


def decode(message: bytes) -> DeadLetter:
    return from_record(DeadLetter, decode_single_object("dead_letter", message))


class _Sent:
    """A producer that keeps what it is given."""

    def __init__(self, schema: bytes) -> None:
        self._schema = schema
        self.records: list[tuple[bytes, bytes, int]] = []

    def send(self, value: bytes, *, key: bytes, timestamp: int, headers: Headers) -> None:
        assert headers == [("content-type", b"avro/binary"), ("schema", self._schema)]
        self.records.append((value, key, timestamp))


def test_changes_go_out_under_their_subject_at_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.io.kafka_sinks.wall_clock", lambda: 7)
    log = consistent_log([(0, 0), (1, 0), (0, 1)])
    changes = frame(*log).drop("emitted_at", "trace_context")
    step = _SendChanges(NOBODY)
    step._producer = sent = _Sent(b"segments.v1.SegmentChange")  # type: ignore[assignment]
    step.process(encode_frames({}, {"changes": changes}))
    assert sent.records == [
        (
            encode_single_object("segment_change", to_record(dataclasses.replace(change, emitted_at=7))),
            change.subject_id.encode(),
            change.effective_at // 1_000,
        )
        for change in log
    ]


def test_audit_records_go_out_under_their_subject_at_their_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.io.kafka_sinks.wall_clock", lambda: 7)
    step = _SendAudit(NOBODY)
    step._producer = sent = _Sent(b"segments.v1.AuditRecord")  # type: ignore[assignment]
    step.process(encode_frames({}, {"audit": audit_frame()}))
    assert sent.records == [
        (
            encode_single_object("audit_record", to_record(dataclasses.replace(record, emitted_at=7))),
            record.subject_id.encode(),
            record.counted_at // 1_000,
        )
        for record in RECORDS
    ]
    messages = [decode_single_object("audit_record", value) for value, _, _ in sent.records]
    assert [from_record(AuditRecord, each).event_name for each in messages] == ["click", None]


def test_letter_that_fits_is_whole() -> None:
    message = encode_letter(LETTER, 10_000)
    assert decode(message) == LETTER
    assert encode_letter(LETTER, len(message)) == message


@pytest.mark.parametrize("below", [1, 2, 100, 900])
def test_letter_that_is_too_large_keeps_the_beginning_of_its_payload_and_says_so(below: int) -> None:
    limit = len(encode_letter(LETTER, 10_000)) - below
    message = encode_letter(LETTER, limit)
    assert len(message) <= limit
    cut = decode(message)
    kept = len(cut.payload)
    assert LETTER.payload.startswith(cut.payload)
    assert kept < len(LETTER.payload)
    assert cut.error == f"é; the payload is its first {kept} of 1024 bytes: the topic takes no more"
    assert dataclasses.replace(cut, error=LETTER.error, payload=LETTER.payload) == LETTER


@pytest.mark.parametrize("ask", [count_partitions, ensure_topic])
def test_broker_that_is_not_there_is_an_error_in_time(ask: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_clients, "ANSWER_SECONDS", 0.5)
    with pytest.raises(BrokerError, match=r"^--changes: kafka://127.0.0.1:1/t: no broker answers"):
        ask(NOBODY)  # type: ignore[operator]


def test_sinks_pickle_and_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMENTS_KAFKA_PASSWORD", "xyzzy")
    for sink in (WriteChangesToKafka(NOBODY), WriteDeadLettersToKafka(NOBODY), WriteAuditToKafka(NOBODY)):
        assert b"xyzzy" not in pickle.dumps(sink._address)
