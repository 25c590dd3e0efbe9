"""Topics of Pub/Sub as sinks of a pipeline, and what a subscriber finds in their messages."""

import dataclasses
import time

import apache_beam as beam
import pytest
from google.cloud.pubsub_v1.types import PubsubMessage

from pipeline.clock import wall_clock
from pipeline.io.outputs import Output
from pipeline.io.pubsub.clients import PubsubError
from pipeline.io.pubsub.place import PubsubPlace
from pipeline.io.pubsub.sender import PubsubSender
from schemas.codec import MARKER, decode_single_object
from schemas.instants import instant_micros
from schemas.records import from_record
from schemas.types import AuditRecord, DeadLetter, SegmentChange
from segmentation.columns.frames import encode_frames
from tests.pipeline.io.audit import RECORDS, audit_frame
from tests.pipeline.io.changes import consistent_log, frame
from tests.pubsub.project import Project

LETTER = DeadLetter("undecodable", "E", "é", "DecodeEvents", "pubsub://p/topics/t", None, b"\xff" * 100, 5_000_000)


@pytest.fixture
def address(pubsub: Project) -> PubsubPlace:
    pubsub.topic("out", "sub", enable_message_ordering=True)
    return PubsubPlace.parse(pubsub.url("topics", "out"), "--changes", reads=False)


def run(elements: list[object], sink: beam.PTransform) -> None:
    with beam.Pipeline(runner="apache_beam.runners.portability.fn_api_runner.FnApiRunner") as pipeline:
        pipeline | beam.Create(elements) | sink  # type: ignore[operator]


def attributes(message: PubsubMessage, schema: str, address: PubsubPlace) -> dict[str, str]:
    """Those that tell a message from others of its kind; the rest is checked."""
    left = dict(message.attributes)
    assert left.pop("ce-specversion") == "1.0"
    assert left.pop("ce-source") == f"//pubsub.googleapis.com/{address.path}"
    assert left.pop("ce-type") == left.pop("schema") == f"segments.v1.{schema}"
    assert left.pop("content-type") == "avro/binary"
    assert message.data[: len(MARKER) + 8] == MARKER + bytes.fromhex(left.pop("schema-fingerprint"))
    return left


def test_changes_are_events_in_the_order_of_their_subject(pubsub: Project, address: PubsubPlace) -> None:
    log = consistent_log([(subject, of) for of in range(20) for subject in range(3)])
    frames = encode_frames({}, {"changes": frame(*log).drop("emitted_at", "trace_context")})
    before = wall_clock()
    run([frames], address.sink(Output.CHANGES))
    found: dict[str, list[SegmentChange]] = {}
    for message in pubsub.receive("sub", len(log)):
        change = from_record(SegmentChange, decode_single_object("segment_change", message.data))
        assert before <= change.emitted_at <= wall_clock()
        assert message.ordering_key == change.subject_id
        left = attributes(message, "SegmentChange", address)
        assert instant_micros(left.pop("ce-time")) == change.effective_at
        assert left == {"ce-id": change.change_id, "ce-subject": change.subject_id}
        found.setdefault(change.subject_id, []).append(dataclasses.replace(change, emitted_at=0))
    expected: dict[str, list[SegmentChange]] = {}
    for change in log:
        expected.setdefault(change.subject_id, []).append(dataclasses.replace(change, emitted_at=0))
    assert found == expected


def test_audit_records_are_events(pubsub: Project, address: PubsubPlace) -> None:
    run([encode_frames({}, {"audit": audit_frame()})], address.sink(Output.AUDIT))
    received = {each.attributes["ce-id"]: each for each in pubsub.receive("sub", len(RECORDS))}
    for record in RECORDS:
        message = received.pop(record.audit_id)
        sent = from_record(AuditRecord, decode_single_object("audit_record", message.data))
        assert dataclasses.replace(sent, emitted_at=record.emitted_at) == record
        left = attributes(message, "AuditRecord", address)
        assert instant_micros(left.pop("ce-time")) == record.counted_at
        assert left == {"ce-id": record.audit_id, "ce-subject": record.subject_id}
        assert message.ordering_key == record.subject_id
    assert not received


def test_letter_goes_out_whole_and_a_large_one_is_cut(pubsub: Project, address: PubsubPlace) -> None:
    large = dataclasses.replace(LETTER, payload=b"\xfe" * 11_000_000)
    run([LETTER, large], address.sink(Output.DEAD_LETTERS))
    letters = {}
    for message in pubsub.receive("sub", 2):
        letter = from_record(DeadLetter, decode_single_object("dead_letter", message.data))
        left = attributes(message, "DeadLetter", address)
        assert instant_micros(left.pop("ce-time")) == LETTER.failed_at
        assert len(left.pop("ce-id")) == 32
        assert (left, message.ordering_key) == ({}, "")
        letters[letter.payload[:1]] = letter
    assert letters[b"\xff"] == LETTER
    cut = letters[b"\xfe"]
    assert 9_900_000 < len(cut.payload) < 10_000_000
    assert cut.error == f"é; the payload is its first {len(cut.payload)} of 11000000 bytes: the topic takes no more"


def test_change_that_no_message_can_hold_is_an_error_that_names_it(address: PubsubPlace) -> None:
    sender = PubsubSender(address)
    with pytest.raises(PubsubError, match=r"^--changes: pubsub://\S+/out: segments.v1.SegmentChange c1 has 10,000,000"):
        sender.send(Output.CHANGES, b"x" * 10_000_000, "c1", "s1.a", 0)
    sender.close()


def test_bundle_that_is_not_acknowledged_fails(pubsub: Project) -> None:
    missing = PubsubPlace.parse(pubsub.url("topics", "missing"), "--dead-letters", reads=False)
    began = time.monotonic()
    with pytest.raises(Exception, match=r"--dead-letters: there is no topic pubsub://\S+/missing; `segments topics"):
        run([LETTER], missing.sink(Output.DEAD_LETTERS))
    assert time.monotonic() - began < 20
