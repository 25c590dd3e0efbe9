"""Can a reader with one Avro schema read what a writer with another has written? By Avro's own library.

That passes over logical types, as the encoding does; here they have to agree too.
"""

import json
from collections.abc import Iterator
from typing import Any

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

#: Keys of an Avro schema whose values are schemas, beside the fields of a record.
PARTS = ("type", "items", "values")


def problems(reader: Any, writer: Any) -> list[str]:
    """Why ``reader`` can't read what ``writer`` writes, with the places; empty if it can."""
    found = ReaderWriterCompatibilityChecker().get_compatibility(
        *(parse(json.dumps(each)) for each in (reader, writer))
    )
    said = []
    if found.compatibility is not SchemaCompatibilityType.compatible:
        said = [
            f"{kind.name}: {', '.join(found.messages)} at {', '.join(found.locations)}"
            for kind in found.incompatibilities
        ]
    new, old = dict(_times(reader)), dict(_times(writer))
    return said + [
        f"{place}: logical type {old[place]} became {new[place]}"
        for place in new.keys() & old.keys()
        if new[place] != old[place]
    ]


def _times(schema: Any, place: str = "") -> Iterator[tuple[str, str | None]]:
    """The place of every long, with its logical type."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _times(branch, place)
    elif schema == "long":
        yield place, None
    elif isinstance(schema, dict) and schema["type"] == "long":
        yield place, schema.get("logicalType")
    elif isinstance(schema, dict):
        for field in schema.get("fields", ()):
            yield from _times(field["type"], f"{place}.{field['name']}")
        for key in PARTS:
            if not isinstance(schema.get(key, ""), str):
                yield from _times(schema[key], f"{place}.{key}")
