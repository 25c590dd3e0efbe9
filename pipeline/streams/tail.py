"""The messages that a run has put into a topic, for people and for files: changes, dead letters and audit
records."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from pipeline.io.files.output import OutputError
from pipeline.io.places import parse_topic
from pipeline.io.topics.reader import TopicMessage, TopicReader
from pipeline.io.topics.topic import Topic
from pipeline.options.errors import OptionError, parsed
from schemas.codec import HEADER_BYTES, MARKER, decode_single_object
from schemas.errors import SchemaError
from schemas.instants import instant_text
from schemas.json_codec import encode_json
from schemas.registry import plain_writers
from segmentation.units import SECOND, parse_duration

#: Seconds between two looks at the clock.
_WAIT: Final = 0.2
_SCHEMAS: Final = ("segment_change", "dead_letter", "audit_record")


@dataclass(frozen=True)
class TailOptions:
    """What `segments tail` was asked to do."""

    source: Topic
    #: File for JSON lines; ``-`` is standard output.
    jsonl: str | None = None
    #: Ends after so many µs without a message, when everything there is has been read.
    until_idle: int | None = None
    #: Ends after so many messages.
    until_count: int | None = None

    @classmethod
    def parse(
        cls, *, source: str, jsonl: str | None = None, until_idle: str | None = None, until_count: int | None = None
    ) -> "TailOptions":
        """From the texts of a command line; ``source`` is that of ``--from``.

        Raises:
            OptionError, AddressError: a value can't be used; the message names the option.
        """
        address = parse_topic(source, "--from")
        if jsonl is not None and not jsonl.strip():
            raise OptionError("--jsonl: expected the path of a file, or - for standard output")
        if until_count is not None and until_count < 1:
            raise OptionError(f"--until-count: expected at least 1, found {until_count}")
        idle = None if until_idle is None else parsed("--until-idle", until_idle, parse_duration)
        return cls(address, jsonl, idle, until_count)


@dataclass
class TailSummary:
    """What was read."""

    changes: int = 0
    dead_letters: int = 0
    audit_records: int = 0
    #: Messages that are none of these, or are broken.
    undecodable: int = 0

    @property
    def messages(self) -> int:
        """All of them."""
        return self.changes + self.dead_letters + self.audit_records + self.undecodable


def tail(
    options: TailOptions,
    show: Callable[[str], None] | None,
    warn: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> TailSummary:
    """Read until the options say that it is enough; without any, for ever.

    Args:
        options: what to read, and what into.
        show: called with a line for people for each message; None shows nothing.
        warn: called with what is wrong with a message, and where it is.
        clock: seconds.

    Raises:
        TopicError: there is no such topic or subscription, or its system doesn't answer.
        OutputError: the file of JSON lines can't be written.
    """
    summary = TailSummary()
    with _json_lines(options.jsonl) as out:
        reader = options.source.reader()
        try:
            _read(reader, options, _Printer(summary, out, show, warn), clock)
        except BrokenPipeError:
            # The reader of the output has closed it (`| head`): what is still buffered can not be written.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        finally:
            reader.close()
    return summary


def readable(schema: str, record: Mapping[str, Any]) -> str:
    """One line of a decoded message: time, subject, action, segment, stage and cause of a change."""
    if schema == "dead_letter":
        place = record["source"] if record["position"] is None else f"{record['source']}:{record['position']}"
        time_of = _moment(record["failed_at"])
        return f"{time_of}  dead letter  {record['reason']}  {place}  {record['step']}: {record['error']}"
    if schema == "audit_record":
        told = "an event" if record["event_name"] is None else record["event_name"]
        counts = f"{told} of {_moment(record['occurred_at'])} counts from {_moment(record['counted_at'])}"
        return f"{_moment(record['emitted_at'])}  {record['kind']}  {record['subject_id']}  {counts}"
    parts = (record["subject_id"], f"{record['action']:<9}", record["segment"], record["stage"], record["cause"])
    return "  ".join((_moment(record["effective_at"]), *parts))


def decode_message(value: bytes | None) -> tuple[str, dict[str, Any]]:
    """The name of the schema of a message, which its fingerprint tells, and its record.

    Raises:
        SchemaError: it is of none of the schemas of what a run writes, or it is broken.
    """
    if value is None:
        raise SchemaError("no value")
    fingerprint = value[len(MARKER) : HEADER_BYTES]
    for schema in _SCHEMAS:
        if value.startswith(MARKER) and fingerprint in plain_writers(schema):
            return schema, decode_single_object(schema, value)
    raise SchemaError(
        f"neither a change nor a dead letter nor an audit record: it begins with {value[:HEADER_BYTES].hex(' ')}"
    )


@dataclass(frozen=True)
class _Printer:
    """Passes each message on: to the file, and to the function that shows it."""

    summary: TailSummary
    out: IO[bytes] | None
    show: Callable[[str], None] | None
    warn: Callable[[str], None]

    def take(self, message: TopicMessage) -> None:
        try:
            schema, record = decode_message(message.value)
            line = b"" if self.out is None else encode_json(schema, record) + b"\n"
            text = "" if self.show is None else readable(schema, record)
        except SchemaError as error:
            self.summary.undecodable += 1
            self.warn(f"{message.place}: {error}")
            return
        if schema == "dead_letter":
            self.summary.dead_letters += 1
        elif schema == "audit_record":
            self.summary.audit_records += 1
        else:
            self.summary.changes += 1
        if self.out is not None:
            self.out.write(line)
        if self.show is not None:
            self.show(text)

    def flush(self) -> None:
        if self.out is not None:
            self.out.flush()


def _read(reader: TopicReader, options: TailOptions, printer: _Printer, clock: Callable[[], float]) -> None:
    most, idle = options.until_count, options.until_idle
    last = clock()
    while most is None or printer.summary.messages < most:
        messages = reader.take(_WAIT)
        left = None if most is None else most - printer.summary.messages
        for message in messages[:left]:
            printer.take(message)
        printer.flush()
        reader.done(messages[:left])
        if messages:
            last = clock()
        elif idle is not None and clock() - last >= idle / SECOND and reader.is_at_end():
            return


@contextmanager
def _json_lines(path: str | None) -> Iterator[IO[bytes] | None]:
    if path is None or path == "-":
        yield None if path is None else sys.stdout.buffer
        return
    try:
        with Path(path).open("wb") as file:
            yield file
    except OSError as error:
        raise OutputError(f"--jsonl: can't write {path}: {error.strerror or error}") from error


def _moment(micros: int) -> str:
    return instant_text(micros).replace(".000000", "")
