"""Rules as plain values: what makes two of them mean the same, whatever their files look like."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from segmentation.expressions.nodes import Expression
from segmentation.expressions.rendering import render
from segmentation.features.kind import Feature
from segmentation.rules.model import Segment


def canonical_text(value: object) -> str:
    """JSON values as a text that is the same wherever they are equal.

    >>> canonical_text({"b": (1, 2), "a": None})
    '{"a":null,"b":[1,2]}'
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def canonical_feature(feature: Feature) -> dict[str, object]:
    """A feature's kind and settings, times in µs."""
    return {"kind": feature.kind, **asdict(feature)}


def canonical_segment(segment: Segment) -> dict[str, object]:
    """A segment's conditions, spelled in one way, and its settings, times in µs."""

    def text(expression: Expression | None) -> str | None:
        return None if expression is None else render(expression.root)

    plain = {key: getattr(segment, key) for key in ("min_dwell", "group", "priority", "flag")}
    return {"when": text(segment.when), "until": text(segment.until), **plain}


def fingerprint_of(
    version: int,
    tick: int,
    minimum: int,
    forget_after: int | None,
    features: Mapping[str, Feature],
    segments: Mapping[str, Segment],
) -> str:
    """`Rules.fingerprint` of rules with this content."""
    content: dict[str, object] = {
        "version": version,
        "tick": tick,
        "population_minimum": minimum,
        "features": {name: canonical_feature(feature) for name, feature in features.items()},
        "segments": {name: canonical_segment(segment) for name, segment in segments.items()},
    }
    if forget_after is not None:
        content["forget_after"] = forget_after
    return hashlib.sha256(canonical_text(content).encode()).hexdigest()
