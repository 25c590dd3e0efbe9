"""Who is in which segment: the step from one tick to the next.

A user who is not a member enters if the segment's ``when`` is TRUE. A member stays while ``until`` is FALSE (without
``until``: while ``when`` is TRUE), and in any case until ``min_dwell`` has passed since it entered. In an exclusive
group only the highest priority among the segments that hold counts. ``in_segment`` reads what the same tick decided, so
segments are evaluated in an order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool
from segmentation.columns.growing import grown
from segmentation.membership.conditions import CompiledSegment, Conditions


@dataclass(frozen=True)
class Step:
    """What one tick decided for some users. Shapes: (users, segments).

    >>> step = Step(before=np.array([[True]]), after=np.array([[True]]), again=np.array([120_000_000]))
    >>> (step.before != step.after).any(axis=1).tolist()  # no change, but the dwell ends at 120 s
    [False]
    """

    before: Bool
    after: Bool
    #: The tick (µs) at which a user must be looked at again although nothing changes; 0: none. Shape: (users,).
    again: I64


class Memberships:
    """Memberships of all users of a shard and since when they hold (µs). Shapes: (users, segments).

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> rules = parse_rules(text + "segments: {busy: {when: clicks >= 2}}}", "rules.yaml")
    >>> memberships = Memberships(Conditions(rules))
    >>> memberships.grow(2)
    >>> users = np.array([0, 1])
    >>> step = memberships.decide(users, results=np.array([[False], [True]]), tick=60)
    >>> memberships.apply(users, step, tick=60)
    >>> memberships.member.tolist(), memberships.since.tolist()
    ([[False], [True]], [[0], [60]])
    """

    def __init__(self, conditions: Conditions) -> None:
        self._tick = conditions.rules.tick
        self._compiled = conditions.segments
        self._independent, self._units = _evaluation_order(conditions)
        count = len(self._compiled)
        self.member = np.zeros((0, count), np.bool_)
        self.since = np.zeros((0, count), np.int64)
        self._dwell = np.array([compiled.segment.min_dwell for compiled in self._compiled], np.int64)
        self._enter = np.array([compiled.enter for compiled in self._compiled], np.int64)
        self._stay = np.array([compiled.stay for compiled in self._compiled], np.int64)

    def tables(self) -> dict[str, pl.DataFrame]:
        """``member`` and ``since`` (µs): a column per segment by its position, a row per user."""
        return {"member": _as_table(self.member), "since": _as_table(self.since)}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        columns = [str(compiled.position) for compiled in self._compiled]
        self.member, self.since = (
            np.column_stack([tables[name][column].to_numpy() for column in columns]) for name in ("member", "since")
        )

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self.member, self.since = grown(self.member, users, False), grown(self.since, users, 0)

    def keep(self, rows: I64) -> None:
        """Keep these users only, row ``rows[i]`` as row ``i``."""
        self.member, self.since = self.member[rows], self.since[rows]

    def join(self, other: Self) -> None:
        """Take in the users of another shard behind the own ones."""
        self.member = np.concatenate([self.member, other.member])
        self.since = np.concatenate([self.since, other.since])

    def decide(self, users: I64, results: Bool, tick: int | I64, ended: Bool | None = None) -> Step:
        """What ``tick`` (µs, one for all or one for each) decides for ``users``.

        ``results`` are rows of `Conditions.evaluate`, one per user. The memberships of users who are ``ended`` count no
        longer, whatever their dwell. The state does not change: see `apply`.
        """
        before = self.member[users]
        member = before if ended is None else before & ~ended[:, None]
        now = np.reshape(tick, (-1, 1))
        dwelling = member & (now - self.since[users] < self._dwell)
        after, enter, stay = np.zeros_like(before), np.zeros_like(before), np.zeros_like(before)
        simple = self._independent
        if len(simple):
            enter[:, simple], stay[:, simple] = results[:, self._enter[simple]], results[:, self._stay[simple]]
            held = member[:, simple]
            after[:, simple] = (held & (stay[:, simple] | dwelling[:, simple])) | (~held & enter[:, simple])
        for unit in self._units:
            taken = np.zeros(len(users), np.bool_)
            for compiled in unit:
                position = compiled.position
                entering, staying = _picked(compiled, results, after)
                held = member[:, position]
                holds = (held & (staying | dwelling[:, position])) | (~held & entering)
                after[:, position] = holds & ~taken
                taken |= holds
                enter[:, position], stay[:, position] = entering, staying
        since = np.where(after & ~member, now, self.since[users])
        return Step(before, after, self._again(before, after, enter, stay, since, now))

    def apply(self, users: I64, step: Step, tick: int) -> None:
        """Make a step the memberships that hold."""
        since = self.since[users]
        since[step.after & ~step.before] = tick
        self.since[users] = since
        self.member[users] = step.after

    def waiting(self, results: Bool, tick: int) -> I64:
        """For every user the tick (µs) after ``tick`` at which to look again although nothing changes; 0: none.

        It uses the state alone, so it works after a restart; some of the users will turn out not to change.
        """
        enter, stay = np.zeros_like(self.member), np.zeros_like(self.member)
        for compiled in self._compiled:
            enter[:, compiled.position], stay[:, compiled.position] = _picked(compiled, results, self.member)
        return self._again(~self.member, self.member, enter, stay, self.since, np.full((1, 1), tick))

    def _again(self, before: Bool, after: Bool, enter: Bool, stay: Bool, since: I64, now: I64) -> I64:
        """A member that only its dwell keeps is due when the dwell ends. A user who left although ``when`` is TRUE (as
        ``until`` is) is due at the next tick."""
        bound, left = after & ~stay, before & ~after & enter
        if not bound.any() and not left.any():
            return np.zeros(len(after), np.int64)
        following = now + self._tick
        released = np.maximum(-(-(since + self._dwell) // self._tick) * self._tick, following)
        never = np.iinfo(np.int64).max
        due = np.where(bound, released, never).min(axis=1, initial=never)
        due = np.where(left.any(axis=1), following[:, 0], due)
        return np.where(due == never, 0, due)


def _as_table(values: Bool | I64) -> pl.DataFrame:
    return pl.DataFrame({str(position): values[:, position] for position in range(values.shape[1])})


def _picked(compiled: CompiledSegment, results: Bool, after: Bool) -> tuple[Bool, Bool]:
    """The results (enter, stay) for the combination of other segments that this tick decided."""
    if not compiled.reads:
        return results[:, compiled.enter], results[:, compiled.stay]
    combination = after[:, list(compiled.reads)] @ (1 << np.arange(len(compiled.reads)))
    rows = np.arange(len(results))
    return results[rows, compiled.enter + combination], results[rows, compiled.stay + combination]


def _evaluation_order(conditions: Conditions) -> tuple[I64, list[list[CompiledSegment]]]:
    """The segments that depend on no other (decided together), then the other units in order, groups by priority."""
    compiled = {each.segment.name: each for each in conditions.segments}
    independent, units = [], []
    for names in conditions.rules.order:
        unit = [compiled[name] for name in names]
        if len(unit) == 1 and not unit[0].reads:
            independent.append(unit[0].position)
        else:
            units.append(sorted(unit, key=lambda each: -(each.segment.priority or 0)))
    return np.array(independent, np.int64), units
