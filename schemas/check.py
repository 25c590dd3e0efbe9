"""Does a record fit its schema? Stricter than fastavro's writer, which takes integers of any size and rounds some."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from schemas.errors import SchemaError
from schemas.registry import load_schema

_Fits = Callable[[Any], str | None]
"""None where the value fits; else what is wrong, with the place inside the value first."""


def check_record(name: str, record: Mapping[str, Any]) -> None:
    """Refuse a record that is not exactly of the current schema ``name``; every field must be there.

    >>> check_record("profile", {"subject_id": 7})
    Traceback (most recent call last):
    schemas.errors.SchemaError: profile: missing fields ['as_of', 'features', ...], unknown fields []

    Raises:
        SchemaError: a field is missing, unknown, of another type or out of range; the message names it.
    """
    problem = _checker(name)(record)
    if problem is not None:
        raise SchemaError(f"{name}{problem}")


@cache
def _checker(name: str) -> _Fits:
    return _compile(load_schema(name))


def _compile(schema: Any) -> _Fits:
    if isinstance(schema, list):
        return _union([_compile(branch) for branch in schema], schema)
    if isinstance(schema, str):
        return _PRIMITIVES[schema]
    kind = schema["type"]
    if kind == "record":
        return _record({field["name"]: _compile(field["type"]) for field in schema["fields"]})
    if kind == "array":
        return _array(_compile(schema["items"]))
    if kind == "map":
        return _map(_compile(schema["values"]))
    if kind == "enum":
        symbols = frozenset(schema["symbols"])
        listed = f"one of {', '.join(schema['symbols'])}"
        return lambda value: None if isinstance(value, str) and value in symbols else _expected(listed, value)
    return _compile(kind)


def _record(fields: dict[str, _Fits]) -> _Fits:
    def fits(value: Any) -> str | None:
        if not isinstance(value, Mapping):
            return _expected("a record", value)
        if value.keys() != fields.keys():
            missing, unknown = sorted(fields.keys() - value.keys()), sorted(map(str, value.keys() - fields.keys()))
            return f": missing fields {missing}, unknown fields {unknown}"
        for name, check in fields.items():
            problem = check(value[name])
            if problem is not None:
                return f".{name}{problem}"
        return None

    return fits


def _array(item: _Fits) -> _Fits:
    def fits(value: Any) -> str | None:
        if not isinstance(value, list | tuple):
            return _expected("an array", value)
        for index, part in enumerate(value):
            problem = item(part)
            if problem is not None:
                return f"[{index}]{problem}"
        return None

    return fits


def _map(item: _Fits) -> _Fits:
    def fits(value: Any) -> str | None:
        if not isinstance(value, Mapping):
            return _expected("a map", value)
        for key, part in value.items():
            if not isinstance(key, str):
                return _expected("a text as key", key)
            problem = item(part)
            if problem is not None:
                return f"[{key!r}]{problem}"
        return None

    return fits


def _union(branches: list[_Fits], schema: list[Any]) -> _Fits:
    listed = " or ".join(branch if isinstance(branch, str) else str(branch["type"]) for branch in schema)

    def fits(value: Any) -> str | None:
        return None if any(check(value) is None for check in branches) else _expected(listed, value)

    return fits


def _whole(bits: int) -> _Fits:
    limit = 1 << (bits - 1)

    def fits(value: Any) -> str | None:
        if isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit:
            return None
        return _expected(f"an integer of {bits} bits", value)

    return fits


def _of(kind: type, listed: str) -> _Fits:
    return lambda value: None if isinstance(value, kind) else _expected(listed, value)


def _expected(what: str, value: Any) -> str:
    # Values may be personal: the type says enough.
    return f": expected {what}, found {type(value).__name__}"


_PRIMITIVES: dict[str, _Fits] = {
    "null": _of(type(None), "null"),
    "boolean": _of(bool, "a boolean"),
    "int": _whole(32),
    "long": _whole(64),
    "float": _of(float, "a number"),
    "double": _of(float, "a number"),
    "bytes": _of(bytes, "bytes"),
    "string": _of(str, "a text"),
}
