"""Moments in which the whole machine stood still, as virtual machines do: no time of the job's."""

import time

from tests.background import Background

#: Seconds between two looks at the clock, and how late one has to be before it counts: load alone makes it far less.
_STEP = 0.05
_LATE = 1.0


class Stalls(Background):
    """Notes, on a thread of its own, how long looks at the clock came late."""

    def __init__(self) -> None:
        super().__init__()
        self._found: list[tuple[float, float]] = []

    def between(self, start: float, end: float) -> float:
        """Seconds of stalls between two times of the epoch."""
        return sum(max(0.0, min(end, until) - max(start, since)) for since, until in self._found)

    def _work(self) -> None:
        before = time.time()
        while not self._stop.wait(_STEP):
            now = time.time()
            if now - before > _STEP + _LATE:
                self._found.append((before + _STEP, now))
            before = now
