"""The messages between the stages: batches of events, features (and, in `moves`, populations); columns as bytes
(`columns`).

An *event batch* belongs to one shard (no heartbeats: they are only a clock). Columns: ``users`` (internal ids, 32 bytes
each), and by event ``user`` (position in ``users``), ``id_high``, ``id_low``, ``at`` (µs), ``name`` (position in the
meta's ``names``, -1 for a reserved event), ``tie`` (the event id where a tie in time would matter, else null), ``p:…``
and ``h:…`` (properties, plain and sealed). Meta: ``clock`` (the latest time known, µs, or null), ``heartbeat`` (that of
the latest heartbeat), ``names``, and ``texts`` (which columns are texts).

*Features* are what one shard learned over a span of ticks. ``users`` as above; by row ``user``, ``tick`` (µs), the
columns of all features from that tick on, ``event`` (one was accepted in this tick), ``late`` (one of them was late),
sorted by user and tick; a list ``vocabulary:F`` per attribute. Meta: ``settled`` (µs, exclusive), ``until`` (µs,
inclusive), ``vocabularies``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from segmentation.columns.encoding import (
    decode_columns,
    encode_columns,
    list_columns,
    list_from,
    text_columns,
    texts_from,
    user_column,
    users_from,
)
from segmentation.columns.texts import Texts
from segmentation.features.timeline import Column

_EVENT_KINDS = {"user": np.uint32, "id_high": np.uint64, "id_low": np.uint64, "at": np.int64, "name": np.int32}


@dataclass(frozen=True)
class EventsOfShard:
    """A batch of events of one shard, and the clock."""

    users: list[bytes]
    columns: Mapping[str, Column]
    texts: Mapping[str, Texts]
    names: tuple[str, ...]
    clock: int | None
    heartbeat: int | None = None

    @classmethod
    def only_clock(cls, clock: int | None, heartbeat: int | None = None) -> "EventsOfShard":
        """No events."""
        return cls([], {name: np.empty(0, kind) for name, kind in _EVENT_KINDS.items()}, {}, (), clock, heartbeat)

    def __len__(self) -> int:
        return len(self.columns["at"])

    def encode(self) -> bytes:
        """As bytes."""
        meta: dict[str, Any] = {"kind": "events", "clock": self.clock, "heartbeat": self.heartbeat}
        if not len(self):
            return encode_columns(meta, {})
        columns = {"users": user_column(self.users), **self.columns}
        for name, texts in self.texts.items():
            columns |= text_columns(name, texts)
        return encode_columns({**meta, "names": self.names, "texts": list(self.texts)}, columns)

    @classmethod
    def decode(cls, data: bytes) -> "EventsOfShard":
        """From bytes."""
        meta, columns = decode_columns(data)
        if not columns:
            return cls.only_clock(meta["clock"], meta["heartbeat"])
        texts = {name: texts_from(name, columns) for name in meta["texts"]}
        plain = {name: columns[name] for name in _EVENT_KINDS}
        return cls(users_from(columns["users"]), plain, texts, tuple(meta["names"]), meta["clock"], meta["heartbeat"])


@dataclass(frozen=True)
class FeaturesOfShard:
    """What changed in one shard's features over the ticks in (``settled``, ``until``]."""

    users: list[bytes]
    rows: Mapping[str, Column]
    vocabularies: Mapping[str, list[str]]
    settled: int
    until: int

    def up_to(self, until: int) -> "FeaturesOfShard":
        """Without what came after the tick ``until`` (µs), if it ended later."""
        if self.until <= until:
            return self
        within = self.rows["tick"] <= until
        return replace(self, rows={name: column[within] for name, column in self.rows.items()}, until=until)

    def encode(self, kind: Literal["features", "early"] = "features") -> bytes:
        """As bytes; ``early`` ones are a preview of a tick that has not settled."""
        meta: dict[str, Any] = {"kind": kind, "settled": self.settled, "until": self.until}
        columns = {"users": user_column(self.users), **self.rows}
        for name, texts in self.vocabularies.items():
            columns |= list_columns(f"vocabulary:{name}", texts)
        return encode_columns({**meta, "rows": list(self.rows), "vocabularies": list(self.vocabularies)}, columns)

    @classmethod
    def decode(cls, data: bytes) -> "FeaturesOfShard":
        """From bytes."""
        meta, columns = decode_columns(data)
        vocabularies = {name: list_from(f"vocabulary:{name}", columns) for name in meta["vocabularies"]}
        rows = {name: columns[name] for name in meta["rows"]}
        return cls(users_from(columns["users"]), rows, vocabularies, meta["settled"], meta["until"])
