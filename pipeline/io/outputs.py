"""What a run writes: a closed vocabulary, by which places choose an encoding and steps their names."""

from enum import Enum


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
