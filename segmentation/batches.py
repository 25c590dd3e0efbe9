"""The messages between the stages: batches of events, features, populations; each a few tables as bytes (`frames`).

An *event batch* belongs to one shard. Table ``users``: ``internal`` (32 bytes), a row per user of the batch. Table
``events`` (no heartbeats: they are only a clock): ``user`` (row in ``users``), ``id_high``, ``id_low``, ``at`` (µs),
``name`` (position in the meta's ``names``, -1 for a reserved event), ``tie`` (the event id where a tie in time would
matter, else null), ``p:…`` and ``h:…`` (properties, plain and sealed). Meta: ``clock`` (the latest time known, µs, or
null), ``heartbeat`` (that of the latest heartbeat) and ``names``.

*Features* are what one shard learned over a span of ticks. Table ``users`` as above; table ``rows``: ``user``,
``tick`` (µs), the columns of all features from that tick on, ``event`` (one was accepted in this tick), ``late`` (one
of them was late), sorted by user and tick; table ``vocabulary:F`` per attribute. Meta: ``settled`` (µs, exclusive),
``until`` (µs, inclusive).

A *population* is how the histograms of boundary values moved. Table ``moves``: ``feature``, ``boundary`` (µs),
``score``, ``users`` (how many more have this score from this boundary on). Moves of several shards add up to those of
all users. The feature `CLOCK` is none: its boundary is the latest time that a shard accepted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from segmentation.frames import decode_frames, encode_frames

MOVE_SCHEMA = {"feature": pl.String, "boundary": pl.Int64, "score": pl.Int64, "users": pl.Int64}


@dataclass(frozen=True)
class EventsOfShard:
    """A batch of events of one shard, and the clock."""

    users: list[bytes]
    events: pl.DataFrame
    names: tuple[str, ...]
    clock: int | None
    heartbeat: int | None = None

    def encode(self) -> bytes:
        """As bytes."""
        tables = {"users": pl.DataFrame({"internal": pl.Series(self.users, dtype=pl.Binary)}), "events": self.events}
        meta = {"kind": "events", "clock": self.clock, "heartbeat": self.heartbeat, "names": list(self.names)}
        return encode_frames(meta, tables)

    @classmethod
    def decode(cls, data: bytes) -> "EventsOfShard":
        """From bytes."""
        meta, tables = decode_frames(data)
        users = tables["users"]["internal"].to_list()
        return cls(users, tables["events"], tuple(meta["names"]), meta["clock"], meta["heartbeat"])


@dataclass(frozen=True)
class FeaturesOfShard:
    """What changed in one shard's features over the ticks in (``settled``, ``until``]."""

    users: list[bytes]
    rows: pl.DataFrame
    vocabularies: dict[str, list[str]]
    settled: int
    until: int

    def up_to(self, until: int) -> "FeaturesOfShard":
        """Without what came after the tick ``until`` (µs), if it ended later."""
        if self.until <= until:
            return self
        return replace(self, rows=self.rows.filter(pl.col("tick") <= until), until=until)

    def encode(self, kind: Literal["features", "early"] = "features") -> bytes:
        """As bytes; ``early`` ones are a preview of a tick that has not settled."""
        tables = {"users": pl.DataFrame({"internal": pl.Series(self.users, dtype=pl.Binary)}), "rows": self.rows}
        for name, texts in self.vocabularies.items():
            tables["vocabulary:" + name] = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
        return encode_frames({"kind": kind, "settled": self.settled, "until": self.until}, tables)

    @classmethod
    def decode(cls, data: bytes) -> "FeaturesOfShard":
        """From bytes."""
        meta, tables = decode_frames(data)
        vocabularies = {
            name.removeprefix("vocabulary:"): table["text"].to_list()
            for name, table in tables.items()
            if name.startswith("vocabulary:")
        }
        users = tables["users"]["internal"].to_list()
        return cls(users, tables["rows"], vocabularies, meta["settled"], meta["until"])


#: Stands for a feature's name in moves that tell the clock: the boundary is the latest time that a shard accepted.
CLOCK = ""


def clock_moves(latest: int) -> pl.DataFrame:
    """The latest accepted time (µs) of one shard, as moves, so that it travels and adds up with them."""
    return pl.DataFrame({"feature": [CLOCK], "boundary": [latest], "score": [0], "users": [1]}, schema=MOVE_SCHEMA)


def encode_moves(moves: pl.DataFrame) -> bytes:
    """A population's moves as bytes."""
    return encode_frames({"kind": "population"}, {"moves": moves})


def decode_moves(data: bytes) -> pl.DataFrame:
    """A population's moves from bytes."""
    return decode_frames(data)[1]["moves"]


def add_moves(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The sum of several populations' moves: associative, commutative, without zeros."""
    moves = pl.concat([pl.DataFrame(schema=MOVE_SCHEMA), *parts])
    moves = moves.group_by("feature", "boundary", "score").agg(pl.col("users").sum())
    return moves.filter(pl.col("users") != 0).sort("feature", "boundary", "score")
