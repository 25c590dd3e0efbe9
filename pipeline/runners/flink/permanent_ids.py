"""Ids of a pipeline's parts that depend on their names alone.

Beam Python numbers transforms and collections in the order in which it meets them, and Flink keeps the ids of
transforms with their pending timers: a savepoint would be lost on a job in which any transform was added before them.
"""

from typing import Final

from apache_beam.portability.api import beam_runner_api_pb2

__all__ = ["with_permanent_ids"]

#: Marks ids made here, and keeps them apart from names that Flink makes of other parts.
_PREFIX: Final = "named:"


def with_permanent_ids(pipeline: beam_runner_api_pb2.Pipeline) -> beam_runner_api_pb2.Pipeline:
    """The same pipeline with every transform and collection called after its unique name.

    Where a name occurs twice (only foreign transforms do that) the parts keep their ids.
    """
    transforms = _new_ids({key: part.unique_name for key, part in pipeline.components.transforms.items()})
    collections = _new_ids({key: part.unique_name for key, part in pipeline.components.pcollections.items()})
    renamed = beam_runner_api_pb2.Pipeline()
    renamed.CopyFrom(pipeline)
    renamed.components.ClearField("transforms")
    renamed.components.ClearField("pcollections")
    for key, collection in pipeline.components.pcollections.items():
        renamed.components.pcollections[collections[key]].CopyFrom(collection)
    for key, transform in pipeline.components.transforms.items():
        copy = renamed.components.transforms[transforms[key]]
        copy.CopyFrom(transform)
        copy.subtransforms[:] = [transforms[child] for child in transform.subtransforms]
        for tags in (copy.inputs, copy.outputs):
            for tag, collection_id in list(tags.items()):
                tags[tag] = collections[collection_id]
    renamed.root_transform_ids[:] = [transforms[root] for root in pipeline.root_transform_ids]
    return renamed


def _new_ids(names: dict[str, str]) -> dict[str, str]:
    seen: dict[str, int] = {}
    for name in names.values():
        seen[name] = seen.get(name, 0) + 1
    return {key: _PREFIX + name if name and seen[name] == 1 else key for key, name in names.items()}
