"""Records of a log as lines of a topic: native events as JSON, each with its user and its time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.io.topics.json_events import encode_columns, encode_record
from transforms.decoding.event_decoder import EventDecoder
from transforms.decoding.formats.avro_blocks import read_blocks
from transforms.decoding.formats.csv_decoder import read_header
from transforms.decoding.formats.json_lines import lines_of
from transforms.decoding.records import Decoded
from transforms.mapping.model import EventMapping, LogColumn, native_csv
from transforms.raw_chunk import RawChunk

#: Stands where a line is no event, in place of its time.
NO_EVENT = -1

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class EventLines:
    """Lines in the order of their log; ``lines``, ``user_ids`` and ``occurred_at`` have an entry for each."""

    lines: list[bytes]  #: without line ends
    user_ids: pl.Series  #: String; null where the line is no event, empty for a heartbeat
    occurred_at: npt.NDArray[np.int64]  #: µs; `NO_EVENT` where the line is no event
    unsendable: tuple[str, ...] = ()  #: records that no line could be made of: place and reason

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def latest(self) -> int | None:
        """The latest time (µs) of an event; None where there is none."""
        latest = int(self.occurred_at.max(initial=NO_EVENT))
        return None if latest == NO_EVENT else latest

    def parts(self, size: int) -> Iterator["EventLines"]:
        """The lines, at most ``size`` at a time."""
        for start in range(0, len(self.lines), size):
            part = slice(start, start + size)
            yield EventLines(self.lines[part], self.user_ids[part], self.occurred_at[part])


class EventLineReader:
    """Makes lines of chunks. What is no event goes along: JSON and CSV lines as they are, Avro records as JSON.

    Lines of native JSON keep their bytes. Other events are written anew, with the ids that the mapping gives them and
    all their properties: those of CSV files and of mapped logs as text, those of Avro records with their types.
    """

    def __init__(self, mapping: EventMapping | None) -> None:
        """``mapping`` reads a foreign log."""
        self._mapping = mapping
        self._properties = () if mapping is None else tuple(mapping.properties)
        self._decoder = EventDecoder(self._properties, mapping)

    def lines(self, chunk: RawChunk, now: int) -> EventLines:
        """The lines of one chunk; ``now`` (µs) decides which events lie too far ahead to be any.

        Raises:
            ValueError: the mapping is for another format, or the header of a CSV file can't be used.
        """
        if chunk.fault is not None:
            problem = _problem(chunk, chunk.first_record, chunk.fault.error)
            return _placed([], np.empty(0, np.bool_), _NOTHING, [problem])
        if chunk.format == "avro":
            return self._of_records(chunk, now)
        if chunk.format == "csv" and self._mapping is None:
            return _of_native_csv(chunk, now)
        decoded = self._decoder.decode(chunk, now)
        if self._mapping is None:
            return _of_text(chunk, decoded, None, "")
        delimiter = self._mapping.delimiter if chunk.format == "csv" else ""
        return _of_text(chunk, decoded, encode_columns(decoded.frame, self._properties), delimiter)

    def _of_records(self, chunk: RawChunk, now: int) -> EventLines:
        decoded = self._decoder.decode(chunk, now)
        refused = {record.position for record in decoded.bad}
        mapped = None if self._mapping is None else iter(encode_columns(decoded.frame, self._properties))
        lines: list[bytes | None] = []
        good: list[bool] = []
        problems: list[str] = []
        for block in read_blocks(chunk):
            if block.error is not None:
                problems.append(_problem(chunk, block.first_record, f"{block.count} records: {block.error}"))
            micros = block.header.micros.get("occurred_at", 1.0)
            for position, record in enumerate(block.records, start=block.first_record):
                good.append(position not in refused)
                lines.append(next(mapped) if mapped is not None and good[-1] else encode_record(record, micros))
                if lines[-1] is None:
                    problems.append(_problem(chunk, position, "JSON can't hold NaN and infinities"))
        sendable = np.array([line is not None for line in lines], np.bool_)
        is_event = np.array(good, np.bool_)
        frame = decoded.frame.filter(pl.Series(sendable[is_event]))
        return _placed([line for line in lines if line is not None], is_event[sendable], frame, problems)


def _of_native_csv(chunk: RawChunk, now: int) -> EventLines:
    header = read_header(chunk.header, ",", '"')
    mapping = native_csv(header)
    properties, source = tuple(mapping.properties), "source" in header
    if source:
        mapping = replace(mapping, properties={**mapping.properties, "source": LogColumn("source")})
    decoded = EventDecoder(tuple(mapping.properties), mapping).decode(chunk, now)
    return _of_text(chunk, decoded, encode_columns(decoded.frame, properties, source=source), mapping.delimiter)


def _of_text(chunk: RawChunk, decoded: Decoded, written: list[bytes] | None, delimiter: str) -> EventLines:
    """The lines of text, those of events as they are ``written`` anew, or as they lie there (None)."""
    lines = lines_of(chunk)
    numbers = np.arange(chunk.first_record, chunk.first_record + len(lines))
    if len(lines) > decoded.read:
        # Blank lines, as the decoders see them: a line of nothing but tabs is a row, where tabs are the delimiter.
        mark = delimiter.encode()
        rows = [row for row, line in enumerate(lines) if line and (not line.isspace() or (mark and mark in line))]
        lines, numbers = [lines[row] for row in rows], numbers[rows]
    good = ~np.isin(numbers, [record.position for record in decoded.bad])
    for row in np.flatnonzero(~good).tolist():
        if lines[row].isspace():
            # Among lines of JSON it would pass for no record at all; as a JSON text it is one that is no event.
            lines[row] = msgspec.json.encode(lines[row].decode())
    if written is not None:
        for row, line in zip(np.flatnonzero(good).tolist(), written, strict=True):
            lines[row] = line
    return _placed(lines, good, decoded.frame)


def _placed(lines: list[bytes], good: Bools, frame: pl.DataFrame, problems: Sequence[str] = ()) -> EventLines:
    """``frame`` has a row for each of the ``good`` lines."""
    occurred_at = np.full(len(lines), NO_EVENT, np.int64)
    occurred_at[good] = frame["occurred_at"].to_numpy()
    user_ids = frame["user_id"]
    if not good.all():
        rows = pl.DataFrame({"row": np.cumsum(good) - 1, "good": good})
        user_ids = user_ids.gather(rows.select(pl.when("good").then("row")).to_series())
    return EventLines(lines, user_ids, occurred_at, tuple(problems))


def _problem(chunk: RawChunk, position: int, error: object) -> str:
    return f"{chunk.source}:{position}: {error}"


_NOTHING = pl.DataFrame(schema={"user_id": pl.String, "occurred_at": pl.Int64})
