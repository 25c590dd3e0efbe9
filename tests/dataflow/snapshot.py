"""The Dataflow graph in a form that people read and git compares. `python -m tests.dataflow.snapshot` renews it.

It has all that an update of a running job hangs on: the names of steps, their inputs and outputs, coders down to the
last component, state and timers, windows. Not in it: what the steps compute, and whatever Beam numbers by itself.
"""

import json
from pathlib import Path
from typing import Any

from apache_beam.coders.coders import deserialize_coder
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_runner_api_pb2 as api
from google.protobuf import json_format

from tests.dataflow.graphs import drafted

COMMITTED = Path(__file__).with_name("graph.json")
_PAR_DO = "beam:transform:pardo:v1"


def snapshot(graph: api.Pipeline) -> dict[str, Any]:
    """The graph as nested dictionaries, all of them by name."""
    parts = graph.components
    return {
        "steps": {
            part.unique_name: _step(part, parts)
            for part in parts.transforms.values()
            # The root has a number for a name.
            if not part.unique_name.startswith("ref_")
        },
        "collections": {each.unique_name: _collection(each, parts) for each in parts.pcollections.values()},
        "requirements": sorted(graph.requirements),
    }


def text_of(graph: api.Pipeline) -> str:
    """The same as text."""
    return json.dumps(snapshot(graph), indent=1, sort_keys=True) + "\n"


def current() -> api.Pipeline:
    """The graph as it is now, with all that a run may leave out."""
    return drafted().graph


def changes(old: Any, new: Any, place: str = "") -> list[str]:
    """What differs, a line for each place."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = [f"gone: {place}{key}" for key in sorted(old.keys() - new.keys())]
        found += [f"new: {place}{key}" for key in sorted(new.keys() - old.keys())]
        for key in sorted(old.keys() & new.keys()):
            found += changes(old[key], new[key], f"{place}{key} > ")
        return found
    return [] if old == new else [f"changed: {place.removesuffix(' > ')}: {old} is now {new}"]


def _step(part: api.PTransform, parts: api.Components) -> dict[str, Any]:
    step: dict[str, Any] = {
        "kind": part.spec.urn,
        "inputs": {tag: parts.pcollections[key].unique_name for tag, key in part.inputs.items()},
        "outputs": {tag: parts.pcollections[key].unique_name for tag, key in part.outputs.items()},
    }
    if part.spec.urn == _PAR_DO:
        payload = api.ParDoPayload.FromString(part.spec.payload)
        step["state"] = {name: _state(spec, parts) for name, spec in payload.state_specs.items()}
        step["timers"] = {
            name: {
                "coder": _coder(spec.timer_family_coder_id, parts),
                "time": api.TimeDomain.Enum.Name(spec.time_domain),
            }
            for name, spec in payload.timer_family_specs.items()
        }
        step["side_inputs"] = sorted(payload.side_inputs)
    return step


def _state(spec: api.StateSpec, parts: api.Components) -> dict[str, str]:
    kind = str(spec.WhichOneof("spec"))
    inner = getattr(spec, kind)
    coders = [field for field in type(inner).DESCRIPTOR.fields_by_name if field.endswith("coder_id")]
    return {"kind": kind, **{field: _coder(getattr(inner, field), parts) for field in coders}}


def _collection(collection: api.PCollection, parts: api.Components) -> dict[str, Any]:
    windows = parts.windowing_strategies[collection.windowing_strategy_id]
    shown = json_format.MessageToDict(windows)
    shown.pop("environmentId", None)
    shown["windowCoderId"] = _coder(windows.window_coder_id, parts)
    return {
        "bounded": collection.is_bounded == api.IsBounded.BOUNDED,
        "coder": _coder(collection.coder_id, parts),
        "windows": shown,
    }


def _coder(key: str, parts: api.Components) -> str:
    coder = parts.coders[key]
    if coder.spec.urn == python_urns.PICKLED_CODER:
        kind = type(deserialize_coder(coder.spec.payload))
        return f"{kind.__module__}.{kind.__qualname__}"
    inner = ", ".join(_coder(each, parts) for each in coder.component_coder_ids)
    payload = f" {coder.spec.payload.hex()}" if coder.spec.payload else ""
    return f"{coder.spec.urn}{payload}" + (f"({inner})" if inner else "")


if __name__ == "__main__":
    COMMITTED.write_text(text_of(current()), encoding="utf-8")
