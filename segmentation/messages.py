"""What the stages send each other and note in their logs: one vocabulary of messages, columns as bytes.

Every message says its kind in its meta (`segmentation.columns.encoding`):

=============  ==================  ==================================================================================
``events``     `EventsOfShard`     a batch of events of one shard, or only a clock
``features``   `FeaturesOfShard`   what one shard learned over a span of settled ticks
``early``      `Preview`           likewise, ahead of a tick that has not settled
``population`` `PopulationMoves`   how the histograms of scores move
``settle``     `SettledUpTo`       an entry of a log: all ticks up to one were settled
=============  ==================  ==================================================================================

*Events* (no heartbeats: they are only a clock). Columns: ``users`` (internal ids, 32 bytes each), and by event ``user``
(position in ``users``), ``id_high``, ``id_low``, ``at`` (µs), ``name`` (position in the meta's ``names``, -1 for a
reserved event), ``tie`` (the event id where a tie in time would matter, else null), ``p:…`` and ``h:…`` (properties,
plain and sealed). Meta: ``clock`` (the latest time known, µs, or null), ``heartbeat`` (that of the latest heartbeat),
``names``, and ``texts`` (which columns are texts).

*Features*. ``users`` as above; by row ``user``, ``tick`` (µs), the columns of all features from that tick on, ``event``
(one was accepted in this tick), ``late`` (one of them was late), sorted by user and tick; a list ``vocabulary:F`` per
attribute. Where users are forgotten also ``@idle`` (µs; above 0: the user is forgotten from this tick on, having been
idle for so long), and in previews ``@again`` (the user was forgotten before). Meta: ``settled`` (µs, exclusive),
``until`` (µs, inclusive), ``rows``, ``vocabularies``.

*Settled*. A column ``repeated`` (positions of duplicates) where there were some. Meta: ``until`` (µs).

*Population moves*. The k-th feature of the meta's ``features`` has the columns ``boundary:k`` (µs), ``score:k`` and
``users:k`` (how many more have this score from this boundary on).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np

from segmentation.columns import encoding
from segmentation.columns.arrays import I64, Column
from segmentation.columns.texts import Texts
from segmentation.errors import FatalError
from segmentation.population.moves import Moves, MovesByFeature

_EVENT_KINDS = {"user": np.uint32, "id_high": np.uint64, "id_low": np.uint64, "at": np.int64, "name": np.int32}
_MOVES_COLUMNS = ("boundary", "score", "users")


#: Columns of rows of features that no feature can be called like.
IDLE: Final = "@idle"
AGAIN: Final = "@again"


class Kind(StrEnum):
    """The kinds of messages. A value is part of the bytes in savepoints: it never changes."""

    EVENTS = "events"
    FEATURES = "features"
    EARLY = "early"
    POPULATION = "population"
    SETTLE = "settle"


class MessageError(FatalError, ValueError):
    """A message of a kind that this version does not know, or that has no business where it arrived."""


@dataclass(frozen=True)
class EventsOfShard:
    """A batch of events of one shard, and the clock.

    >>> batch = EventsOfShard.only_clock(1_767_225_600_000_000)
    >>> len(batch), decode_message(batch.encode()).clock
    (0, 1767225600000000)
    """

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
        meta: dict[str, Any] = {"kind": Kind.EVENTS, "clock": self.clock, "heartbeat": self.heartbeat}
        if not len(self):
            return encoding.encode_columns(meta, {})
        columns = {"users": encoding.user_column(self.users), **self.columns}
        for name, texts in self.texts.items():
            columns |= encoding.text_columns(name, texts)
        return encoding.encode_columns({**meta, "names": self.names, "texts": list(self.texts)}, columns)


@dataclass(frozen=True)
class FeaturesOfShard:
    """What changed in one shard's features over the ticks in (``settled``, ``until``].

    >>> rows = {"user": np.array([0], np.uint32), "tick": np.array([60])}
    >>> features = FeaturesOfShard([bytes(32)], rows, {}, settled=0, until=120)
    >>> decode_as(FeaturesOfShard, features.encode()).until, len(features.up_to(30).rows["tick"])
    (120, 0)
    """

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

    def of_users(self, rows: I64) -> "FeaturesOfShard":
        """Those of some users only: positions, in order."""
        places = np.full(len(self.users), -1, np.int64)
        places[rows] = np.arange(len(rows))
        user = places[self.rows["user"]]
        kept = {name: column[user >= 0] for name, column in self.rows.items()}
        users = [self.users[row] for row in rows.tolist()]
        return replace(self, users=users, rows={**kept, "user": user[user >= 0].astype(np.uint32)})

    def joined(self, other: "FeaturesOfShard") -> "FeaturesOfShard":
        """With those of another shard for the same ticks."""
        words = {name: [*texts, *other.vocabularies[name]] for name, texts in self.vocabularies.items()}
        offsets = {name: len(texts) for name, texts in self.vocabularies.items()} | {"user": len(self.users)}
        rows = {}
        for name, column in self.rows.items():
            theirs = other.rows[name]
            # A negative code stands for no value and stays.
            moved = np.where(theirs < 0, theirs, theirs + offsets[name]) if name in offsets else theirs
            rows[name] = np.concatenate([column, moved.astype(column.dtype)])
        return replace(self, users=[*self.users, *other.users], rows=rows, vocabularies=words)

    def encode(self) -> bytes:
        """As bytes."""
        return _encoded_features(Kind.FEATURES, self)


@dataclass(frozen=True)
class Preview:
    """What events change at once, ahead of the tick that they count for.

    >>> preview = Preview(FeaturesOfShard([], {}, {}, settled=0, until=60))
    >>> decode_message(preview.encode()) == preview
    True
    """

    features: FeaturesOfShard

    def encode(self) -> bytes:
        """As bytes."""
        return _encoded_features(Kind.EARLY, self.features)


@dataclass(frozen=True)
class PopulationMoves:
    """How the histograms of scores move, by feature; moves of several shards add up to those of all users.

    >>> decode_as(PopulationMoves, PopulationMoves({"score": Moves.none()}).encode()).moves["score"]
    Moves(boundary=array([], dtype=int64), score=array([], dtype=int64), users=array([], dtype=int64))
    """

    moves: MovesByFeature

    def encode(self) -> bytes:
        """As bytes."""
        columns = {
            f"{part}:{number}": getattr(each, part)
            for number, each in enumerate(self.moves.values())
            for part in _MOVES_COLUMNS
        }
        return encoding.encode_columns({"kind": Kind.POPULATION, "features": list(self.moves)}, columns)


@dataclass(frozen=True)
class SettledUpTo:
    """All ticks up to ``until`` (µs) were settled. No stage sends it: it stands in the log of a shard's state.

    ``repeated``: which of the events that counted were duplicates, as positions in the order of their arrival (uint32);
    None where there were none.

    >>> decode_message(SettledUpTo(1_767_225_600_000_000, np.array([3], np.uint32)).encode())
    SettledUpTo(until=1767225600000000, repeated=array([3], dtype=uint32))
    """

    until: int
    repeated: Column | None = None

    def encode(self) -> bytes:
        """As bytes."""
        columns = {} if self.repeated is None else {"repeated": self.repeated}
        return encoding.encode_columns({"kind": Kind.SETTLE, "until": self.until}, columns)


Message: TypeAlias = EventsOfShard | FeaturesOfShard | Preview | PopulationMoves | SettledUpTo
MessageT = TypeVar("MessageT", EventsOfShard, FeaturesOfShard, Preview, PopulationMoves, SettledUpTo)


def decode_message(data: bytes) -> Message:
    """A message from bytes.

    Raises:
        MessageError: it is of an unknown kind; the error names it.
        segmentation.columns.encoding.ColumnsError: the bytes are no message.
    """
    meta, columns = encoding.decode_columns(data)
    kind = meta.get("kind")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise MessageError(f"a message of the kind {kind!r}, which this version does not know: {', '.join(Kind)}")
    return read(meta, columns)


def decode_as(expected: type[MessageT], data: bytes) -> MessageT:
    """A message that can only be of one kind, from bytes.

    Raises:
        MessageError: it is of another kind.
        segmentation.columns.encoding.ColumnsError: the bytes are no message.
    """
    message = decode_message(data)
    if not isinstance(message, expected):
        raise MessageError(f"expected {expected.__name__}, found {type(message).__name__}")
    return message


def _encoded_features(kind: Kind, features: FeaturesOfShard) -> bytes:
    meta: dict[str, Any] = {"kind": kind, "settled": features.settled, "until": features.until}
    columns = {"users": encoding.user_column(features.users), **features.rows}
    for name, texts in features.vocabularies.items():
        columns |= encoding.list_columns(f"vocabulary:{name}", texts)
    return encoding.encode_columns(
        {**meta, "rows": list(features.rows), "vocabularies": list(features.vocabularies)}, columns
    )


def _events(meta: dict[str, Any], columns: dict[str, Column]) -> EventsOfShard:
    if not columns:
        return EventsOfShard.only_clock(meta["clock"], meta["heartbeat"])
    texts = {name: encoding.texts_from(name, columns) for name in meta["texts"]}
    plain = {name: columns[name] for name in _EVENT_KINDS}
    users = encoding.users_from(columns["users"])
    return EventsOfShard(users, plain, texts, tuple(meta["names"]), meta["clock"], meta["heartbeat"])


def _features(meta: dict[str, Any], columns: dict[str, Column]) -> FeaturesOfShard:
    vocabularies = {name: encoding.list_from(f"vocabulary:{name}", columns) for name in meta["vocabularies"]}
    rows = {name: columns[name] for name in meta["rows"]}
    return FeaturesOfShard(encoding.users_from(columns["users"]), rows, vocabularies, meta["settled"], meta["until"])


def _moves(meta: dict[str, Any], columns: dict[str, Column]) -> PopulationMoves:
    return PopulationMoves(
        {
            name: Moves(*(columns[f"{part}:{number}"] for part in _MOVES_COLUMNS))
            for number, name in enumerate(meta["features"])
        }
    )


_READERS: Final[Mapping[str, Callable[[dict[str, Any], dict[str, Column]], Message]]] = {
    Kind.EVENTS: _events,
    Kind.FEATURES: _features,
    Kind.EARLY: lambda meta, columns: Preview(_features(meta, columns)),
    Kind.POPULATION: _moves,
    Kind.SETTLE: lambda meta, columns: SettledUpTo(meta["until"], columns.get("repeated")),
}
