"""How a foreign log reads as events: what `mapping.yaml` says, checked and frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from transforms.raw_chunk import Format

Unit = Literal["s", "ms", "us", "ns"]


@dataclass(frozen=True)
class LogColumn:
    """A column of the log; ``values`` replaces the values that it names and leaves the others as they are."""

    column: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Constant:
    """The same value for every record."""

    value: str


@dataclass(frozen=True)
class LogTime:
    """A column of times: numbers in ``unit`` since the epoch, texts in ``format``, or else as in native events."""

    column: str
    unit: Unit | None = None
    format: str | None = None  #: strptime directives
    zone: str = "UTC"  #: of texts that name none; the earlier of two where a local time occurs twice


FieldSource = LogColumn | Constant


@dataclass(frozen=True)
class EventMapping:
    """A foreign log as events.

    >>> mapping = EventMapping("csv", LogColumn("who"), Constant("visit"), LogTime("when", unit="s"))
    >>> mapping.columns(), mapping.numbers_repeats
    (('who', 'when'), True)
    """

    format: Format
    user_id: FieldSource
    name: FieldSource
    occurred_at: LogTime
    event_id: FieldSource | None = None  #: None: an id from the content of the record and its repetitions in its file
    properties: Mapping[str, FieldSource] = field(default_factory=dict)  #: name in events → where it comes from
    delimiter: str = ","
    quote: str | None = '"'  #: None: quotes are characters like any other

    @property
    def numbers_repeats(self) -> bool:
        """Whether reading has to count identical records of a file, because events get their ids from their content."""
        return self.event_id is None

    def columns(self) -> tuple[str, ...]:
        """Every column of the log that is read, each once."""
        sources = [self.event_id, self.user_id, self.name, *self.properties.values()]
        named = [source.column for source in sources if isinstance(source, LogColumn)]
        return tuple(dict.fromkeys([*named, self.occurred_at.column]))


def native_csv(header: tuple[str, ...]) -> EventMapping:
    """What a CSV file without a mapping means: the fields of an event by their names, other columns its properties."""
    fields = ("event_id", "user_id", "name", "occurred_at", "source")
    return EventMapping(
        format="csv",
        event_id=LogColumn("event_id"),
        user_id=LogColumn("user_id"),
        name=LogColumn("name"),
        occurred_at=LogTime("occurred_at"),
        properties={name: LogColumn(name) for name in header if name not in fields},
    )
