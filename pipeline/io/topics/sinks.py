"""A run's records into a topic: messages in Avro single-object encoding, all acknowledged in their bundle.

A bundle fails where a message is not acknowledged, and is then repeated as a whole: its messages may come twice.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import apache_beam as beam

from pipeline.clock import wall_clock
from pipeline.io.outputs import Output
from pipeline.io.topics.sender import Sender
from schemas.codec import encode_single_object
from schemas.records import to_record
from schemas.types import DeadLetter
from segmentation.columns.frames import decode_frames
from segmentation.outputs.audit_frame import audit_records
from segmentation.outputs.change_messages import encode_changes


class _Send(beam.DoFn):
    """Keeps a sender for as long as the worker keeps the step."""

    def __init__(self, connect: Callable[[], Sender]) -> None:
        """``connect`` is called where the work is done."""
        self._connect = connect

    def setup(self) -> None:
        self._sender = self._connect()

    def finish_bundle(self) -> None:
        self._sender.flush()

    def teardown(self) -> None:
        if hasattr(self, "_sender"):
            self._sender.close()


class SendChanges(_Send):
    """Takes frames of changes, as bytes. ``emitted_at`` is the wall clock here."""

    def process(self, frames: bytes) -> None:
        """Send a message for each change: its id, its subject, and the time ``effective_at``."""
        changes = decode_frames(frames)[1]["changes"]
        messages = encode_changes(changes, wall_clock())
        columns = [changes[name].to_list() for name in ("change_id", "subject_id", "effective_at")]
        send, kind = self._sender.send, Output.CHANGES
        for message, change_id, subject, time in zip(messages, *columns, strict=True):
            send(kind, message, change_id, subject, time)
        self._sender.check()


class SendDeadLetters(_Send):
    """Takes `DeadLetter`. One that is larger than the topic takes loses the end of its payload, and says so."""

    def process(self, letter: DeadLetter) -> None:
        """Send the letter; its id is made of all that it holds, because it has none of its own."""
        message = encode_letter(letter, self._sender.max_bytes)
        self._sender.send(Output.DEAD_LETTERS, message, hashlib.sha256(message).hexdigest()[:32], "", letter.failed_at)


class SendAudit(_Send):
    """Takes frames of audit records, as bytes. ``emitted_at`` is the wall clock here."""

    def process(self, frames: bytes) -> None:
        """Send a message for each record: its id, its subject, and the time ``counted_at``."""
        for record in audit_records(decode_frames(frames)[1]["audit"], wall_clock()):
            message = encode_single_object("audit_record", record)
            self._sender.send(Output.AUDIT, message, record["audit_id"], record["subject_id"], record["counted_at"])
        self._sender.check()


class WriteMessages(beam.PTransform[beam.PCollection[Any], beam.PCollection[None]]):
    """Records of an output (see `Output` for the elements) to a topic, a message for each."""

    def __init__(self, output: Output, connect: Callable[[], Sender]) -> None:
        """``connect`` is called where the work is done."""
        super().__init__()
        self._step = _STEPS[output]
        self._connect = connect

    def expand(self, elements: beam.PCollection[Any]) -> beam.PCollection[None]:
        """Apply the transform."""
        sent: beam.PCollection[None] = elements | "Send" >> beam.ParDo(self._step(self._connect))
        return sent


_STEPS: Final[Mapping[Output, type[_Send]]] = {
    Output.CHANGES: SendChanges,
    Output.DEAD_LETTERS: SendDeadLetters,
    Output.AUDIT: SendAudit,
}


def encode_letter(letter: DeadLetter, max_bytes: int) -> bytes:
    """The message of a letter; where it has more than ``max_bytes``, with the beginning of the payload only."""
    message = _encode(letter)
    excess = len(message) - max_bytes
    if excess <= 0:
        return message
    size = len(letter.payload)
    note = f"; the payload is its first {{}} of {size} bytes: the topic takes no more"
    kept = max(0, size - excess - len(note) - len(str(size)))
    return _encode(dataclasses.replace(letter, error=letter.error + note.format(kept), payload=letter.payload[:kept]))


def _encode(letter: DeadLetter) -> bytes:
    return encode_single_object("dead_letter", to_record(letter))
