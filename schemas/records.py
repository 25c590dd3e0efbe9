"""Wire types ↔ plain records: the dictionaries, field for field of the Avro schema, that every encoding carries."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, TypeVar

from schemas.errors import SchemaError
from schemas.types import AuditRecord, DeadLetter, Event, Evidence, Profile, Record, SegmentChange

R = TypeVar("R", bound=Record)

#: Type → name of its schema.
SCHEMA_OF: Final[Mapping[type[Record], str]] = {
    Event: "event",
    SegmentChange: "segment_change",
    Profile: "profile",
    DeadLetter: "dead_letter",
    AuditRecord: "audit_record",
}

_NAMES: Final = {kind: tuple(part.name for part in fields(kind)) for kind in (*SCHEMA_OF, Evidence)}


def to_record(value: Record) -> dict[str, Any]:
    """The plain record of a wire type; shares no mutable part with it.

    >>> to_record(Event("e1", "u1", "signup", occurred_at=0))["occurred_at"]
    0
    """
    return {name: _plain(getattr(value, name)) for name in _NAMES[type(value)]}


def from_record(kind: type[R], record: Mapping[str, Any]) -> R:
    """The wire type of a plain record that a codec of this package gave.

    >>> record = to_record(Event("e1", "u1", "signup", occurred_at=0))
    >>> from_record(Event, record).name
    'signup'

    Raises:
        SchemaError: the record has other fields than the type.
    """
    values = {name: _frozen(name, part) for name, part in record.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise SchemaError(f"{kind.__name__}: {error}") from None


def _plain(part: Any) -> Any:
    if isinstance(part, tuple):
        return [_plain(item) for item in part]
    if isinstance(part, Evidence):
        return {name: getattr(part, name) for name in _NAMES[Evidence]}
    if isinstance(part, Mapping):
        return dict(part)
    return part


def _frozen(name: str, part: Any) -> Any:
    if name == "evidence":
        return tuple(Evidence(**item) for item in part)
    return tuple(part) if isinstance(part, list) else part
