"""What becomes of messages between their pull and their acknowledgement. No client and no clock in here.

A message may be acknowledged once the work on it is *durable*: contained in what the runner goes back to after a crash.
Runners tell that by finalizing bundles. But Flink finalizes, at a checkpoint's end, also the bundles that ran after the
checkpoint's barrier, which are not in it; they are in the next one. So a finalized bundle counts as durable when a
bundle is finalized that *began* after that. And a position that reading resumes from tells exactly which bundles the
runner kept: what came after it is given back at once.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(slots=True, eq=False)
class Lease:
    """Messages of one pull: they are ours until ``ends`` (seconds of the caller's clock)."""

    ack_ids: list[str]
    pulled_at: float
    ends: float
    given_up: bool = False  #: no longer extended; the messages come again


class Leases:
    """All leases that are kept. Times are seconds of one clock that never goes back."""

    def __init__(self, seconds: float, patience: float) -> None:
        """A lease lasts ``seconds`` and is extended for at most ``patience``, then given up."""
        self._seconds = seconds
        self._patience = patience
        self._kept: dict[int, Lease] = {}
        #: Messages under all leases.
        self.messages = 0

    def add(self, ack_ids: list[str], now: float) -> Lease:
        """Keep what was just pulled."""
        lease = Lease(ack_ids, now, now + self._seconds)
        self._kept[id(lease)] = lease
        self.messages += len(ack_ids)
        return lease

    def end(self, leases: Iterable[Lease]) -> None:
        """Keep these no longer."""
        for lease in leases:
            if self._kept.pop(id(lease), None) is not None:
                self.messages -= len(lease.ack_ids)

    def due(self, now: float) -> list[Lease]:
        """Those to be extended now, as half of their time has passed; those that are too old are given up."""
        old = [lease for lease in self._kept.values() if now - lease.pulled_at > self._patience]
        for lease in old:
            lease.given_up = True
        self.end(old)
        found = [lease for lease in self._kept.values() if lease.ends - now <= self._seconds / 2]
        for lease in found:
            lease.ends = now + self._seconds
        return found


class Verdict(NamedTuple):
    """What is to be done with messages."""

    acknowledge: list[Lease]
    give_back: list[Lease]


@dataclass(slots=True)
class _Bundle:
    number: int
    finalizations: int  #: how many had happened when it began
    leases: list[Lease] = field(default_factory=list)
    finalized: int = 0  #: how many finalizations there were with its own; 0 before


class Deliveries:
    """The bundles of one reader in their order, from their beginning until their messages are acknowledged."""

    def __init__(self) -> None:
        self._bundles: deque[_Bundle] = deque()
        self._finalizations = 0
        self._last = 0

    @property
    def pending(self) -> bool:
        """Whether messages wait for a verdict, so that bundles have to be finalized."""
        return any(not lease.given_up for bundle in self._bundles for lease in bundle.leases)

    def begin(self) -> int:
        """The number of a bundle that begins: one more than the last."""
        if not self.pending:
            self._bundles.clear()
        self._last += 1
        self._bundles.append(_Bundle(self._last, self._finalizations))
        return self._last

    def hand(self, number: int, leases: Iterable[Lease]) -> None:
        """The bundle, the last one begun, is given these messages."""
        bundle = self._bundles[-1]
        if bundle.number != number:
            raise ValueError(f"bundle {number} isn't the last one, which is {bundle.number}")
        bundle.leases.extend(leases)

    def finalized(self, number: int) -> list[Lease]:
        """The runner finalized a bundle; what can be acknowledged now."""
        begun = next((bundle for bundle in self._bundles if bundle.number == number), None)
        if begun is None:
            return []
        numbers = [each.number for each in self._bundles if 0 < each.finalized <= begun.finalizations]
        self._finalizations += 1
        begun.finalized = self._finalizations
        # A bundle goes on where the one before it ended, so a runner that kept one kept all before it.
        return self._take(max(numbers, default=0))

    def resumed(self, number: int) -> Verdict:
        """Reading goes on after bundle ``number``: later ones never happened, and it and those before it are kept.

        Where it is the last one, nothing is decided: the runner may still go back to an earlier one.
        """
        if number >= self._last:
            return Verdict([], [])
        kept = self._take(number)
        undone = self._take(self._last)
        return Verdict(kept, undone)

    def _take(self, number: int) -> list[Lease]:
        """The leases of all bundles up to ``number``, which are over."""
        leases: list[Lease] = []
        while self._bundles and self._bundles[0].number <= number:
            leases += self._bundles.popleft().leases
        return leases
