"""Event time of a stream whose messages can be missing for a while: no earlier than all that is still on its way."""

from collections import deque
from collections.abc import Callable
from typing import Final

#: Before all times, µs.
BEGINNING: Final = -(2**62)


class Stopwatch:
    """Adds up the seconds in which at least one of several things was going on."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` tells seconds and never goes back."""
        self._clock = clock
        self._running = 0
        self._since = self._before = 0.0

    def start(self) -> None:
        """One more begins."""
        if not self._running:
            self._since = self._clock()
        self._running += 1

    def stop(self) -> None:
        """One ends."""
        self._running -= 1
        if not self._running:
            self._before += self._clock() - self._since

    @property
    def seconds(self) -> float:
        """The sum up to now."""
        return self._before + (self._clock() - self._since if self._running else 0.0)


class HeldWatermark:
    """The least of what was seen in the last ``hold`` seconds of wall time; never goes back.

    A message that was handed out and got lost on its way (an answer that never came, a process that ended) comes again
    after its lease, and with it the messages that were pulled beside it: whatever came shortly before and after was
    about as old. So each look at the stream says how old it is at that moment, and only what *all* looks of the last
    ``hold`` seconds agree on is event time. A look that failed, and the beginning, agree on nothing new.

    Wall times are seconds in which the subscription was being asked (`Stopwatch`): what comes again while it is not
    asked is still missing. They are given by the caller and never decrease; event times are µs.
    """

    def __init__(self, hold: float, now: float, value: int = BEGINNING) -> None:
        """``value`` is what event time is known to have reached."""
        self._hold = hold
        self.restart(now, value)

    def restart(self, now: float, value: int = BEGINNING) -> None:
        """Begin anew from ``value``, after a failure that took back what had been read."""
        #: (wall time, event time) of looks, both ascending: a later and lesser one makes those before it needless.
        self._looks: deque[tuple[float, int]] = deque()
        self._value = value
        self._latest = value
        self.failed(now)

    def received(self, now: float, earliest: int | None, latest: int) -> None:
        """Messages came, with these extreme event times; ``earliest`` is None where all of them are far behind.

        What comes first after a silence counts for no more than the silence: a message before it may be missing.
        """
        self._look(now, self._latest if earliest is None else min(earliest, self._latest))
        self._latest = max(self._latest, latest)

    def idle(self, now: float) -> None:
        """The subscription had nothing to give."""
        self._look(now, self._latest)

    def failed(self, now: float) -> None:
        """It is not known what there was: messages may have been lost on their way."""
        self._look(now, BEGINNING)

    def value(self, now: float) -> int:
        """Event time; `BEGINNING` where none is known yet."""
        looks = self._looks
        while looks and looks[0][0] < now - self._hold:
            looks.popleft()
        if looks:
            self._value = max(self._value, looks[0][1])
        return self._value

    def _look(self, now: float, seen: int) -> None:
        looks = self._looks
        while looks and looks[-1][1] >= seen:
            looks.pop()
        looks.append((now, seen))
