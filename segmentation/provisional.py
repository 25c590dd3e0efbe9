"""Early changes: what an event seems to change at once, until its tick confirms it or takes it back.

Settled state never rests on any of this. A provisional membership that its tick does not confirm is RETRACTED; early
changes carry the subject's last settled sequence and count on from it with an index of their own.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.expressions import Table
from segmentation.features.timeline import I64, Bool, Span
from segmentation.membership import Step
from segmentation.stepping import Decided


@dataclass(frozen=True)
class Claim:
    """A provisional membership (or its end), and the tick (µs) that decides on it."""

    member: bool
    due: int


@dataclass(frozen=True)
class EarlyRow:
    """One early change of one user; ``segment`` is its position. ``at`` is µs."""

    user: int
    segment: int
    action: str
    at: int
    early_index: int
    sequence: int
    memberships: Bool


class Provisional:
    """The open claims of a shard's users. They are few: only users with events since the last tick have any."""

    def __init__(self) -> None:
        self._claims: dict[tuple[int, int], Claim] = {}
        self._indices: dict[int, tuple[int, int]] = {}

    @property
    def open(self) -> bool:
        """Whether there is any claim."""
        return bool(self._claims)

    def claim(self, users: I64, at: I64, due: I64, step: Step, sequence: I64) -> list[EarlyRow]:
        """What differs from what subscribers know, if ``step`` (from the settled to the presumed memberships) is
        right."""
        settled, now = step.before, step.after
        rows = []
        for position, user in enumerate(users.tolist()):
            known = settled[position].copy()
            for segment in range(settled.shape[1]):
                claim = self._claims.get((user, segment))
                if claim is not None:
                    known[segment] = claim.member
            for segment in np.flatnonzero(known != now[position]).tolist():
                member = bool(now[position, segment])
                known[segment] = member
                if member == bool(settled[position, segment]):
                    del self._claims[user, segment]
                    action = "RETRACTED"
                else:
                    self._claims[user, segment] = Claim(member, int(due[position]))
                    action = "ENTERED" if member else "EXITED"
                last = int(sequence[position])
                index = self._next_index(user, last)
                rows.append(EarlyRow(user, segment, action, int(at[position]), index, last, known.copy()))
        return rows

    def due(self, tick: int) -> dict[tuple[int, int], Claim]:
        """Remove and return the claims, by (user, segment), whose tick (µs) has come."""
        due = {key: claim for key, claim in self._claims.items() if claim.due <= tick}
        for key in due:
            del self._claims[key]
        return due

    def retract(self, user: int, segment: int, tick: int, sequence: int, memberships: Bool) -> EarlyRow:
        """The change that takes a claim back."""
        index = self._next_index(user, sequence)
        return EarlyRow(user, segment, "RETRACTED", tick, index, sequence, memberships)

    def _next_index(self, user: int, sequence: int) -> int:
        last, index = self._indices.get(user, (sequence, 0))
        index = index + 1 if last == sequence else 1
        self._indices[user] = (sequence, index)
        return index

    def tables(self) -> dict[str, pl.DataFrame]:
        """``claims`` (user, segment, member, due) and ``indices`` (user, sequence, index)."""
        claims = [(*key, claim.member, claim.due) for key, claim in self._claims.items()]
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
        self._claims = {(user, segment): Claim(member, due) for user, segment, member, due in claims.iter_rows()}
        self._indices = {user: (sequence, index) for user, sequence, index in indices.iter_rows()}


@dataclass(frozen=True)
class EarlyRows:
    """What early changes were seen to rest on: their rows in a table of features, and what each decided."""

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
    """Take back the claims of ticks in ``span`` that these did not confirm.

    ``before`` are the memberships before the span, ``sequence`` the last sequence numbers before it.
    """
    rows = []
    for (user, segment), claim in provisional.due(span.end).items():
        index = (claim.due - span.settled) // span.tick
        member = before[user].copy()
        for each in decided:
            if each.index <= index and user in each.users:
                member = each.after[np.flatnonzero(each.users == user)[0]]
        if bool(member[segment]) != claim.member:
            rows.append(provisional.retract(user, segment, claim.due, int(sequence[user]), member))
    return rows


def early_change_id(subject_id: str, segment: str, row: EarlyRow) -> str:
    """The id of an early change: never that of a settled one."""
    parts = (subject_id, segment, row.action, str(row.at), "early", str(row.sequence), str(row.early_index))
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]
