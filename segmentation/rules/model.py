"""The rules that a run follows: frozen, validated, and free of the file they came from. Times are in microseconds."""

from collections.abc import Mapping
from dataclasses import dataclass

from segmentation.expressions.nodes import Expression
from segmentation.features.kind import Feature


@dataclass(frozen=True)
class Segment:
    """Who is in: enters when ``when`` is TRUE, stays while ``until`` is FALSE (without it: while ``when`` is TRUE).

    >>> from segmentation.expressions.checking import parse
    >>> Segment("everyone", parse("TRUE", {}, [])).min_dwell
    0
    """

    name: str
    when: Expression
    until: Expression | None = None
    min_dwell: int = 0
    group: str | None = None
    priority: int | None = None
    flag: str | None = None


@dataclass(frozen=True)
class Rules:
    """A validated rules file.

    ``segments`` keeps the order of the file. ``order`` is the order of evaluation: units of names (the members of one
    group together by descending priority, any other segment alone), each after the units that its conditions name.
    ``fingerprint`` is the SHA-256 (hex) of the canonical content: equal for files that mean the same.
    ``forget_after`` is how long after their latest event users are forgotten; None: never.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, features: {n: {kind: rolling_count, window: 1d, every: 1h}}, segments: {x: {when: n > 9}}}"
    >>> rules = parse_rules(text, "rules.yaml")
    >>> rules.features["n"].name, rules.segments["x"].when.text, rules.order
    ('n', 'n > 9', (('x',),))
    """

    version: int
    tick: int
    population_minimum: int
    features: Mapping[str, Feature]
    segments: Mapping[str, Segment]
    order: tuple[tuple[str, ...], ...]
    fingerprint: str
    forget_after: int | None = None
