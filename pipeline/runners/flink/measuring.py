"""The pipeline's own numbers, out of Flink's metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pipeline.runners.flink.rest import FlinkRest, Vertex

#: How Flink writes a counter of ours: what precedes the first dot of its name.
PREFIX: Final = "segments_"
#: Gauge of the last settled tick, in ms since the epoch; the shards settle alike.
SETTLED_TICK: Final = "settled_tick"
#: Gauges of the source: for how long (ms) event time has stood still, and the partition that holds it (-1: none).
HELD: Final = "event_time_held_ms"
HOLDER: Final = "event_time_holder"
_GAUGES: Final = (SETTLED_TICK, HELD, HOLDER)
_INPUT: Final = "currentInputWatermark"
_OUTPUT: Final = "currentOutputWatermark"
#: Flink's watermark before anything came, and after everything did; Beam's are a little narrower.
_BEGINNING: Final = -(10**15)
_END: Final = 9 * 10**15


@dataclass(frozen=True)
class Measured:
    """Numbers of one moment, summed over all workers since the job (re)started.

    ``counters`` by name as the pipeline has it; ``watermarks`` are ms since the epoch by vertex, None where no time
    has come yet (a vertex for which all time has passed is left out); ``settled`` is the last settled tick in ms,
    None where no shard has settled one since; ``held`` is for how many ms event time has stood still in a reader,
    ``holder`` the partition that holds it, where all readers name the same.
    """

    counters: dict[str, int] = field(default_factory=dict)
    watermarks: dict[str, int | None] = field(default_factory=dict)
    settled: int | None = None
    held: int | None = None
    holder: int | None = None

    @property
    def watermark(self) -> int | None:
        """The least of the watermarks: what the slowest part of the job has seen."""
        known = [time for time in self.watermarks.values() if time is not None]
        return min(known) if known and len(known) == len(self.watermarks) else None

    def total(self, name: str) -> int:
        """A counter, or the sum of the counters below it (``changes`` = all ``changes_…``)."""
        return sum(n for key, n in self.counters.items() if key == name or key.startswith(f"{name}_"))

    def below(self, name: str) -> dict[str, int]:
        """The counters below a name, by what comes after it."""
        return {
            key.removeprefix(f"{name}_"): n for key, n in sorted(self.counters.items()) if key.startswith(f"{name}_")
        }


def measure(rest: FlinkRest, job: str, vertices: Iterable[Vertex]) -> Measured:
    """The numbers of now, as old as the cluster's ``metrics.fetcher.update-interval`` lets them be.

    Raises:
        FlinkError: Flink doesn't answer.
    """
    counters: dict[str, int] = {}
    watermarks: dict[str, int | None] = {}
    gauges: dict[str, list[int]] = {name: [] for name in _GAUGES}
    for vertex in vertices:
        names = rest.metric_names(job, vertex.id)
        own = [name for name in names if _own(name) is not None]
        for name, value in rest.metrics(job, vertex.id, [name for name in own if _own(name) not in _GAUGES]).items():
            counter = _own(name) or name
            counters[counter] = counters.get(counter, 0) + int(value)
        for gauge, aggregate in ((SETTLED_TICK, "max"), (HELD, "max"), (HOLDER, "max"), (HOLDER, "min")):
            names_of = [name for name in own if _own(name) == gauge]
            gauges[gauge] += [int(value) for value in rest.metrics(job, vertex.id, names_of, aggregate).values()]
        watermark = _watermark(rest, job, vertex, names)
        if watermark is None or watermark < _END:
            watermarks[vertex.name] = watermark
    holders = set(gauges[HOLDER])
    return Measured(
        counters,
        watermarks,
        max(gauges[SETTLED_TICK], default=None),
        max(gauges[HELD], default=None),
        holders.pop() if len(holders) == 1 else None,
    )


def _own(name: str) -> str | None:
    """``[2]{Track}.segments_accepted`` -> ``accepted``."""
    metric = name.rpartition(".")[2]
    return metric.removeprefix(PREFIX) if metric.startswith(PREFIX) else None


def _watermark(rest: FlinkRest, job: str, vertex: Vertex, names: list[str]) -> int | None:
    """What a vertex has seen; of a source, which has no input, what it says itself."""
    times = rest.watermarks(job, vertex.id)
    if not times:
        said = [name for name in names if name.endswith(f".{_OUTPUT}")]
        times = [int(value) for value in rest.metrics(job, vertex.id, said, "min").values()]
    least = min(times, default=None)
    return least if least is not None and least > _BEGINNING else None


def rates(earlier: Measured, later: Measured, seconds: float) -> Mapping[str, float]:
    """How many records were read and accepted and changes sent in a second, between two moments."""
    return {name: max(0, later.total(name) - earlier.total(name)) / seconds for name in ("read", "accepted", "changes")}
