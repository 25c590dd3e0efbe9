"""How a kind reads its keys from the rules file: each call reads one key, and reports what is wrong with it."""

from collections.abc import Mapping, Sequence

from ruamel.yaml.nodes import Node, SequenceNode

from segmentation.documents.reader import Entry, Reader

#: Events that steer the pipeline itself; they never count in any feature.
RESERVED_EVENTS = frozenset({"consent", "erase", "heartbeat", "identify"})


class KeyReader:
    """The keys of one mapping of a rules file: of a feature, or of a part of one.

    A key that is absent reads as None, like one with an error; whether a key may be absent is checked elsewhere.

    >>> from segmentation.documents.reader import Reader
    >>> from segmentation.documents.yaml import compose
    >>> text = "window: 1d"
    >>> reader = Reader(text, "rules.yaml")
    >>> keys = KeyReader(reader, reader.mapping(compose(text, "rules.yaml"), "the feature"))
    >>> keys.duration("window"), keys.text("property")
    (86400000000, None)
    """

    def __init__(self, reader: Reader, entries: Mapping[str, Entry]) -> None:
        self.reader = reader
        self.entries = entries
        #: Durations that must be multiples of the tick, which is not known yet.
        self.on_tick: list[tuple[int, Node]] = []

    def report(self, key: str, message: str) -> None:
        """Notes a problem at the value of a key that is there."""
        self.reader.report(self.entries[key].value, message)

    def text(self, key: str) -> str | None:
        """Text that is not empty."""
        return self.reader.text_of(self.entries[key].value, key) if key in self.entries else None

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of different texts, or a single one."""
        return self.reader.texts(self.entries[key].value, key) if key in self.entries else None

    def choice(self, key: str, choices: Sequence[str]) -> str | None:
        """One of some words."""
        return self.reader.choice(self.entries[key].value, key, choices) if key in self.entries else None

    def integer(self, key: str, least: int, default: int) -> int:
        """A whole number; ``default`` where there is none."""
        value = self.reader.integer(self.entries[key].value, key, least) if key in self.entries else None
        return default if value is None else value

    def duration(self, key: str) -> int | None:
        """A duration in µs."""
        return self.reader.duration(self.entries[key].value, key) if key in self.entries else None

    def duration_on_tick(self, key: str) -> int | None:
        """A duration in µs that must be a multiple of the tick."""
        value = self.duration(key)
        if value is not None:
            self.on_tick.append((value, self.entries[key].value))
        return value

    def event(self, key: str) -> str | None:
        """The name of an event."""
        return self.event_of(self.entries[key].value, key) if key in self.entries else None

    def event_of(self, node: Node, what: str) -> str | None:
        """The name of an event that a node holds."""
        event = self.reader.text_of(node, what)
        if event is not None:
            self.refuse_reserved(node, event)
        return event

    def events(self) -> tuple[str, ...]:
        """The names under ``events`` or ``event``; none means every event."""
        if "events" in self.entries and "event" in self.entries:
            self.reader.report(self.entries["event"].key, "either event or events, not both")
        for key in ("events", "event"):
            if key not in self.entries:
                continue
            node = self.entries[key].value
            for member in node.value if isinstance(node, SequenceNode) else [node]:
                self.refuse_reserved(member, str(member.value))
            return self.texts(key) or ()
        return ()

    def refuse_reserved(self, node: Node, event: str) -> None:
        """Notes a problem where ``event`` is one that never counts."""
        if event in RESERVED_EVENTS:
            self.reader.report(node, f"{event!r} is a reserved event and never counts in a feature")
