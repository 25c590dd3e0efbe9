"""The numbers of a run that has ended."""

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apache_beam.runners.runner import PipelineResult

    from pipeline.inputs import Inputs


@dataclass(frozen=True)
class Summary:
    """What a run did, in numbers. ``read`` = accepted + duplicate + all of dropped + all of dead_letter, in records."""

    read: int
    accepted: int
    duplicate: int
    dropped: dict[str, int]
    dead_letter: dict[str, int]
    changes: dict[str, int]
    users: int
    segments: dict[str, int]
    seconds: float
    late: int = 0
    #: The least score that reaches a percentile that a rule asks for, at the end: ``engagement>=80`` -> score.
    cut_scores: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """As JSON, indented."""
        return json.dumps(asdict(self), indent=2) + "\n"


def summary_of(result: "PipelineResult", inputs: "Inputs", seconds: float) -> Summary:
    """The numbers of a run that has ended."""
    from transforms.decode_events import NAMESPACE

    metrics = result.metrics().query()
    counts: dict[str, int] = {}
    for counter in metrics["counters"]:
        if counter.key.metric.namespace == NAMESPACE:
            counts[counter.key.metric.name] = counts.get(counter.key.metric.name, 0) + _value(counter)
    gauges = {gauge.key.metric.name: _value(gauge).value for gauge in metrics["gauges"]}
    return Summary(
        read=counts.get("read", 0),
        accepted=counts.get("accepted", 0),
        duplicate=counts.get("duplicate", 0),
        dropped=_group(counts, "dropped."),
        dead_letter=_group(counts, "dead_letter."),
        changes=_group(counts, "changes."),
        users=counts.get("users", 0),
        segments={name: counts.get(f"members.{name}", 0) for name in inputs.rules.segments},
        seconds=seconds,
        late=counts.get("late", 0),
        cut_scores=_group(gauges, "cut."),
    )


def _value(metric: Any) -> Any:
    """The committed value; some runners (Prism) report only attempted ones, which are the same where nothing is
    retried."""
    return metric.attempted if metric.committed is None else metric.committed


def _group(counts: dict[str, int], prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): counts[name] for name in sorted(counts) if name.startswith(prefix) and counts[name]
    }
