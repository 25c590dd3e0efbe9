"""A shard's tracker behind the two kinds of entry its log holds: a batch of events, and "ticks settled up to"."""

from typing import Self

import numpy as np
from apache_beam.utils.timestamp import Timestamp

from segmentation.identity.pseudonyms import stable_shards
from segmentation.messages import EventsOfShard, FeaturesOfShard, Message, MessageError, SettledUpTo, decode_message
from segmentation.rules.model import Rules
from segmentation.tracking.intake import NO_ROWS
from segmentation.tracking.tracker import Tracker
from transforms.state.cells import Cells, IdBags
from transforms.state.timing import Timing

#: Ticks for which a timer stands at most. What catches up settles so many of them in one round trip to the runner.
AHEAD = 32


class TrackedShard:
    """`transforms.state.shard_state.Table` around a `Tracker`."""

    def __init__(self, rules: Rules, timing: Timing) -> None:
        self._timing = timing
        self.tracker = Tracker(rules, timing.max_disorder, timing.duplicates_within)
        self._touched: list[bytes] = []

    def open(self, cells: Cells, *, load: bool) -> None:
        """The ids of accepted events stand in ``cells``."""
        self.tracker.open_ids(IdBags(cells.ids), load=load)

    def take(self, batch: bytes) -> bool:
        """Take in a batch of events; False for one that changes nothing, which is no entry of a log.

        Live, such a batch holds only a clock, and one that allows no further tick. It need not outlive a restart: two
        clocks between the same two ticks have the same effect.

        Raises:
            MessageError: it is no batch of events.
        """
        return self._take(decode_message(batch))

    def _take(self, events: Message) -> bool:
        if not isinstance(events, EventsOfShard):
            raise MessageError(f"expected a batch of events, found {type(events).__name__}")
        self._touched = events.users
        if not len(events) and not self._timing.bounded and self.tracker.allows(events.clock):
            return False
        self.tracker.add(events)
        return True

    def preview(self) -> FeaturesOfShard | None:
        """What the last batch changes at once; None where it held no events."""
        return self.tracker.preview(self._touched) if self._touched else None

    def last_due(self) -> int | None:
        """The last tick (µs) that may settle so far."""
        return self._timing.until if self._timing.until is not None else self.tracker.last_due()

    def due(self) -> range:
        """The next ticks (µs) to settle, `AHEAD` of them at most; none while the clock allows none."""
        first, last = self.tracker.first_due(), self.last_due()
        if first is None or last is None:
            return range(0)
        tick = self.tracker.rules.tick
        return range(first, min(last, first + (AHEAD - 1) * tick) + 1, tick)

    def due_by(self, fired: Timestamp) -> int | None:
        """The next tick (µs) to settle, if its timer stands at ``fired`` or before."""
        following = next(iter(self.due()), None)
        return following if following is not None and self._timing.track_at(following) <= fired else None

    def replay(self, entry: bytes) -> None:
        """Apply an entry, discarding what it puts out.

        Raises:
            MessageError: it is neither a batch of events nor a note that ticks settled.
        """
        message = decode_message(entry)
        if isinstance(message, SettledUpTo):
            self.tracker.advance(message.until, repeated=NO_ROWS if message.repeated is None else message.repeated)
        else:
            self._take(message)

    @property
    def users(self) -> list[bytes]:
        """The internal ids of the shard's users, a row each."""
        return self.tracker.users

    @property
    def settled(self) -> int | None:
        """The last settled tick, µs."""
        return self.tracker.settled

    def keep_shard(self, shard: int, shards: int) -> None:
        """Keep only the users that belong to a shard where there are ``shards``."""
        self.tracker.keep(np.flatnonzero(stable_shards(self.users, shards) == shard))

    def join(self, other: Self) -> None:
        """Take in the users of another shard that stands at the same tick, or has settled none."""
        self.tracker.join(other.tracker)

    def snapshot(self) -> bytes:
        """The tracker's table, without the ids of accepted events."""
        return self.tracker.snapshot()

    def restore(self, data: bytes) -> None:
        """Take over what `snapshot` gave."""
        self.tracker.restore(data)
