"""Changes as records: their order, sequence, cause and evidence, and ids that are the same in every replay."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool
from segmentation.columns.growing import grown
from segmentation.expressions import Table, percentile_thresholds, segments_read
from segmentation.features.timeline import Span, Timeline, last_before, run_lengths, run_starts
from segmentation.identity.pseudonyms import Subjects, change_id
from segmentation.membership.conditions import Conditions
from segmentation.membership.evidence import Evidence
from segmentation.membership.provisional import EarlyRow, EarlyRows, early_change_id
from segmentation.membership.stepping import Decided
from segmentation.outputs.change_frame import CHANGE_COLUMNS
from segmentation.rules.model import Rules
from segmentation.rules.thresholds import merged_thresholds

_CAUSES = ("event", "population", "time")
_EMPTY = pl.DataFrame(
    schema={name: kind for name, kind in CHANGE_COLUMNS.items() if name not in ("emitted_at", "trace_context")}
)


@dataclass(frozen=True)
class ShardView:
    """What the change log asks its shard: the table of features at some keys, and whether other users moved there.

    >>> from segmentation.features.timeline import Updates
    >>> span = Span(settled=0, tick=60, count=2)
    >>> timeline = Timeline({}, Updates(np.empty(0, np.int64), {}), span.stride)
    >>> view = ShardView(timeline, span, lambda keys, wanted: {}, others_moved=lambda keys, feature: keys > 1)
    >>> view.others_moved(np.array([1, 2]), "clicks").tolist()
    [False, True]
    """

    timeline: Timeline
    span: Span
    frame: Callable[[I64, frozenset[str]], Table]
    #: (keys, feature) -> the percentile changed since the tick before although the user's own score did not.
    others_moved: Callable[[I64, str], Bool]
    #: keys -> for how long (µs) users who are forgotten had been idle, 0 for all others; None: nobody is forgotten.
    idle: Callable[[I64], I64] | None = None


class ChangeLog:
    """The sequence numbers and pseudonyms of a shard's subjects, and what makes the records of their changes.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> rules = parse_rules(text + "segments: {busy: {when: clicks >= 2}}}", "rules.yaml")
    >>> log = ChangeLog(rules, Conditions(rules), publish_key=bytes(32))
    >>> decided = Decided(index=1, users=np.array([0]), before=np.array([[False]]), after=np.array([[True]]))
    >>> log.membership_texts(decided.after).to_list(), log.sequences(1).tolist()
    (['["busy"]'], [0])
    """

    def __init__(self, rules: Rules, conditions: Conditions, publish_key: bytes) -> None:
        self._rules = rules
        self._names = np.array(list(rules.segments), np.object_)
        self._alphabetical = np.argsort(np.argsort(self._names))
        self._evidence = Evidence(conditions)
        self._reads = _percentiles_behind(rules)
        self._subjects = Subjects(publish_key)
        #: The text of each set of memberships (packed bits): there are far fewer such sets than users.
        self._texts: dict[bytes, str] = {}
        self.sequence = np.empty(0, np.int64)

    def changes(self, decided: list[Decided], users: list[bytes], view: ShardView) -> pl.DataFrame:
        """The records of what was decided, sorted by user and sequence."""
        if not decided:
            return empty()
        self.sequences(len(users))
        rows = _sorted_rows(decided, self._alphabetical)
        user, segment, entered = rows.user, rows.segment, rows.entered
        starts = run_starts(user)
        lengths = run_lengths(starts, len(user))
        rank = np.arange(len(user)) - np.repeat(starts, lengths)
        sequence = self.sequence[user] + rank + 1
        self.sequence[user[starts]] += lengths
        keys = view.span.keys(user, rows.index)
        ticks = view.span.settled + rows.index * view.span.tick
        subjects, names = self.subjects(users, user), self._names[segment].tolist()
        actions = ["ENTERED" if each else "EXITED" for each in entered.tolist()]
        cause, late = self._causes(keys, segment, view)
        evidence = self._evidence.texts(keys, segment, entered, rows.after, view.frame)
        if view.idle is not None:
            evidence = self._evidence.forgotten(evidence, view.idle(keys))
        ids = [change_id(*each) for each in zip(subjects, names, actions, ticks.tolist(), strict=True)]
        return pl.DataFrame(
            {
                "change_id": pl.Series(ids, dtype=pl.String),
                "subject_id": pl.Series(subjects, dtype=pl.String),
                "segment": pl.Series(names, dtype=pl.String),
                "action": pl.Series(actions, dtype=pl.String),
                "effective_at": pl.Series(ticks),
                "stage": pl.Series(["LATE" if each else "ON_TIME" for each in late.tolist()], dtype=pl.String),
                "cause": pl.Series([_CAUSES[each] for each in cause.tolist()], dtype=pl.String),
                "sequence": pl.Series(sequence),
                "early_index": pl.Series([None] * len(user), dtype=pl.Int64),
                "memberships": self.membership_texts(_after_each(rows)),
                "rules_version": pl.Series(np.full(len(user), self._rules.version, np.int64)),
                "evidence": evidence,
                "flags": pl.Series(["{}"] * len(user), dtype=pl.String),
            }
        )

    def early(self, rows: list[EarlyRow], users: list[bytes], seen: EarlyRows | None) -> pl.DataFrame:
        """The records of early changes. Without ``seen`` they are retractions: their cause is time, their evidence is
        empty."""
        if not rows:
            return empty()
        evidence = None
        if seen is not None:
            evidence = self._evidence.texts(
                seen.rows,
                seen.segment,
                seen.entered,
                seen.after,
                lambda keys, _: {name: values.take(keys) for name, values in seen.frame.items()},
            )
        subjects = self.subjects(users, np.array([row.user for row in rows], np.int64))
        names = [str(self._names[row.segment]) for row in rows]
        pairs = zip(subjects, names, rows, strict=True)
        columns = {
            "change_id": pl.Series([early_change_id(*each) for each in pairs], dtype=pl.String),
            "subject_id": pl.Series(subjects, dtype=pl.String),
            "segment": pl.Series(names, dtype=pl.String),
            "action": pl.Series([row.action for row in rows], dtype=pl.String),
            "effective_at": pl.Series([row.at for row in rows], dtype=pl.Int64),
            "stage": pl.Series(["EARLY"] * len(rows), dtype=pl.String),
            "cause": pl.Series(["time" if evidence is None else "event"] * len(rows), dtype=pl.String),
            "sequence": pl.Series([row.sequence for row in rows], dtype=pl.Int64),
            "early_index": pl.Series([row.early_index for row in rows], dtype=pl.Int64),
            "memberships": self.membership_texts(np.array([row.memberships for row in rows])),
            "rules_version": pl.Series([self._rules.version] * len(rows), dtype=pl.Int64),
            "evidence": evidence if evidence is not None else pl.Series(["[]"] * len(rows), dtype=pl.String),
            "flags": pl.Series(["{}"] * len(rows), dtype=pl.String),
        }
        return pl.DataFrame(columns, schema=empty().schema)

    def keep(self, rows: I64) -> None:
        """Keep these subjects only, row ``rows[i]`` as row ``i``; all users have a number."""
        self.sequence = self.sequence[rows]
        self._subjects.keep(rows)

    def join(self, other: Self) -> None:
        """Take in the subjects of another shard behind the own ones; all users of both have a number."""
        self.sequence = np.append(self.sequence, other.sequence)

    def sequences(self, users: int) -> I64:
        """The last sequence number of each of ``users`` subjects."""
        self.sequence = grown(self.sequence, users, 0)
        return self.sequence

    def meet(self, users: list[bytes], since: int) -> None:
        """Compute the pseudonyms of the new users, which are at ``since`` and after."""
        self._subjects.meet(users, since)

    def subjects(self, users: list[bytes], rows: I64) -> list[str]:
        """The published pseudonym of each row's user."""
        return self._subjects.of(users, rows)

    def membership_texts(self, member: Bool) -> pl.Series:
        """JSON arrays of the names of the segments in each row, by name."""
        packed = np.packbits(member, axis=1)
        data, width = packed.tobytes(), packed.shape[1]
        rows = [data[start : start + width] for start in range(0, len(data), width)]
        return pl.Series([self._texts.get(row) or self._membership_text(row) for row in rows], dtype=pl.String)

    def _membership_text(self, packed: bytes) -> str:
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=len(self._names)).astype(np.bool_)
        text = self._texts[packed] = json.dumps(sorted(self._names[bits]), separators=(",", ":"))
        return text

    def _causes(self, keys: I64, segment: I64, view: ShardView) -> tuple[I64, Bool]:
        """The first cause that applies (a position in `_CAUSES`), and whether a late event was among the tick's."""
        rows = view.timeline.changes
        source = last_before(rows.keys, keys, view.span.stride)
        fresh = np.flatnonzero(source >= 0)
        fresh = fresh[rows.keys[source[fresh]] == keys[fresh]]
        event, late = np.zeros(len(keys), np.bool_), np.zeros(len(keys), np.bool_)
        event[fresh], late[fresh] = rows.columns["event"][source[fresh]], rows.columns["late"][source[fresh]]
        population = np.zeros(len(keys), np.bool_)
        for feature, readers in self._reads.items():
            asked = np.flatnonzero(~event & readers[segment])
            if len(asked):
                population[asked] |= view.others_moved(keys[asked], feature)
        return np.where(event, 0, np.where(population, 1, 2)), late


def empty() -> pl.DataFrame:
    """No changes."""
    return _EMPTY


def joined(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """All changes of all parts."""
    some = [part for part in parts if len(part)]
    if len(some) < 2:
        return some[0] if some else empty()
    return pl.concat(some)


@dataclass(frozen=True)
class _Rows:
    """One row per change."""

    user: I64
    index: I64
    segment: I64
    entered: Bool
    before: Bool
    after: Bool


def _sorted_rows(decided: list[Decided], alphabetical: I64) -> _Rows:
    """A row per (user, tick, segment) that changed: by user and tick, exits first, then by segment name."""
    users = np.concatenate([each.users for each in decided])
    index = np.concatenate([np.full(len(each.users), each.index) for each in decided])
    before, after = np.concatenate([each.before for each in decided]), np.concatenate([each.after for each in decided])
    row, segment = np.nonzero(before != after)
    entered = after[row, segment]
    order = np.lexsort((alphabetical[segment], entered, index[row], users[row]))
    row, segment, entered = row[order], segment[order], entered[order]
    return _Rows(users[row], index[row], segment, entered, before[row], after[row])


def _after_each(rows: _Rows) -> Bool:
    """The memberships after each change. Before the last change of a tick they differ from those after the tick."""
    starts = run_starts(rows.user, rows.index)
    lengths = run_lengths(starts, len(rows.user))
    rank = np.arange(len(rows.user)) - np.repeat(starts, lengths)
    member = rows.before.copy()
    for step in range(int(lengths.max(initial=0))):
        # The step-th change of a tick holds for itself and for all that follow it in the same tick.
        position = np.repeat(starts, lengths) + step
        applies = rank >= step
        changed = position[applies]
        member[np.flatnonzero(applies), rows.segment[changed]] = rows.entered[changed]
    return member


def _percentiles_behind(rules: Rules) -> dict[str, Bool]:
    """By feature the segments that depend on its percentile, also by way of segments that they name or share a group
    with. Shape: (segments,)."""
    direct: dict[str, set[str]] = {}
    rivals: dict[str, set[str]] = {}
    for name, segment in rules.segments.items():
        conditions = [condition for condition in (segment.when, segment.until) if condition is not None]
        direct[name] = {feature for condition in conditions for feature in percentile_thresholds(condition)}
        rivals[name] = {other for condition in conditions for other in segments_read(condition)}
    for unit in rules.order:
        together = {feature for name in unit for feature in direct[name]}
        together |= {feature for name in unit for other in rivals[name] for feature in direct[other]}
        for name in unit:
            direct[name] = together
    return {
        feature: np.array([feature in direct[name] for name in rules.segments])
        for feature in merged_thresholds(rules, "percentile")
    }
