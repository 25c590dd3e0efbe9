"""Early changes: what an event seems to change, until its tick confirms it or takes it back.

Settled state uses nothing of this. A provisional membership that its tick does not confirm is RETRACTED. Early changes
carry the subject's last settled sequence, and an index that counts from 1 for each such sequence.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool
from segmentation.expressions import Table
from segmentation.features.timeline import Span
from segmentation.membership.memberships import Step
from segmentation.membership.stepping import Decided


@dataclass(frozen=True)
class Claim:
    """A provisional membership (or its end), and the tick (µs) that decides on it.

    >>> Claim(member=True, due=60_000_000)
    Claim(member=True, due=60000000)
    """

    member: bool
    due: int


_NONE: Mapping[int, Claim] = {}


@dataclass(frozen=True)
class EarlyRow:
    """One early change of one user; ``segment`` is its position. ``at`` is µs.

    >>> row = EarlyRow(7, segment=0, action="ENTERED", at=5, early_index=1, sequence=0, memberships=np.array([True]))
    >>> bool(row.memberships[row.segment])
    True
    """

    user: int
    segment: int
    action: str
    at: int
    early_index: int
    sequence: int
    memberships: Bool


class Provisional:
    """The open claims of a shard's users. They are few: only users with events since the last tick have any.

    >>> provisional = Provisional()
    >>> none = np.array([0])
    >>> step = Step(before=np.array([[False]]), after=np.array([[True]]), again=none)
    >>> [row] = provisional.claim(np.array([7]), at=np.array([5]), due=np.array([60]), step=step, sequence=none)
    >>> row.action, row.early_index
    ('ENTERED', 1)
    >>> provisional.due(tick=60)
    {(7, 0): Claim(member=True, due=60)}
    """

    def __init__(self) -> None:
        #: By user, then by segment.
        self._claims: dict[int, dict[int, Claim]] = {}
        self._indices: dict[int, tuple[int, int]] = {}

    @property
    def open(self) -> bool:
        """Whether there is any claim."""
        return bool(self._claims)

    def claim(self, users: I64, at: I64, due: I64, step: Step, sequence: I64) -> list[EarlyRow]:
        """The early changes from what subscribers know to ``step.after``, the memberships that are now expected.

        ``step.before`` are the settled ones; ``at`` and ``due`` are µs. All arguments have a row per user.
        """
        settled, now = step.before, step.after
        known = settled.copy()
        names = users.tolist()
        for position, user in enumerate(names):
            for segment, claim in self._claims.get(user, _NONE).items():
                known[position, segment] = claim.member
        rows = []
        for position, segment in np.argwhere(known != now).tolist():
            user = names[position]
            member = bool(now[position, segment])
            known[position, segment] = member
            if member == bool(settled[position, segment]):
                self._drop(user, segment)
                action = "RETRACTED"
            else:
                self._claims.setdefault(user, {})[segment] = Claim(member, int(due[position]))
                action = "ENTERED" if member else "EXITED"
            last = int(sequence[position])
            index = self._next_index(user, last)
            rows.append(EarlyRow(user, segment, action, int(at[position]), index, last, known[position].copy()))
        return rows

    def due(self, tick: int) -> dict[tuple[int, int], Claim]:
        """Remove and return the claims, by (user, segment), whose tick (µs) has come."""
        due = {
            (user, segment): claim
            for user, claims in self._claims.items()
            for segment, claim in claims.items()
            if claim.due <= tick
        }
        for key in due:
            self._drop(*key)
        return due

    def waiting(self) -> list[int]:
        """The users with open claims."""
        return list(self._claims)

    def indices(self, users: I64, sequence: I64) -> I64:
        """The index of each user's last early change after the settled one numbered ``sequence``; 0: none."""
        found = zip(users.tolist(), sequence.tolist(), strict=True)
        indices = ((*self._indices.get(user, (number, 0)), number) for user, number in found)
        return np.array([index if last == number else 0 for last, index, number in indices], np.int64)

    def go_on(self, user: int, sequence: int, index: int) -> None:
        """Count the early changes of a user from ``index`` on."""
        self._indices[user] = (sequence, index)

    def retract(self, user: int, segment: int, tick: int, sequence: int, memberships: Bool) -> EarlyRow:
        """The change that takes a claim back."""
        index = self._next_index(user, sequence)
        return EarlyRow(user, segment, "RETRACTED", tick, index, sequence, memberships)

    def keep(self, places: I64) -> None:
        """Number users anew, by old number (-1: forget their claims; see `timeline.places_of`)."""
        numbers = dict(enumerate(places.tolist()))
        self._claims = {numbers[user]: own for user, own in self._claims.items() if numbers[user] >= 0}
        self._indices = {numbers[user]: own for user, own in self._indices.items() if numbers[user] >= 0}

    def join(self, other: Self, users: int) -> None:
        """Take in the claims of another shard, whose user 0 is user ``users`` here."""
        self._claims |= {user + users: own for user, own in other._claims.items()}
        self._indices |= {user + users: own for user, own in other._indices.items()}

    def _drop(self, user: int, segment: int) -> None:
        claims = self._claims[user]
        del claims[segment]
        if not claims:
            del self._claims[user]

    def _next_index(self, user: int, sequence: int) -> int:
        last, index = self._indices.get(user, (sequence, 0))
        index = index + 1 if last == sequence else 1
        self._indices[user] = (sequence, index)
        return index

    def tables(self) -> dict[str, pl.DataFrame]:
        """``claims`` (user, segment, member, due) and ``indices`` (user, sequence, index)."""
        claims = [
            (user, segment, claim.member, claim.due)
            for user, own in self._claims.items()
            for segment, claim in own.items()
        ]
        indices = [(user, *index) for user, index in self._indices.items()]
        kinds = {"user": pl.Int64, "segment": pl.Int64, "member": pl.Boolean, "due": pl.Int64}
        counters = {"user": pl.Int64, "sequence": pl.Int64, "index": pl.Int64}
        return {
            "claims": pl.DataFrame(claims, schema=kinds, orient="row"),
            "indices": pl.DataFrame(indices, schema=counters, orient="row"),
        }

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        claims, indices = tables["claims"], tables["indices"]
        self._claims = {}
        for user, segment, member, due in claims.iter_rows():
            self._claims.setdefault(user, {})[segment] = Claim(member, due)
        self._indices = {user: (sequence, index) for user, sequence, index in indices.iter_rows()}


@dataclass(frozen=True)
class EarlyRows:
    """The evidence of early changes: their rows in a table of features, and what each decided.

    >>> row = EarlyRow(7, 0, "ENTERED", at=5, early_index=1, sequence=0, memberships=np.array([True]))
    >>> claims_of([row], users=np.array([3, 7]), frame={}).rows.tolist()
    [1]
    """

    rows: I64
    segment: I64
    entered: Bool
    after: Bool
    frame: Table


def claims_of(early: list[EarlyRow], users: I64, frame: Table) -> EarlyRows:
    """The rows behind early changes; ``frame`` has a row for each of ``users``."""
    position = {user: row for row, user in enumerate(users.tolist())}
    return EarlyRows(
        rows=np.array([position[row.user] for row in early], np.int64),
        segment=np.array([row.segment for row in early], np.int64),
        entered=np.array([bool(row.memberships[row.segment]) for row in early]),
        after=np.array([row.memberships for row in early]),
        frame=frame,
    )


def unconfirmed(
    provisional: Provisional, decided: list[Decided], before: Bool, span: Span, sequence: I64
) -> list[EarlyRow]:
    """The retractions of claims that are due in ``span`` and that the ``decided`` memberships do not confirm.

    ``before`` are the memberships before the span, ``sequence`` the last sequence numbers before it.
    """
    rows = []
    due = provisional.due(span.end)
    places = [{user: row for row, user in enumerate(each.users.tolist())} for each in decided] if due else []
    for (user, segment), claim in due.items():
        index = (claim.due - span.settled) // span.tick
        member = before[user]
        for each, place in zip(decided, places, strict=True):
            if each.index <= index and user in place:
                member = each.after[place[user]]
        if bool(member[segment]) != claim.member:
            rows.append(provisional.retract(user, segment, claim.due, int(sequence[user]), member))
    return rows


def early_change_id(subject_id: str, segment: str, row: EarlyRow) -> str:
    """The id of an early change; no settled change has the same."""
    parts = (subject_id, segment, row.action, str(row.at), "early", str(row.sequence), str(row.early_index))
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]
