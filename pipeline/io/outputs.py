"""What a run writes: a closed vocabulary, by which places choose an encoding and steps their names."""

from enum import Enum
from functools import cached_property

from schemas.registry import fingerprint


class Output(Enum):
    """A kind of record. Elements of the graph are frames (as bytes) of many records, but dead letters come one by one,
    as `DeadLetter`.
    """

    CHANGES = ("Changes", "segment_change", "SegmentChange")
    DEAD_LETTERS = ("DeadLetters", "dead_letter", "DeadLetter")
    AUDIT = ("Audit", "audit_record", "AuditRecord")
    PROFILES = ("Profiles", "profile", "Profile")

    def __init__(self, title: str, schema: str, record: str) -> None:
        #: In names of steps, which are permanent.
        self.title = title
        #: File of the Avro schema, and its full name.
        self.schema = schema
        self.schema_name = f"segments.v1.{record}"

    @cached_property
    def fingerprint(self) -> str:
        """CRC-64-AVRO of the schema as each message begins with it, hexadecimal."""
        return fingerprint(self.schema).hex()
