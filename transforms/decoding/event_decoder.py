"""Chunks of any format to validated events and bad records: the pure core of `DecodeEvents`."""

from typing import Protocol

from transforms.decoding.formats.avro_decoder import AvroDecoder, ForeignAvroDecoder
from transforms.decoding.formats.csv_decoder import CsvDecoder
from transforms.decoding.formats.json_decoder import ForeignJsonDecoder, JsonDecoder
from transforms.decoding.formats.single_objects import SingleObjectDecoder
from transforms.decoding.reasons import DeadLetterReason
from transforms.decoding.records import BadRecord, BadRecords, Decoded, EventColumns, no_columns
from transforms.decoding.validation import GRANTED, validate
from transforms.mapping.model import EventMapping
from transforms.raw_chunk import ChunkFault, Format, RawChunk


class _Decoder(Protocol):
    def decode(self, chunk: RawChunk, bad: BadRecords) -> EventColumns: ...


class EventDecoder:
    """Decodes and validates chunks; holds nothing of one chunk for the next.

    >>> line = b'{"event_id": "e1", "user_id": "u1", "name": "visit", "occurred_at": 5}\\n'
    >>> decoded = EventDecoder(()).decode(RawChunk("log", "json", 1, line + b"no event\\n"), now=10)
    >>> decoded.read, decoded.frame["name"].to_list(), [str(bad.reason) for bad in decoded.bad]
    (2, ['visit'], ['undecodable'])
    """

    def __init__(self, properties: tuple[str, ...], mapping: EventMapping | None = None) -> None:
        """``properties`` are what the rules read; `granted` is always added. ``mapping`` reads a foreign log.

        Raises:
            ValueError: a property or a mapped key has a name that no typed JSON decoder can look for.
        """
        for name in (*properties, *(mapping.columns() if mapping and mapping.format == "json" else ())):
            if any(character in '"\\' or character < " " for character in name):
                raise ValueError(f"{name!r}: a name can't hold quotes, backslashes and control characters")
        self._properties = tuple(sorted({*properties, GRANTED}))
        self._mapping = mapping
        self._decoders: dict[Format, _Decoder] = {}

    def decode(self, chunk: RawChunk, now: int) -> Decoded:
        """The events of ``chunk`` and the records that are none; ``now`` is the clock of the run in µs.

        Raises:
            ValueError: a mapping is for another format than the chunk's.
        """
        bad = BadRecords()
        columns = no_columns(self._properties)
        if chunk.fault is None:
            columns = self._decoder(chunk.format).decode(chunk, bad)
        else:
            bad.found += _faulty(chunk, chunk.fault)
        frame, invalid = validate(columns, now)
        found = sorted([*bad.found, *invalid], key=lambda record: record.position)
        return Decoded(frame, found, read=frame.height + len(found))

    def _decoder(self, form: Format) -> _Decoder:
        if form not in self._decoders:
            self._decoders[form] = self._build(form)
        return self._decoders[form]

    def _build(self, form: Format) -> _Decoder:
        mapping = self._mapping
        if mapping is not None and mapping.format != form:
            raise ValueError(f"the mapping is for {mapping.format}, but there is {form} to decode")
        if form == "csv":
            return CsvDecoder(self._properties, mapping)
        if form == "single_object":
            return SingleObjectDecoder(self._properties)
        if form == "avro":
            return ForeignAvroDecoder(self._properties, mapping) if mapping else AvroDecoder(self._properties)
        return ForeignJsonDecoder(self._properties, mapping) if mapping else JsonDecoder(self._properties)


def _faulty(chunk: RawChunk, fault: ChunkFault) -> list[BadRecord]:
    """The whole chunk as one record, or every message of it."""
    messages = chunk.messages
    payloads = [chunk.data] if messages is None else [messages.cut(chunk.data, row) for row in range(len(messages))]
    reason = DeadLetterReason(fault.reason)
    return [
        BadRecord(reason, fault.error_type, fault.error, position, payload)
        for position, payload in enumerate(payloads, start=chunk.first_record)
    ]
