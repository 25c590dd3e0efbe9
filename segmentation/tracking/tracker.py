"""From events to features: one shard's table of users, advanced over ticks in columnar steps, without Beam."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from segmentation.columns.arrays import I64, Column
from segmentation.columns.frames import decode_frames, encode_frames, tables_under
from segmentation.features import timeline
from segmentation.features.kind import FeatureState
from segmentation.features.timeline import Span
from segmentation.messages import EventsOfShard, FeaturesOfShard
from segmentation.population.moves import Moves
from segmentation.rules.model import Rules
from segmentation.tracking import DUPLICATES_WITHIN
from segmentation.tracking.cut import Cut
from segmentation.tracking.event_rows import EventRows, latest_by_user
from segmentation.tracking.feature_rows import FeatureRows
from segmentation.tracking.id_cells import IdCells
from segmentation.tracking.intake import NO_ROWS, OTHER_NAME, Counts, Intake
from segmentation.tracking.late_events import LateEvents
from segmentation.tracking.user_rows import UserRows
from segmentation.units import floor_to, next_tick


@dataclass(frozen=True)
class Settled:
    """The outcome of one advance.

    >>> nothing = FeaturesOfShard([], {}, {}, settled=0, until=60_000_000)
    >>> Settled(nothing, moves={}).late is None
    True
    """

    features: FeaturesOfShard
    #: By feature how its population moved; features whose population did not move are left out.
    moves: dict[str, Moves]
    #: The events that were late; None where there are none, or without ``audit``.
    late: LateEvents | None = None
    #: Which of the events that counted were duplicates: positions in the order of their arrival.
    repeated: Column = field(default_factory=lambda: NO_ROWS)


class Tracker:
    """One shard's users: their events before they count, and the state of every feature.

    Args:
        rules: the rules to follow.
        max_disorder: how far (µs of event time) events may arrive out of order and still be on time.
        duplicates_within: how long (µs of event time) after an accepted event another one with its id is its duplicate.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> rules = parse_rules(text + "segments: {busy: {when: clicks >= 2}}}", "rules.yaml")
    >>> two = {"user": [0, 0], "id_high": [1, 2], "id_low": [1, 2], "at": [5, 9], "name": [0, 0]}
    >>> columns = {name: np.array(values) for name, values in two.items()}
    >>> tracker = Tracker(rules, max_disorder=0)
    >>> tracker.add(EventsOfShard([bytes(32)], columns, {}, ("click",), clock=9))
    >>> tracker.advance(tracker.last_due()).features.rows["clicks"].tolist()
    [2]
    """

    def __init__(self, rules: Rules, max_disorder: int, duplicates_within: int = DUPLICATES_WITHIN) -> None:
        self.rules = rules
        #: The last settled tick, µs; None before the first.
        self.settled: int | None = None
        #: The latest time known to this shard, µs.
        self.clock: int | None = None
        #: The latest heartbeat, µs.
        self._heartbeat: int | None = None
        self._users = UserRows(rules)
        self._intake = Intake(rules, max_disorder, duplicates_within)
        self._features = {
            name: feature.state(rules.tick, self._intake.memory) for name, feature in rules.features.items()
        }
        self._rows = FeatureRows(rules, self._features)
        #: For how many users features have room: a preview may need more than there are.
        self._room = 0

    @property
    def counts(self) -> Counts:
        """What became of the events so far."""
        return self._intake.counts

    def add(self, batch: EventsOfShard) -> None:
        """Take in a batch; its events count from their tick on, or from the next tick if that has settled."""
        if batch.clock is not None:
            self.clock = batch.clock if self.clock is None else max(self.clock, batch.clock)
        if batch.heartbeat is not None:
            self._heartbeat = batch.heartbeat if self._heartbeat is None else max(self._heartbeat, batch.heartbeat)
        if len(batch):
            known = len(self._users)
            rows = self._users.meet(batch.users)
            self._intake.keys.meet(self._users.internals)
            self._intake.add(batch, rows, self.settled)
            self.counts.users += len(self._users) - known

    def first_due(self) -> int | None:
        """The earliest tick (µs) that has something to settle; None where nothing is known yet."""
        if self.settled is not None:
            return self.settled + self.rules.tick
        known = (self._intake.first_tick(), self.last_due())
        return min((tick for tick in known if tick is not None), default=None)

    def last_due(self) -> int | None:
        """The last tick (µs) that the clock allows to settle."""
        return None if self.clock is None else next_tick(self.clock, self.rules.tick)

    def allows(self, clock: int | None) -> bool:
        """Whether this shard's clock already allows all ticks that ``clock`` (µs) allows; None allows none."""
        last = self.last_due()
        return clock is None or (last is not None and next_tick(clock, self.rules.tick) <= last)

    def advance(self, until: int, *, audit: bool = False, repeated: Column | None = None) -> Settled:
        """Settle all ticks up to ``until`` (µs, a tick), in one columnar step.

        Args:
            until: the last of them.
            audit: return late events too.
            repeated: what an earlier worker's advance up to there gave as `Settled.repeated`, and remembered.
        """
        tick = self.rules.tick
        if self.settled is None:
            first = self.first_due()
            self.settled = until - tick if first is None else min(first, until) - tick
        span = Span(self.settled, tick, (until - self.settled) // tick)
        accepted, repeated = self._intake.accept(until, self.settled, repeated)
        counted, cut = self._users.cut(self._intake.in_columns(accepted, span), span)
        late = int(counted.late.sum())
        self.counts.late += late
        if cut is not None:
            self._begin(cut)
        advances = [state.advance(counted, span) for state in self._grown(len(self._users))]
        parts = [each.changes for each in advances]
        audited = self._late(accepted) if audit and late else None
        features = self._rows.message(parts, counted, span, cut, self._users.internals)
        settled = Settled(features, self._rows.moves(parts, span, cut), audited, repeated)
        for each in advances:
            each.settle()
        self.settled = until
        if cut is not None:
            self._users.settle(cut, span)
            self._compact(at_least=len(self._users) // 4 + 1)
        return settled

    def open_ids(self, cells: IdCells, *, load: bool) -> None:
        """From now on the ids of accepted events stand in ``cells``; ``load``: those that are there are to be known.

        What is in cells is not a part of `snapshot`.
        """
        self._intake.cells = cells
        if load:
            self._intake.load_ids()

    def write_ids(self) -> None:
        """Write the ids of what has been accepted since the last call into the cells."""
        self._intake.write_ids()

    def latest_accepted(self) -> int | None:
        """The latest time (µs) of what this shard has accepted so far, heartbeats included."""
        known = [time for time in (self._intake.latest, self._heartbeat) if time is not None]
        return max(known, default=None)

    def count_rest(self) -> None:
        """Add the events that never settle, because the run ends before their tick, to the counts."""
        self._intake.accept(None, self.settled)

    def preview(self, users: list[bytes]) -> FeaturesOfShard | None:
        """The features of some users with all events that have arrived, also those whose tick has not settled.

        Returns:
            One row per user with events that have not settled, the time (µs) of the latest in the column ``at``; None
            where there are no such events.
        """
        rows = np.unique(self._users.known(users))
        pending, accepted = self._intake.peek(rows, self.settled)
        if not len(pending):
            return None
        tick = self.rules.tick
        until = next_tick(int(pending["at"].max()), tick)
        settled = self.settled
        if settled is None:
            settled = min(int(pending["counted_at"].min()), until) - tick
        until = max(until, settled + tick)
        span = Span(settled, tick, (until - settled) // tick)
        counted, cut = self._users.cut(self._intake.in_columns(accepted, span), span)
        size = len(self._users)
        if cut is not None:
            size, cut = len(cut.origin), cut.ahead_of_time()
        seen, latest = latest_by_user(pending["user"], pending["at"])
        only = np.ones(size, np.bool_)
        only[: len(self._users)] = False
        only[seen] = True
        parts = [state.advance(counted, span, only).changes for state in self._grown(size)]
        features = self._rows.message(parts, counted, span, cut, self._users.internals, preview=True)
        told = self._users.known(features.users)
        at = latest[np.searchsorted(seen, told[features.rows["user"]])]
        return replace(features, rows={**features.rows, "at": at})

    @property
    def users(self) -> list[bytes]:
        """The internal ids of the shard's users by row; a user may have several."""
        return self._users.internals

    def keep(self, rows: I64) -> None:
        """Keep these rows of users only (sorted) and their events; the ids of others' events stay in the cells.

        Called between advances.
        """
        wanted = np.zeros(len(self._users), np.bool_)
        wanted[rows] = True
        self._intake.keep_waiting(wanted)
        self._keep(rows)

    def join(self, other: Self) -> None:
        """Take in the users of another shard behind the own ones; ids of their events are added to the cells apart.

        Both have settled the same tick, or one of them none yet. Neither has made a preview since `restore`. ``other``
        must not be used any more.
        """
        users = len(self._users)
        for state, others in zip(self._grown(users), other._grown(len(other._users)), strict=True):
            state.join(others)
        self._intake.join(other._intake, users)
        self._users.join(other._users)
        self._intake.keys.meet(self._users.internals)
        self._room = len(self._users)
        self.settled, self.clock, self._heartbeat = (
            max((each for each in pair if each is not None), default=None)
            for pair in (
                (self.settled, other.settled),
                (self.clock, other.clock),
                (self._heartbeat, other._heartbeat),
            )
        )

    def snapshot(self) -> bytes:
        """The whole table as bytes, not compressed."""
        self._compact()
        tables = self._users.tables()
        tables |= {f"intake/{name}": table for name, table in self._intake.tables().items()}
        for name, state in zip(self._features, self._grown(len(self._users)), strict=True):
            tables |= {f"feature/{name}/{part}": table for part, table in state.tables().items()}
        meta = {"settled": self.settled, "clock": self.clock, "features": list(self._features)}
        return encode_frames(meta, tables, compress=False)

    def restore(self, data: bytes) -> None:
        """Take over what `snapshot` gave.

        Raises:
            FrameError: the bytes are of another layout.
            KeyError: they hold other features than the rules declare.
        """
        meta, tables = decode_frames(data)
        if meta["features"] != list(self._features):
            raise KeyError(f"the state holds the features {meta['features']}, the rules {list(self._features)}")
        self.settled, self.clock = meta["settled"], meta["clock"]
        self._users.restore(tables, self.settled)
        self._intake.keys.meet(self._users.internals)
        self._intake.restore(tables_under(tables, "intake/"))
        for name, state in self._features.items():
            state.restore(tables_under(tables, f"feature/{name}/"))
        self._room = len(self._users)

    def _grown(self, users: int) -> list[FeatureState]:
        """All features, with room for so many users."""
        self._room = max(self._room, users)
        for state in self._features.values():
            state.grow(self._room)
        return list(self._features.values())

    def _begin(self, cut: Cut) -> None:
        """Make the new rows of a cut the users' own."""
        self._users.begin([self._users.internals[row] for row in cut.begun.tolist()])
        self.counts.users += len(cut.begun)

    def _compact(self, at_least: int = 1) -> None:
        """Remove the rows of users who are forgotten, if there are so many. Events that wait for such users get new
        ones."""
        if self._users.lives is None or self.settled is None:
            return
        waiting = self._intake.waiting()
        numbers = self._users.begin_again(waiting)
        if numbers is not None:
            self._intake.renumber(numbers)
            self._intake.keys.meet(self._users.internals)
            self.counts.users += len(self._users) - len(numbers)
            waiting = numbers[waiting]
        # Who is forgotten between two boundaries is a member of the population up to the second.
        boundaries = (floor_to(self.settled, every) for every in self._rows.measured_every)
        needed = self._users.needed(min(boundaries, default=self.settled), waiting)
        if len(needed) - int(needed.sum()) >= at_least or self._room > len(self._users):
            self._keep(np.flatnonzero(needed))

    def _keep(self, rows: I64) -> None:
        """Keep these rows of users only."""
        places = timeline.places_of(rows, len(self._users))
        for state in self._grown(len(self._users)):
            state.keep(rows)
        self._intake.keys.meet(self._users.internals)
        self._intake.keep(rows, places)
        self._users.keep(rows)
        self._room = len(rows)

    def _late(self, accepted: EventRows) -> LateEvents:
        """The late ones among the events that were accepted."""
        late = accepted.where(self._intake.are_late(accepted))
        rows, user = np.unique(late["user"], return_inverse=True)
        # The last name stands for all others, and as the last also for the code -1 of reserved events.
        names = [None if name == OTHER_NAME else name for name in self._intake.names]
        events = EventRows({**late.columns, "user": user}, {})
        return LateEvents([self._users.internals[row] for row in rows.tolist()], events, names)
