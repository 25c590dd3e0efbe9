"""Why a user changed: for every comparison of the condition that decided, the measured value and the threshold."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool
from segmentation.expressions import EvidenceTerm, Expression, Table, columns_read, evidence_terms, value_of
from segmentation.expressions.nodes import Type
from segmentation.membership.conditions import Conditions
from segmentation.units import HOUR, MINUTE, SECOND, format_duration


class Evidence:
    """The evidence of all segments of a rules file: of ``when`` for entering, of ``until`` for leaving if there is one.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> rules = parse_rules(text + "segments: {busy: {when: clicks >= 2}}}", "rules.yaml")
    >>> from segmentation.expressions import Values
    >>> texts = Evidence(Conditions(rules)).texts(
    ...     keys=np.array([0]), segment=np.array([0]), entered=np.array([True]), after=np.array([[True]]),
    ...     frame=lambda keys, wanted: {"clicks": Values(np.array([7])[keys])},
    ... )
    >>> texts.to_list()
    ['[{"feature":"clicks","operator":">=","value":7,"threshold":"2"}]']
    """

    def __init__(self, conditions: Conditions) -> None:
        self._positions = conditions.positions
        #: By position: of leaving and of entering.
        self._deciding = [
            (_Deciding.of(compiled.segment.until or compiled.segment.when), _Deciding.of(compiled.segment.when))
            for compiled in conditions.segments
        ]
        self._rivals = _rivals(conditions)
        after = conditions.rules.forget_after
        self._forget_after = None if after is None else format_duration(after)

    def texts(
        self,
        keys: I64,
        segment: I64,
        entered: Bool,
        after: Bool,
        frame: Callable[[I64, frozenset[str]], Table],
    ) -> pl.Series:
        """A JSON array of objects (feature, operator, value, threshold) for each change.

        ``frame`` gives the columns of the feature table at some keys; ``after`` are the memberships after the tick.
        """
        result = [""] * len(keys)
        kinds = segment * 2 + entered
        for kind in np.unique(kinds).tolist():
            position, action = divmod(kind, 2)
            rows = np.flatnonzero(kinds == kind)
            deciding = self._deciding[position][action]
            objects = self._comparisons(deciding, frame(keys[rows], deciding.columns), after[rows])
            if not action and position in self._rivals:
                winners = self._winners(position, after[rows])
                objects = [(*some, winner) if winner else some for some, winner in zip(objects, winners, strict=True)]
            for row, some in zip(rows.tolist(), objects, strict=True):
                result[row] = f"[{','.join(some)}]"
        return pl.Series(result, dtype=pl.String)

    def forgotten(self, texts: pl.Series, idle: I64) -> pl.Series:
        """In the place of conditions, for users who had been idle (µs, above 0) for so long that they are forgotten:
        that."""
        head, tail = _around("forget_after", ">=", self._forget_after)
        rows = np.flatnonzero(idle)
        told = [f"[{head}{_interval(micros)}{tail}]" for micros in idle[rows].tolist()]
        return texts.scatter(rows, told) if len(rows) else texts

    def _comparisons(self, deciding: "_Deciding", table: Table, after: Bool) -> list[tuple[str, ...]]:
        """By row an object for each comparison of the condition."""
        columns = []
        for term, head, tail in deciding.terms:
            if term.segment is not None:
                values = _json_texts(after[:, self._positions[term.segment]].tolist(), Type.BOOLEAN)
            else:
                values = _json_texts(value_of(term.node, table, {}).to_list(len(after)), term.type)
            columns.append([head + value + tail for value in values])
        return list(zip(*columns, strict=True)) if columns else [()] * len(after)

    def _winners(self, position: int, after: Bool) -> list[str | None]:
        """An object with the group's other segment that the user is in now, if any: its priority may have decided."""
        group, rivals = self._rivals[position]
        texts: list[str | None] = []
        for name, _ in rivals:
            head, tail = _around(f"group({group})", "=", None)
            texts.append(head + _quoted(name) + tail)
        members = after[:, [rival for _, rival in rivals]]
        winner = np.where(members.any(axis=1), members.argmax(axis=1), len(rivals))
        return [[*texts, None][each] for each in winner.tolist()]


@dataclass(frozen=True)
class _Deciding:
    """The comparisons of one condition, each with the text around its value, and the columns that they read."""

    terms: list[tuple[EvidenceTerm, str, str]]
    columns: frozenset[str]

    @classmethod
    def of(cls, condition: Expression) -> "_Deciding":
        terms = [(term, *_around(term.name, term.operator, term.threshold)) for term in evidence_terms(condition)]
        return cls(terms, columns_read(condition))


def _rivals(conditions: Conditions) -> dict[int, tuple[str, list[tuple[str, int]]]]:
    """By the position of a segment in a group: the group, and name and position of the group's other members."""
    groups: dict[str, list[tuple[str, int]]] = {}
    for compiled in conditions.segments:
        if compiled.segment.group is not None:
            groups.setdefault(compiled.segment.group, []).append((compiled.segment.name, compiled.position))
    return {
        position: (group, [member for member in members if member[1] != position])
        for group, members in groups.items()
        for _, position in members
        if len(members) > 1
    }


def _around(name: str, operator: str, threshold: str | None) -> tuple[str, str]:
    """An object's text before and after the value."""
    last = "null" if threshold is None else _quoted(threshold)
    return f'{{"feature":{_quoted(name)},"operator":{_quoted(operator)},"value":', f',"threshold":{last}}}'


def _json_texts(values: list[object], kind: Type) -> list[str]:
    """The measured values as JSON: times in ISO 8601, intervals as 26h5m0.25s, all else as it is."""
    write = _WRITERS[kind]
    if kind in (Type.DECIMAL, Type.DOUBLE):
        return ["null" if value is None else write(value) for value in values]
    # Often the same few values, so each is written once. Not floats: 0.0 and -0.0 are equal but written differently.
    texts = {value: "null" if value is None else write(value) for value in set(values)}
    return [texts[value] for value in values]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _time(micros: int) -> str:
    return f'"{np.datetime64(micros, "us")}Z"'


def _interval(micros: int) -> str:
    length = abs(micros)
    hours, minutes, seconds = length // HOUR, length % HOUR // MINUTE, length % MINUTE // SECOND
    # The digits themselves: a division could round.
    fraction = f"{length % SECOND:06}".rstrip("0")
    return f'"{"-" if micros < 0 else ""}{hours}h{minutes}m{seconds}{"." if fraction else ""}{fraction}s"'


def _double(value: float) -> str:
    """The shortest digits that read back as the same number; an exponent from 1e16 and below 1e-5 on."""
    if not math.isfinite(value):
        return "null"
    digits, _, exponent = repr(value).partition("e")
    if not exponent:
        return digits
    if exponent == "-05":
        return ("-" if value < 0 else "") + "0.0000" + digits.lstrip("-").replace(".", "")
    return f"{digits}e{exponent[0]}{exponent[1:].lstrip('0')}"


_WRITERS: dict[Type, Callable[..., str]] = {
    Type.BOOLEAN: lambda value: "true" if value else "false",
    Type.INTEGER: str,
    Type.DECIMAL: _double,
    Type.DOUBLE: _double,
    Type.STRING: _quoted,
    Type.TIMESTAMP: _time,
    Type.INTERVAL: _interval,
}
