"""Kafka's topics as sinks, as far as they go without a broker: what is sent, and brokers that are not there."""

import dataclasses
import pickle

import apache_beam as beam
import pytest

from pipeline.io.kafka import clients as kafka_clients
from pipeline.io.kafka.clients import BrokerError, count_partitions, ensure_topic
from pipeline.io.kafka.place import KafkaPlace
from pipeline.io.kafka.producer import Headers
from pipeline.io.kafka.sender import KafkaSender
from pipeline.io.outputs import Output
from pipeline.io.topics.sinks import SendAudit, SendChanges, SendDeadLetters, encode_letter
from schemas.codec import decode_single_object, encode_single_object
from schemas.records import from_record, to_record
from schemas.types import AuditRecord, DeadLetter
from segmentation.columns.frames import encode_frames
from tests.pipeline.io.audit import RECORDS, audit_frame
from tests.pipeline.io.changes import consistent_log, frame

LETTER = DeadLetter("undecodable", "E", "é", "DecodeEvents", "kafka://b:1/t/3", 7, bytes(range(256)) * 4, 5)
NOBODY = KafkaPlace.parse("kafka://127.0.0.1:1/t", "--changes", reads=False)


def decode(message: bytes) -> DeadLetter:
    return from_record(DeadLetter, decode_single_object("dead_letter", message))


class _Sent:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes | None, int, Headers]] = []

    def send(self, value: bytes, *, key: bytes | None = None, timestamp: int = 0, headers: Headers) -> None:
        self.records.append((value, key, timestamp, headers))


def sender(monkeypatch: pytest.MonkeyPatch) -> KafkaSender:
    monkeypatch.setattr("pipeline.io.topics.sinks.wall_clock", lambda: 7)
    monkeypatch.setattr("pipeline.io.kafka.sender.max_message_bytes", lambda _: 10_000)
    monkeypatch.setattr("pipeline.io.kafka.sender.requests_in_flight", lambda _: 1)
    made = KafkaSender(NOBODY)
    made._producer = _Sent()  # type: ignore[assignment]
    return made


def sent(through: KafkaSender, step: beam.DoFn, element: object) -> list[tuple[bytes, bytes | None, int]]:
    """What a step sends; all with the headers of its kind."""
    step.setup()
    step.process(element)
    records = through._producer.records  # type: ignore[attr-defined]
    [schema] = {dict(headers)["schema"] for *_, headers in records}
    assert all(headers == [("content-type", b"avro/binary"), ("schema", schema)] for *_, headers in records)
    through.schema = schema  # type: ignore[attr-defined]
    return [record[:3] for record in records]


def test_changes_go_out_under_their_subject_at_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    through = sender(monkeypatch)
    log = consistent_log([(0, 0), (1, 0), (0, 1)])
    changes = frame(*log).drop("emitted_at", "trace_context")
    assert sent(through, SendChanges(lambda: through), encode_frames({}, {"changes": changes})) == [
        (
            encode_single_object("segment_change", to_record(dataclasses.replace(change, emitted_at=7))),
            change.subject_id.encode(),
            change.effective_at // 1_000,
        )
        for change in log
    ]
    assert through.schema == b"segments.v1.SegmentChange"  # type: ignore[attr-defined]


def test_audit_records_go_out_under_their_subject_at_their_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    through = sender(monkeypatch)
    records = sent(through, SendAudit(lambda: through), encode_frames({}, {"audit": audit_frame()}))
    assert records == [
        (
            encode_single_object("audit_record", to_record(dataclasses.replace(record, emitted_at=7))),
            record.subject_id.encode(),
            record.counted_at // 1_000,
        )
        for record in RECORDS
    ]
    messages = [decode_single_object("audit_record", value) for value, _, _ in records]
    assert [from_record(AuditRecord, each).event_name for each in messages] == ["click", None]
    assert through.schema == b"segments.v1.AuditRecord"  # type: ignore[attr-defined]


def test_letters_go_out_without_key_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    through = sender(monkeypatch)
    assert sent(through, SendDeadLetters(lambda: through), LETTER) == [(encode_letter(LETTER, 10_000), None, 0)]
    assert through.schema == b"segments.v1.DeadLetter"  # type: ignore[attr-defined]


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
    for output in (Output.CHANGES, Output.DEAD_LETTERS, Output.AUDIT):
        assert b"xyzzy" not in pickle.dumps(NOBODY.sink(output))
