"""Which messages say how far event time is: those that were published about when their events occurred."""

from collections import deque
from collections.abc import Iterable
from typing import Final

#: Pulls of which one message each is remembered: for how long after its event it was published.
_REMEMBERED: Final = 63


class Promptness:
    """Tells a producer that is far behind from a log of long ago: there, all messages are published long afterwards.

    Both times are the message's own, so that neither the time of reading nor what is waiting to be read changes the
    outcome. Safe for threads.

    >>> promptness = Promptness(lag=600_000_000)
    >>> promptness.is_usual
    False
    >>> promptness.saw(occurred=1_000_000, published=2_000_000)
    >>> promptness.is_usual
    True
    >>> promptness.holding([(1_000_000, 2_000_000), (0, 3_000_000_000)])
    1000000
    """

    def __init__(self, lag: int) -> None:
        """``lag``: µs after its event until which a message is published promptly."""
        self._lag = lag
        self._prompt: deque[bool] = deque(maxlen=_REMEMBERED)

    def saw(self, occurred: int, published: int) -> None:
        """One message of a pull, with the times (µs) of its event and its publishing."""
        self._prompt.append(published - occurred <= self._lag)

    @property
    def is_usual(self) -> bool:
        """Whether most of the messages are prompt."""
        return 2 * sum(self._prompt) > len(self._prompt)

    def holding(self, times: Iterable[tuple[int, int]]) -> int | None:
        """The earliest event among the prompt messages, (occurred, published) each, µs; None where there are none."""
        return min((occurred for occurred, published in times if published - occurred <= self._lag), default=None)
