"""What Dataflow can't run, or can't update later, found in a graph before it is sent there."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2 as api

__all__ = ["GraphSize", "problems", "size_of"]

_PAR_DO: Final = common_urns.primitives.PAR_DO.urn
_GROUP: Final = common_urns.primitives.GROUP_BY_KEY.urn
_KV: Final = common_urns.coders.KV.urn
_DOCKER: Final = common_urns.environments.DOCKER.urn
#: Coders of keys whose bytes are the same on every worker, whatever made the key.
_EXACT: Final = frozenset(
    coder.urn for coder in (common_urns.coders.VARINT, common_urns.coders.BYTES, common_urns.coders.STRING_UTF8)
)
_READ: Final = "beam:transform:pubsub_read:v1"


@dataclass(frozen=True)
class GraphSize:
    """What a graph is made of."""

    steps: int  #: that do something themselves
    stateful: int
    sources: int  #: of Dataflow's own


def problems(pipeline: api.Pipeline) -> list[str]:
    """Everything in the graph that Dataflow would refuse, drop silently, or not find again after an update."""
    found: list[str] = []
    parts = pipeline.components
    for name, payload, part in _par_dos(pipeline):
        if payload.state_specs or payload.timer_family_specs:
            found += _stateful(name, payload, part, parts)
        if payload.requests_finalization:
            found.append(f"{name}: finalizes bundles, which is for the source of another runner")
    for part in _steps(pipeline):
        if part.spec.urn == _GROUP:
            (source,) = part.inputs.values()
            found += _key(part.unique_name, source, parts)
    return [*found, *_whole(pipeline), *_environments(parts)]


def size_of(pipeline: api.Pipeline) -> GraphSize:
    """How large the graph is."""
    steps = [part for part in _steps(pipeline) if not part.subtransforms]
    stateful = [name for name, payload, _ in _par_dos(pipeline) if payload.state_specs]
    return GraphSize(len(steps), len(stateful), sum(part.spec.urn == _READ for part in steps))


def _stateful(name: str, payload: api.ParDoPayload, part: api.PTransform, parts: api.Components) -> Iterator[str]:
    if payload.side_inputs:
        yield f"{name}: a side input reaches a step with state"
    if not payload.state_specs:
        yield f"{name}: a timer without state"
    if not payload.timer_family_specs:
        yield f"{name}: state without a timer that would ever settle it"
    if any(spec.time_domain != api.TimeDomain.EVENT_TIME for spec in payload.timer_family_specs.values()):
        yield f"{name}: a timer that doesn't go by event time"
    (tag,) = set(part.inputs) - set(payload.side_inputs) - set(payload.timer_family_specs)
    yield from _key(name, part.inputs[tag], parts)


def _key(name: str, collection: str, parts: api.Components) -> Iterator[str]:
    coder = parts.coders[parts.pcollections[collection].coder_id]
    if coder.spec.urn != _KV:
        yield f"{name}: its input has no keys"
    elif parts.coders[coder.component_coder_ids[0]].spec.urn not in _EXACT:
        yield f"{name}: the bytes of its keys may differ from worker to worker"


def _whole(pipeline: api.Pipeline) -> Iterator[str]:
    if not any(part.spec.urn == _READ for part in _steps(pipeline)):
        yield "no source of Dataflow's own reads Pub/Sub"
    if not any(each.is_bounded == api.IsBounded.UNBOUNDED for each in pipeline.components.pcollections.values()):
        yield "no input without an end"
    names = Counter(part.unique_name for part in _steps(pipeline))
    yield from (f"{name}: two steps have this name" for name in sorted(names) if names[name] > 1)


def _environments(parts: api.Components) -> Iterator[str]:
    for environment in parts.environments.values():
        if environment.urn != _DOCKER:
            yield f"{environment.urn}: workers run in containers only"
        if environment.dependencies:
            yield "files are staged for the workers; all they need has to be in their image"


def _steps(pipeline: api.Pipeline) -> list[api.PTransform]:
    return list(pipeline.components.transforms.values())


def _par_dos(pipeline: api.Pipeline) -> Iterator[tuple[str, api.ParDoPayload, api.PTransform]]:
    for part in _steps(pipeline):
        if part.spec.urn == _PAR_DO:
            yield part.unique_name, api.ParDoPayload.FromString(part.spec.payload), part
