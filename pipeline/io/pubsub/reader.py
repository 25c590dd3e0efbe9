"""One subscription as one process reads it: threads pull into a bounded buffer, bundles take, leases are kept."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple
from uuid import uuid4

from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.clients import PubsubError
from pipeline.io.pubsub.deliveries import Deliveries, Lease, Leases
from pipeline.io.pubsub.held_watermark import BEGINNING, HeldWatermark, Stopwatch
from pipeline.io.pubsub.pulling import MAX_PULLED, Nothing, Pulled, Pulling, Unanswered
from segmentation.units import SECOND, format_duration

#: Requests for messages that are on their way at once.
PULLERS: Final = 3
#: What waits in a process to be taken: enough for a bundle while the next is pulled.
MAX_BUFFERED: Final = 20_000
MAX_BUFFERED_BYTES: Final = 32 << 20
#: Seconds from a pull on after which messages are given up whose bundle was never finalized: they come again. Longer
#: than two checkpoints may take.
PATIENCE: Final = 600.0
#: What is waited for beyond a lease before a message counts as not missing, µs.
HOLD_BEYOND_LEASE: Final = 5 * SECOND
#: Seconds between two looks at the leases, and after a request that failed.
_KEEP_SECONDS: Final = 0.1
_BACKOFF_SECONDS: Final = 0.5

_LOGGER = logging.getLogger("segments.pubsub")


class Position(NamedTuple):
    """How far a pipeline has come: all bundles of this reader up to this one are in its state."""

    reader: str  #: `SubscriptionReader.id`; empty before the first
    bundle: int


class SubscriptionReader:
    """Reads one subscription for as long as its process works on it. Safe for threads."""

    def __init__(self, address: PubsubAddress) -> None:
        """Begin to pull.

        Raises:
            PubsubError: there is no such subscription, or it can't be read.
        """
        self.id = uuid4().hex
        self._address = address
        self._pulling = Pulling(address)
        lease = self._pulling.lease_seconds()
        hold = lease * SECOND + HOLD_BEYOND_LEASE if address.hold is None else address.hold
        self._lease_seconds = lease
        self._changed = threading.Condition()
        self._buffer: deque[tuple[Pulled, Lease]] = deque()
        self._buffered = self._buffered_bytes = self._asked = 0
        self._leases = Leases(lease, PATIENCE)
        self._deliveries = Deliveries()
        self._asking = Stopwatch(time.monotonic)
        self._watermark = HeldWatermark(hold / SECOND, self._asking.seconds)
        self._reached, self._moved_at = BEGINNING, time.monotonic()
        self._far_behind = False
        self._done: list[Lease] = []
        self._unwanted: list[Lease] = []
        self._failure: PubsubError | None = None
        self._stopped = False
        works: list[Callable[[], None]] = [self._keep, *[self._pull] * PULLERS]
        self._threads = [threading.Thread(target=work, name=f"read {address.name}", daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    def begin(self, position: Position, reached: int) -> Position:
        """A bundle begins that goes on from ``position``, where event time was ``reached`` (µs); its own position.

        Raises:
            PubsubError: the subscription can't be read any more.
        """
        with self._changed:
            if self._failure is not None:
                raise self._failure
            known = position.reader == self.id
            verdict = self._deliveries.resumed(position.bundle if known else 0)
            if not known or verdict.give_back:
                self._watermark.restart(self._asking.seconds, reached)
            self._done += verdict.acknowledge
            self._unwanted += verdict.give_back
            return Position(self.id, self._deliveries.begin())

    def take(self, position: Position, wait: float, gather: float) -> list[Pulled]:
        """What has been pulled, for the bundle that began last.

        Waits so many seconds for the first message, and a bit longer for more (``gather``).

        Raises:
            PubsubError: the subscription can't be read any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._failure, wait)
            if self._buffer and gather:
                self._changed.wait_for(lambda: self._full, gather)
            if self._failure is not None:
                raise self._failure
            found = list(self._buffer)
            self._buffer.clear()
            self._buffered = self._buffered_bytes = 0
            self._deliveries.hand(position.bundle, [lease for _, lease in found])
            self._changed.notify_all()
        return [pulled for pulled, _ in found]

    def finalized(self, position: Position) -> None:
        """The runner has finalized that bundle."""
        with self._changed:
            self._done += self._deliveries.finalized(position.bundle)
            self._changed.notify_all()

    def event_time(self) -> int:
        """What event time has reached, µs; `BEGINNING` where that is not known yet."""
        with self._changed:
            waiting = [pulled.holding for pulled, _ in self._buffer if pulled.holding is not None]
            reached = min(self._watermark.value(self._asking.seconds), *waiting, 2**62)
            if reached > self._reached:
                self._reached, self._moved_at = reached, time.monotonic()
            return reached

    def held_ms(self) -> int:
        """For how many ms event time has stood still."""
        with self._changed:
            return int((time.monotonic() - self._moved_at) * 1000)

    def close(self) -> None:
        """Stop reading; what was not handed out goes back."""
        with self._changed:
            self._stopped = True
            self._unwanted += [lease for _, lease in self._buffer]
            self._buffer.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(_BACKOFF_SECONDS)
        try:
            self._settle()
        except (Unanswered, PubsubError) as error:
            _LOGGER.info("%s: messages come again after their lease: %s", self._address.url, error)
        self._pulling.close()

    @property
    def _full(self) -> bool:
        return self._buffered >= MAX_BUFFERED or self._buffered_bytes >= MAX_BUFFERED_BYTES or self._stopped

    def _room(self) -> int:
        """How many messages may be asked for now."""
        if self._full:
            return 0
        left = self._address.max_outstanding - self._leases.messages - self._asked
        return max(0, min(MAX_PULLED, left))

    def _pull(self) -> None:
        wait = True
        while room := self._claim():
            try:
                pulled = self._pulling.pull(room, wait=wait)
            except Nothing:
                # Either there was nothing, or no answer came: a request that needn't wait will tell.
                self._unclaim(room)
                wait = False
            except Unanswered as error:
                self._lost(room, error)
                wait = False
            except PubsubError as error:
                self._fail(error)
            else:
                self._received(room, pulled)
                wait = True

    def _claim(self) -> int:
        """How many messages to ask for, once there is room for some; 0 when it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._room())
            room = 0 if self._over else self._room()
            self._asked += room
            if room:
                self._asking.start()
            return room

    def _unclaim(self, room: int) -> None:
        with self._changed:
            self._asked -= room
            self._asking.stop()
            self._changed.notify_all()

    def _received(self, room: int, pulled: Pulled | None) -> None:
        with self._changed:
            now = self._asking.seconds
            if pulled is None:
                self._watermark.idle(now)
            else:
                self._watermark.received(now, pulled.holding, pulled.latest)
                self._tell_far_behind(pulled)
                self._buffer.append((pulled, self._leases.add(pulled.ack_ids, time.monotonic())))
                self._buffered += len(pulled.ids)
                self._buffered_bytes += pulled.size
            self._unclaim(room)

    def _tell_far_behind(self, pulled: Pulled) -> None:
        """Says once that a producer is behind: its events are late, and `late` counts them."""
        if pulled.holding != pulled.earliest and not self._far_behind:
            self._far_behind = True
            _LOGGER.warning(
                "%s: a message was published more than %s after its event, most are not: such messages hold event time"
                " no longer, and their events are late",
                self._address.url,
                format_duration(self._address.lag),
            )

    def _lost(self, room: int, error: Unanswered) -> None:
        _LOGGER.info("%s: a pull failed: %s", self._address.url, error)
        with self._changed:
            self._watermark.failed(self._asking.seconds)
            self._unclaim(room)
            self._changed.wait_for(lambda: self._over, _BACKOFF_SECONDS)

    def _fail(self, error: PubsubError) -> None:
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    @property
    def _over(self) -> bool:
        return self._stopped or self._failure is not None

    def _keep(self) -> None:
        """Acknowledges, gives back, and extends leases until it is over."""
        while not self._over:
            try:
                self._settle()
            except Unanswered as error:
                _LOGGER.info("%s: leases could not be kept: %s", self._address.url, error)
                with self._changed:
                    self._changed.wait_for(lambda: self._over, _BACKOFF_SECONDS)
            except PubsubError as error:
                self._fail(error)
            with self._changed:
                self._changed.wait_for(lambda: self._over or self._done or self._unwanted, _KEEP_SECONDS)

    def _settle(self) -> None:
        with self._changed:
            due = self._leases.due(time.monotonic())
            self._drop_given_up()
            done, unwanted = self._done, self._unwanted
            self._done, self._unwanted = [], []
            ending = {id(lease) for lease in (*done, *unwanted)}
        try:
            # What is over in any case need not be extended before that.
            self._pulling.extend(_ids(lease for lease in due if id(lease) not in ending), self._lease_seconds)
            self._pulling.acknowledge(_ids(done))
            self._leases_end(done)
            done = []
            self._pulling.extend(_ids(unwanted), 0)
            self._leases_end(unwanted)
            unwanted = []
        finally:
            with self._changed:
                self._done += [lease for lease in done if not lease.given_up]
                self._unwanted += [lease for lease in unwanted if not lease.given_up]

    def _leases_end(self, leases: list[Lease]) -> None:
        with self._changed:
            self._leases.end(leases)
            self._changed.notify_all()

    def _drop_given_up(self) -> None:
        """Messages that were not taken in time come again, and may be anywhere meanwhile."""
        while self._buffer and self._buffer[0][1].given_up:
            pulled, _ = self._buffer.popleft()
            self._buffered -= len(pulled.ids)
            self._buffered_bytes -= pulled.size
            self._watermark.failed(self._asking.seconds)


def _ids(leases: Iterable[Lease]) -> list[str]:
    return [ack_id for lease in leases for ack_id in lease.ack_ids]
