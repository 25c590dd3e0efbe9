"""Events that came after their tick had settled, as audit records with pseudonyms only."""

import hashlib
from dataclasses import dataclass
from typing import Final

import polars as pl

from segmentation.identity.pseudonyms import subject_ids
from segmentation.outputs.audit_frame import AUDIT_COLUMNS
from segmentation.tracking.event_rows import EventRows

LATE_EVENT: Final = "late_event"


@dataclass(frozen=True)
class LateEvents:
    """Accepted events whose tick had settled, a row each.

    ``users`` are internal ids; ``names`` are the event names that some feature reads, and None for all others. The
    columns ``user`` and ``name`` of ``events`` are positions in them.

    >>> import numpy as np
    >>> columns = {"user": 0, "name": 0, "id_high": 1, "id_low": 2, "at": 59_000_000, "counted_at": 120_000_000}
    >>> events = EventRows({name: np.array([value]) for name, value in columns.items()}, {})
    >>> records = LateEvents([bytes(32)], events, ["click"]).records(rules_version=1, publish_key=bytes(32))
    >>> records.select("kind", "event_name", "occurred_at", "counted_at").rows()
    [('late_event', 'click', 59000000, 120000000)]
    """

    users: list[bytes]
    events: EventRows
    names: list[str | None]

    def __len__(self) -> int:
        return len(self.events)

    def records(self, rules_version: int, publish_key: bytes) -> pl.DataFrame:
        """A frame with the columns of `segmentation.outputs.audit_frame`; a row per event."""
        subjects = subject_ids(publish_key, self.users)
        subject = [subjects[user] for user in self.events["user"].tolist()]
        names = [self.names[code] for code in self.events["name"].tolist()]
        at, counted_at = self.events["at"].tolist(), self.events["counted_at"].tolist()
        high, low = self.events["id_high"].tolist(), self.events["id_low"].tolist()
        ids = list(map(late_event_id, subject, high, low, at, counted_at))
        columns = {
            "audit_id": ids,
            "kind": LATE_EVENT,
            "subject_id": subject,
            "event_name": names,
            "occurred_at": at,
            "counted_at": counted_at,
            "rules_version": rules_version,
        }
        return pl.DataFrame(columns, schema=AUDIT_COLUMNS)


def late_event_id(subject_id: str, id_high: int, id_low: int, occurred_at: int, counted_at: int) -> str:
    """The id of a late event's record, the same in every repetition; the event's id is its 128-bit hash."""
    content = f"{LATE_EVENT}|{subject_id}|{id_high:016x}{id_low:016x}|{occurred_at}|{counted_at}"
    return hashlib.sha256(content.encode()).hexdigest()[:32]
