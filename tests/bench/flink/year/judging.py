"""Whether the changes that came are those that had to come: ids and every column, each once."""

import hashlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from schemas.codec import decode_single_object
from segmentation.identity.pseudonyms import Keys, Pseudonymizer, subject_ids
from tests.acceptance.comparing import Settled
from tests.bench.flink.year.expected import ACTIONS, SEGMENTS, Changes, expected_changes
from tests.bench.flink.year.lines import user_name
from tests.bench.flink.year.plan import Plan

#: What a settled change is compared by, beside its id: user, segment, action, tick, sequence, memberships.
Row = tuple[int, int, int, int, int, int]
_COLUMNS: Final = 6
_ID_BYTES: Final = 16
_SHOWN: Final = 3


class Judge:
    """Knows all users of a plan by their pseudonyms."""

    def __init__(self, plan: Plan, keys: Keys) -> None:
        """``keys`` are those of the job."""
        self.plan = plan
        names = map(user_name, range(plan.users))
        self.subjects = subject_ids(keys.publish, Pseudonymizer(keys).internals(names))
        self.users = {subject: user for user, subject in enumerate(self.subjects)}
        self.bits = {name: 1 << place for place, name in enumerate(SEGMENTS)}
        self._expected: Changes | None = None

    @property
    def expected(self) -> Changes:
        """What has to come; computed when it is first asked for."""
        if self._expected is None:
            self._expected = expected_changes(self.plan)
        return self._expected

    def expected_as_settled(self) -> Iterator[Settled]:
        """The same as the tests of the product have it."""
        ids = self.ids_of(self.expected)
        for change_id, row in zip(ids, _rows(self.expected).tolist(), strict=True):
            user, segment, action, tick, sequence, mask = row
            inside = tuple(name for name in SEGMENTS if mask & self.bits[name])
            subject = self.subjects[user]
            yield Settled(change_id.hex(), subject, SEGMENTS[segment], ACTIONS[action], tick, sequence, inside)

    def ids_of(self, changes: Changes) -> list[bytes]:
        """The id of each change, as 16 bytes."""
        columns = (changes.user, changes.segment, changes.action, changes.tick)
        return [
            _id(f"{self.subjects[user]}|{SEGMENTS[segment]}|{ACTIONS[action]}|{tick}")
            for user, segment, action, tick in zip(*(column.tolist() for column in columns), strict=True)
        ]

    def row_of(self, change: Mapping[str, Any]) -> Row:
        """What a settled change says; KeyError and ValueError where it names what the plan doesn't have."""
        mask = sum(self.bits[name] for name in change["memberships"])
        places = SEGMENTS.index(change["segment"]), ACTIONS.index(change["action"])
        return (self.users[change["subject_id"]], *places, change["effective_at"], change["sequence"], mask)


@dataclass(frozen=True)
class Verdict:
    """How what came differs from what had to come."""

    expected: int
    #: Settled changes that came, repeats aside, and how many repeats there were.
    came: int
    repeats: int
    missing: int
    #: Ids that had not to come.
    extra: int
    #: Ids that had to come, but with other columns; also repeats that say another thing than the first.
    different: int
    #: Settled changes that are no ON_TIME ones, or of another version of the rules.
    odd: int
    #: A few of each kind, for people.
    examples: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether nothing is missing, invented or different."""
        return not (self.missing or self.extra or self.different or self.odd)


@dataclass
class Came:
    """Settled changes as they come from the topic; early ones are counted."""

    judge: Judge
    early: int = 0
    repeats: int = 0
    odd: list[str] = field(default_factory=list)
    _seen: dict[bytes, int] = field(default_factory=dict)
    #: Rows one after another: Python's tuples of five million changes would take gigabytes.
    _rows: "array[int]" = field(default_factory=lambda: array("q"))
    _different: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._rows) // _COLUMNS

    def take(self, message: bytes) -> dict[str, Any]:
        """Counts a message of the topic of changes in, and gives what it says."""
        change = decode_single_object("segment_change", message)
        if change["stage"] == "EARLY":
            self.early += 1
            return change
        if change["stage"] != "ON_TIME" or change["rules_version"] != 1:
            self.odd.append(f"{change['stage']}, rules {change['rules_version']}: {change['change_id']}")
        try:
            row = self.judge.row_of(change)
        except (KeyError, ValueError) as error:
            self.odd.append(f"{error!r}: {change}")
            return change
        known = self._seen.setdefault(bytes.fromhex(change["change_id"]), len(self))
        if known == len(self):
            self._rows.extend(row)
            return change
        self.repeats += 1
        first = tuple(self._rows[known * _COLUMNS : (known + 1) * _COLUMNS])
        if first != row:
            self._different.append(f"{change['change_id']}: {first}, repeated as {row}")
        return change

    def verdict(self) -> Verdict:
        """What there is to say when all of it came."""
        wanted = self.judge.expected
        ids, rows = self.judge.ids_of(wanted), _rows(wanted)
        places = np.fromiter((self._seen.get(each, -1) for each in ids), np.int64, len(ids))
        found = np.array(self._rows, np.int64).reshape(-1, _COLUMNS)
        missing = np.flatnonzero(places < 0)
        there = np.flatnonzero(places >= 0)
        other = there[(found[places[there]] != rows[there]).any(axis=1)]
        extra = np.setdiff1d(np.arange(len(found)), places[there])
        examples = [f"missing {rows[at].tolist()}" for at in missing[:_SHOWN]]
        examples += [f"extra {found[at].tolist()}" for at in extra[:_SHOWN]]
        examples += [f"expected {rows[at].tolist()}, found {found[places[at]].tolist()}" for at in other[:_SHOWN]]
        examples += [*self._different[:_SHOWN], *self.odd[:_SHOWN]]
        different = len(other) + len(self._different)
        counts = (len(missing), len(extra), different, len(self.odd))
        return Verdict(len(ids), len(found), self.repeats, *counts, tuple(examples))


def _rows(changes: Changes) -> npt.NDArray[np.int64]:
    columns = ("user", "segment", "action", "tick", "sequence", "memberships")
    return np.column_stack([getattr(changes, name) for name in columns])


def _id(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:_ID_BYTES]
