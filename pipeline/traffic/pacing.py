"""Writing no faster than a rate of lines per second."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Pacer:
    """Holds a writer back to ``rate`` lines per second; None lets it run.

    The clock and the sleep are passed in, both in seconds.
    """

    rate: float | None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _begun: float | None = field(default=None, init=False)

    def piece_size(self, most: int) -> int:
        """Lines to write at once: about a tenth of a second's worth, at most ``most``."""
        return most if self.rate is None else max(1, min(most, int(self.rate / 10)))

    def wait_for(self, line: int) -> None:
        """Called before line number ``line`` (from 0) is written: waits until it is due."""
        if self.rate is None:
            return
        now = self.clock()
        if self._begun is None:
            self._begun = now
        ahead = self._begun + line / self.rate - now
        if ahead > 0:
            self.sleep(ahead)
