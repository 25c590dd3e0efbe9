"""Audit records for the tests of the sinks."""

from dataclasses import asdict

import polars as pl

from schemas.types import AuditRecord

START = 1_767_225_600_000_000
HOUR = 3_600_000_000

#: Sent at 5 µs after their start.
RECORDS = [
    AuditRecord("a1", "late_event", "s1.a", "click", START + 1, START + 2 * HOUR, 3, START + 5),
    AuditRecord("a2", "late_event", "s1.b", None, START, START + HOUR, 3, START + 5),
]


def audit_frame() -> pl.DataFrame:
    """`RECORDS` as they come to a sink."""
    return pl.DataFrame([asdict(record) for record in RECORDS]).drop("emitted_at")
