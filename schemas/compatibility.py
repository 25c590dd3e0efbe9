"""Can a reader with one Avro schema read what a writer with another has written? The specification's schema resolution.

Stricter in two points: every branch of a writer's union has to be readable, not only the one that happens to be
written, and logical types have to agree, since fingerprints and resolution pass over them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Any

_PROMOTIONS: Final[Mapping[str, frozenset[str]]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}
_NAMED: Final = ("record", "enum", "fixed")


def problems(reader: Schema, writer: Schema) -> list[str]:
    """Why ``reader`` can't read what ``writer`` writes, a line for each place; empty if it can."""
    return _Resolution(reader, writer).find()


class _Resolution:
    def __init__(self, reader: Schema, writer: Schema) -> None:
        self._reader, self._writer = reader, writer
        self._readers = dict(_named_types(reader, ""))
        self._writers = dict(_named_types(writer, ""))
        self._seen: set[tuple[str, str]] = set()

    def find(self) -> list[str]:
        return list(self._compare(self._reader, self._writer, "schema"))

    def _compare(self, reader: Schema, writer: Schema, at: str) -> Iterator[str]:
        reader, writer = _lookup(reader, self._readers), _lookup(writer, self._writers)
        if isinstance(writer, list):
            for branch in writer:
                yield from self._compare(reader, branch, at)
        elif isinstance(reader, list):
            if all(self._fails(branch, writer) for branch in reader):
                yield f"{at}: no branch of the reader's union reads {_kind(writer)}"
        elif _kind(reader) != _kind(writer):
            if _kind(reader) not in _PROMOTIONS.get(_kind(writer), ()):
                yield f"{at}: {_kind(writer)} became {_kind(reader)}"
        else:
            yield from self._compare_same(reader, writer, at)
        if not isinstance(writer, list) and not isinstance(reader, list):
            yield from _compare_logical(reader, writer, at)

    def _fails(self, reader: Schema, writer: Schema) -> bool:
        # On its own, for a branch that is refused must not count as seen.
        trial = _Resolution(self._reader, self._writer)
        trial._seen = set(self._seen)
        return next(trial._compare(reader, writer, ""), None) is not None

    def _compare_same(self, reader: Schema, writer: Schema, at: str) -> Iterator[str]:
        kind = _kind(reader)
        if kind == "array":
            yield from self._compare(reader["items"], writer["items"], f"{at}[]")
        elif kind == "map":
            yield from self._compare(reader["values"], writer["values"], f"{at}{{}}")
        elif kind in _NAMED:
            if _short(reader["name"]) != _short(writer["name"]):
                yield f"{at}: {kind} {writer['name']} became {reader['name']}"
            elif kind == "record":
                yield from self._compare_records(reader, writer, at)
            elif kind == "enum":
                yield from _compare_enums(reader, writer, at)
            elif reader["size"] != writer["size"]:
                yield f"{at}: fixed({writer['size']}) became fixed({reader['size']})"

    def _compare_records(self, reader: Schema, writer: Schema, at: str) -> Iterator[str]:
        pair = (reader["name"], writer["name"])
        if pair in self._seen:
            return
        self._seen.add(pair)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            place = f"{at}.{field['name']}"
            names = [name for name in (field["name"], *field.get("aliases", ())) if name in written]
            if names:
                yield from self._compare(field["type"], written[names[0]]["type"], place)
            elif "default" not in field:
                yield f"{place}: the writer has no such field, and the reader no default"


def _compare_enums(reader: Schema, writer: Schema, at: str) -> Iterator[str]:
    removed = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
    if removed and "default" not in reader:
        yield f"{at}: the reader lacks the symbols {', '.join(removed)} and has no default symbol"


def _compare_logical(reader: Schema, writer: Schema, at: str) -> Iterator[str]:
    new, old = _logical(reader), _logical(writer)
    if new != old:
        yield f"{at}: logical type {old} became {new}"


def _named_types(schema: Schema, namespace: str) -> Iterator[tuple[str, Schema]]:
    """Every record, enum and fixed of a schema by full name and, for references, by short name."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _named_types(branch, namespace)
    elif isinstance(schema, Mapping):
        if schema["type"] in _NAMED:
            namespace = schema.get("namespace", namespace)
            name = schema["name"]
            yield _short(name), schema
            yield (name if "." in name else f"{namespace}.{name}"), schema
        parts = [field["type"] for field in schema.get("fields", ())]
        parts += [schema[key] for key in ("items", "values") if key in schema]
        if not isinstance(schema["type"], str):
            parts.append(schema["type"])
        for part in parts:
            yield from _named_types(part, namespace)


def _lookup(schema: Schema, named: Mapping[str, Schema]) -> Schema:
    if isinstance(schema, str):
        return named.get(schema, schema)
    if isinstance(schema, Mapping) and not isinstance(schema["type"], str):
        return _lookup(schema["type"], named)
    return schema


def _kind(schema: Schema) -> str:
    return str(schema if isinstance(schema, str) else schema["type"])


def _logical(schema: Schema) -> str | None:
    return schema.get("logicalType") if isinstance(schema, Mapping) else None


def _short(name: str) -> str:
    return name.rpartition(".")[2]
