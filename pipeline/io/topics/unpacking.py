"""Records of packs as few chunks: sorted out by what they begin with, all of them at once."""

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipeline.io.files.event_logs import chunks_of
from pipeline.io.topics.packs import ENTRY, decode_pack, value_sizes
from schemas.codec import MARKER
from transforms.decoding.formats.avro_container import MAGIC
from transforms.decoding.message_places import MessagePlaces
from transforms.raw_chunk import MAX_RECORD_BYTES, ChunkFault, Format, RawChunk

MAX_GATHERED_RECORDS: Final = 1 << 20
MAX_GATHERED_BYTES: Final = 32 << 20

_EMPTY = ChunkFault("undecodable", "ValueError", "the record has no value")
_NO_JSON = ChunkFault("undecodable", "ValueError", "the record is Avro; what a mapping reads from a topic is JSON")

_Bytes = npt.NDArray[np.uint8]
_Mask = npt.NDArray[np.bool_]


class PackGatherer:
    """Gathers packs, and gives their records as chunks.

    JSON records are one chunk of lines: a record may hold many, but none goes on beyond its line. Avro single objects
    are one chunk, each container is a chunk (or some) of its own. A record without a value (null, empty, or white space
    only) is a bad one.
    """

    def __init__(self, source: str, *, json_only: bool = False) -> None:
        """``source`` is the topic's address; with ``json_only`` Avro is bad input too."""
        self._source = source
        self._json_only = json_only
        self._entries: list[npt.NDArray[Any]] = []
        self._values: list[bytes] = []
        self._count = self._bytes = 0

    def add(self, pack: bytes) -> None:
        """Take in one pack.

        Raises:
            PackError: it is none.
        """
        entries, values = decode_pack(pack)
        self._entries.append(entries)
        self._values.append(values)
        self._count += len(entries)
        self._bytes += len(values)

    @property
    def full(self) -> bool:
        """Whether it is time to `take`."""
        return self._count >= MAX_GATHERED_RECORDS or self._bytes >= MAX_GATHERED_BYTES

    def take(self) -> list[RawChunk]:
        """The chunks of all that was gathered since the last time."""
        if not self._count:
            return []
        entries, data = np.concatenate(self._entries, dtype=ENTRY), b"".join(self._values)
        self._entries, self._values = [], []
        self._count = self._bytes = 0
        return list(self._chunks(entries, data))

    def _chunks(self, entries: npt.NDArray[Any], data: bytes) -> Iterator[RawChunk]:
        kinds = _Kinds.of(entries, data)
        avro = kinds.single_objects | kinds.containers
        large = (entries["length"] > MAX_RECORD_BYTES) & ~avro
        lines = ~(avro | kinds.empty | large)
        if lines.any():
            yield self._chunk("json", entries, data, lines)
        if kinds.empty.any():
            yield self._chunk("single_object", entries, data, kinds.empty, _EMPTY)
        if self._json_only and avro.any():
            yield self._chunk("single_object", entries, data, avro, _NO_JSON)
        elif kinds.single_objects.any():
            yield self._chunk("single_object", entries, data, kinds.single_objects)
        apart = large if self._json_only else large | kinds.containers
        for row in np.flatnonzero(apart).tolist():
            yield from self._record(entries[row], data, kinds.starts[row], "json" if large[row] else "avro")

    def _chunk(
        self, form: Format, entries: npt.NDArray[Any], data: bytes, chosen: _Mask, fault: ChunkFault | None = None
    ) -> RawChunk:
        if not chosen.all():
            # Of nulls there is nothing in the data, and the line ends of the others go with them.
            data = np.frombuffer(data, np.uint8)[np.repeat(chosen, value_sizes(entries))].tobytes()
            entries = entries[chosen]
        lengths = entries["length"].astype(np.int64)
        messages = MessagePlaces(_starts(entries), np.maximum(lengths, 0), entries["partition"], entries["offset"])
        return RawChunk(self._source, form, 1, data, fault=fault, messages=messages)

    def _record(self, entry: Any, data: bytes, start: int, form: Format) -> Iterator[RawChunk]:
        """One record that is cut by itself."""
        value = data[start : start + int(entry["length"])]
        for chunk in chunks_of(value, self._source, form):
            messages = MessagePlaces.one(len(chunk.data), int(entry["partition"]), int(entry["offset"]))
            yield dataclasses.replace(chunk, messages=messages)


@dataclasses.dataclass(frozen=True)
class _Kinds:
    """What each record is, by its first bytes; what is none of these is taken for JSON."""

    starts: npt.NDArray[np.int64]
    empty: _Mask
    single_objects: _Mask
    containers: _Mask

    @classmethod
    def of(cls, entries: npt.NDArray[Any], data: bytes) -> "_Kinds":
        starts = _starts(entries)
        content = np.frombuffer(data, np.uint8)
        lengths = entries["length"]
        empty = lengths <= 0
        first = np.full(len(entries), ord("\n"), np.uint8)
        first[~empty] = content[starts[~empty]]
        for row in np.flatnonzero((first <= ord(" ")) & ~empty).tolist():
            empty[row] = data[starts[row] : starts[row] + lengths[row]].isspace()
        return cls(
            starts,
            empty,
            _begin(content, starts, lengths, first, MARKER),
            _begin(content, starts, lengths, first, MAGIC),
        )


def _begin(content: _Bytes, starts: npt.NDArray[np.int64], lengths: Any, first: _Bytes, magic: bytes) -> _Mask:
    """Which values begin with ``magic``."""
    found: _Mask = (first == magic[0]) & (lengths >= len(magic))
    for place, byte in enumerate(magic[1:], start=1):
        rows = np.flatnonzero(found)
        found[rows] = content[starts[rows] + place] == byte
    return found


def _starts(entries: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    sizes = value_sizes(entries)
    starts: npt.NDArray[np.int64] = np.cumsum(sizes) - sizes
    return starts
