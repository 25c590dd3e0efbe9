"""Why a condition holds: the values that it compares, and with what."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from segmentation.expressions import nodes
from segmentation.expressions.evaluation import FLIPPED
from segmentation.expressions.nodes import Expression, Node, Type
from segmentation.expressions.rendering import render, threshold_text

ThresholdValue: TypeAlias = nodes.Value | tuple[nodes.Value, ...]


@dataclass(frozen=True)
class EvidenceTerm:
    """One comparison of a condition.

    ``name`` is the operand's text and ``node`` gives it from the feature table (INTERVAL and TIMESTAMP in microseconds:
    see ``type``). ``threshold`` is the literal as text (``24h``, a JSON array for IN) or the text of
    what else stands there, ``threshold_value`` the literal itself (microseconds for an interval, the values for IN),
    None without one. For in_segment('x') ``segment`` is x, the operator is empty, and the
    caller, who knows the memberships, adds the value.

    >>> from segmentation.expressions.checking import parse
    >>> [term.name for term in evidence_terms(parse("in_segment('a') OR NOT in_segment('b')", {}, ("a", "b")))]
    ['in_segment(a)', 'in_segment(b)']
    """

    name: str
    operator: str
    threshold: str | None
    node: Node = field(compare=False)
    threshold_value: ThresholdValue | None
    type: Type
    segment: str | None = None


def evidence_terms(expression: Expression) -> tuple[EvidenceTerm, ...]:
    """Every different comparison, IN and IS NULL of a feature and every in_segment(), in order of appearance."""
    return tuple(dict.fromkeys(_terms(expression.root, negated=False)))


def _terms(node: Node, negated: bool) -> list[EvidenceTerm]:
    terms: list[EvidenceTerm] = []
    match node:
        case nodes.InSegment():
            terms = [EvidenceTerm(f"in_segment({node.segment})", "", None, node, None, Type.BOOLEAN, node.segment)]
        case nodes.Comparison():
            terms = [
                *_term(node.left, node.operator, node.right),
                *_term(node.right, FLIPPED[node.operator], node.left),
            ]
        case nodes.In():
            terms = _in_term(node, "NOT IN" if negated else "IN")
        case nodes.IsNull() if _has_evidence(node.operand):
            operator = "IS NOT NULL" if negated else "IS NULL"
            terms = [_evidence(node.operand, operator, None, None)]
    below = [term for child in nodes.children(node) for term in _terms(child, negated=isinstance(node, nodes.Not))]
    return terms + below


def _term(operand: Node, operator: str, other: Node) -> list[EvidenceTerm]:
    if not _has_evidence(operand):
        return []
    if isinstance(other, nodes.Literal):
        return [_evidence(operand, operator, threshold_text(other), _plain(other.value))]
    return [_evidence(operand, operator, render(other), None)]


def _in_term(node: nodes.In, operator: str) -> list[EvidenceTerm]:
    if not _has_evidence(node.operand):
        return []
    values = tuple(_plain(value.value) for value in node.values)
    texts = tuple(threshold_text(value) for value in node.values)
    shown = texts if node.operand.type is Type.INTERVAL else values
    return [_evidence(node.operand, operator, json.dumps(shown, ensure_ascii=False), values)]


def _evidence(operand: Node, operator: str, threshold: str | None, value: ThresholdValue | None) -> EvidenceTerm:
    return EvidenceTerm(render(operand), operator, threshold, operand, value, operand.type)


def _plain(value: nodes.Value) -> nodes.Value:
    return float(value) if isinstance(value, Decimal) else value


def _has_evidence(operand: Node) -> bool:
    """Whether the operand can be computed from the feature table alone, and says something about the user."""
    below = nodes.walk(operand)
    reads = any(isinstance(node, nodes.FeatureColumn | nodes.Percentile | nodes.HoursSince) for node in below)
    return reads and not any(isinstance(node, nodes.InSegment) for node in below)
