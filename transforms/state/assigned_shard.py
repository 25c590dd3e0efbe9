"""A shard's assigner behind the kinds of entry its log holds: features, previews of features, populations, and
"settled up to"."""

from typing import NamedTuple, Self

import numpy as np
import polars as pl
from apache_beam.utils.timestamp import Timestamp

from segmentation import messages
from segmentation.columns.frames import decode_frames, encode_frames
from segmentation.identity.pseudonyms import stable_shards
from segmentation.membership.assigner import Assigner
from segmentation.membership.changes import empty, joined
from segmentation.population.moves import CLOCK, MovesByFeature, add_moves
from segmentation.rules.model import Rules
from segmentation.units import next_tick
from transforms.state.cells import Cells
from transforms.state.timing import Timing


class Taken(NamedTuple):
    """What an entry brought: ``changes`` that a preview makes at once, and the tick (µs) that features wait for."""

    changes: pl.DataFrame
    due: int | None


class AssignedShard:
    """`transforms.state.shard_state.Table` around an `Assigner`, with what waits for its tick."""

    def __init__(self, rules: Rules, timing: Timing, publish_key: bytes) -> None:
        self._timing = timing
        self.assigner = Assigner(rules, publish_key)
        self._features: list[messages.FeaturesOfShard] = []
        self._moves: list[MovesByFeature] = []

    def open(self, cells: Cells, *, load: bool) -> None:
        """Nothing of this table stands in cells of its own."""

    def take(self, entry: bytes) -> Taken:
        """Take in features, a preview of features, or a population.

        Raises:
            MessageError: it is none of these.
        """
        return self._take(messages.decode_message(entry))

    def _take(self, message: messages.Message) -> Taken:
        if isinstance(message, messages.FeaturesOfShard):
            self._features.append(message)
            return Taken(empty(), message.until)
        if isinstance(message, messages.Preview):
            return Taken(self.assigner.preview(message.features), None)
        if isinstance(message, messages.PopulationMoves):
            self._moves.append(message.moves)
            return Taken(empty(), None)
        raise messages.MessageError(f"expected features or a population, found {type(message).__name__}")

    def due_by(self, fired: Timestamp) -> int | None:
        """The last tick (µs) that waits and whose timer stands at ``fired`` or before."""
        due = [features.until for features in self._features if self._timing.assign_at(features.until) <= fired]
        return max(due, default=None)

    def settle(self, until: int) -> pl.DataFrame:
        """The changes of all ticks up to ``until`` whose features wait."""
        due = sorted((each for each in self._features if each.until <= until), key=lambda each: each.until)
        self._features = [each for each in self._features if each.until > until]
        waiting = add_moves(self._moves)
        end = self._end(waiting)
        parts = []
        for features in (each.up_to(end) for each in due if each.settled < end):
            known = {name: moves.where(moves.boundary <= features.until) for name, moves in waiting.items()}
            parts.append(self.assigner.advance(features, known))
            waiting = {name: moves.where(moves.boundary > features.until) for name, moves in waiting.items()}
        self._moves = [{name: moves for name, moves in waiting.items() if len(moves)}]
        return joined(parts)

    def _end(self, moves: MovesByFeature) -> int:
        """The last tick (µs) of a bounded run: the first after the last event that any shard accepted.

        The clock that shards tick by may be later, since it is told before it is known which events are duplicates.
        """
        if self._timing.until is not None or CLOCK not in moves:
            return np.iinfo(np.int64).max
        return next_tick(int(moves[CLOCK].boundary.max()), self.assigner.rules.tick)

    def replay(self, entry: bytes) -> None:
        """Apply an entry, discarding what it puts out.

        Raises:
            MessageError: it is neither what `take` takes nor a note that ticks settled.
        """
        message = messages.decode_message(entry)
        if isinstance(message, messages.SettledUpTo):
            self.settle(message.until)
        else:
            self._take(message)

    @property
    def users(self) -> list[bytes]:
        """The internal ids of the shard's users, a row each; those of whom only features wait are not among them."""
        return self.assigner.users

    @property
    def settled(self) -> int | None:
        """The last settled tick, µs."""
        return self.assigner.settled

    @property
    def waiting(self) -> list[int]:
        """The ticks (µs) whose features wait."""
        return sorted({each.until for each in self._features})

    @property
    def population(self) -> dict[str, pl.DataFrame]:
        """What the shard knows of all users: the same in every shard that stands at the same tick."""
        moves = {f"moves/{name}": pl.DataFrame(vars(moves)) for name, moves in add_moves(self._moves).items()}
        return self.assigner.population | moves

    def keep_shard(self, shard: int, shards: int) -> None:
        """Keep only the users that belong to a shard where there are ``shards``; populations stay."""
        self.assigner.keep(np.flatnonzero(stable_shards(self.users, shards) == shard))
        forgotten = self.assigner.forgotten
        forgotten.keep(np.flatnonzero(stable_shards(forgotten.users, shards) == shard))
        parts = self._features
        self._features = [each.of_users(np.flatnonzero(stable_shards(each.users, shards) == shard)) for each in parts]

    def join(self, other: Self) -> None:
        """Take in the users of another shard, with the same `population`, that stands at the same tick."""
        self.assigner.join(other.assigner)
        by_tick = {(each.settled, each.until): each for each in self._features}
        for each in other._features:
            held = by_tick.get((each.settled, each.until))
            by_tick[each.settled, each.until] = each if held is None else held.joined(each)
        self._features = list(by_tick.values())

    def snapshot(self) -> bytes:
        """The assigner's table and what waits for its tick."""
        waiting = {f"features:{number}": _bytes(each.encode()) for number, each in enumerate(self._features)}
        moves = _bytes(messages.PopulationMoves(add_moves(self._moves)).encode())
        tables = {"assigner": _bytes(self.assigner.snapshot()), **waiting, "moves": moves}
        return encode_frames({}, tables, compress=False)

    def restore(self, data: bytes) -> None:
        """Take over what `snapshot` gave."""
        tables = decode_frames(data)[1]
        self.assigner.restore(tables["assigner"]["bytes"][0])
        self._moves = [messages.decode_as(messages.PopulationMoves, tables["moves"]["bytes"][0]).moves]
        names = [name for name in tables if name.startswith("features:")]
        self._features = [messages.decode_as(messages.FeaturesOfShard, tables[name]["bytes"][0]) for name in names]


def _bytes(data: bytes) -> pl.DataFrame:
    return pl.DataFrame({"bytes": pl.Series([data], dtype=pl.Binary)})
