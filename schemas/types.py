"""The wire types as Python sees them: field for field the records of the ``*.avsc`` files beside this module.

Times are integer microseconds UTC since the epoch. Mappings are for reading only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: What a property, a feature or a measured value can be on the wire. An integer fits in 64 bits, signed.
Scalar = str | int | float | bool | None

Action = Literal["ENTERED", "EXITED", "RETRACTED"]
Stage = Literal["EARLY", "ON_TIME", "LATE"]
Cause = Literal["erasure", "consent", "rules", "flags", "event", "population", "time", "unknown"]
AuditKind = Literal["late_event", "unknown"]


@dataclass(frozen=True)
class Event:
    """One thing that one user did, or a reserved event (``consent``, ``erase``, ``identify``, ``heartbeat``).

    >>> Event("e1", "u1", "signup", occurred_at=1_767_225_600_000_000, properties={"plan": "pro"}).properties["plan"]
    'pro'
    """

    #: Unique among the events of its user for `max_disorder` + 24 h of event time.
    event_id: str
    #: The producer's own id of the user; empty for a heartbeat. Ends at `ShardUsers`.
    user_id: str
    #: What happened, such as ``page_view``.
    name: str
    #: Event time, µs.
    occurred_at: int
    #: Where it was captured, such as ``web``.
    source: str | None = None
    #: What the producer says of it; a null counts as absent.
    properties: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """One condition that a change rests on: what was measured, and what it was compared with.

    >>> Evidence("percentile(engagement)", "<", value=69.7, threshold="70").value
    69.7
    """

    #: As the rule names it, such as ``percentile(engagement)``.
    feature: str
    #: As the rule writes it, such as ``>=``, ``IN`` or ``IS NULL``.
    operator: str
    #: What was measured at the change's tick; null where nothing was.
    value: Scalar
    #: The other side of the comparison, as SQL text; null where the operator takes none.
    threshold: str | None


@dataclass(frozen=True)
class SegmentChange:
    """One subject entered or left one segment.

    >>> change = SegmentChange(
    ...     change_id="0" * 32, subject_id="s1.a", segment="power_user", action="ENTERED", effective_at=0,
    ...     stage="ON_TIME", cause="event", sequence=1, early_index=None, memberships=("power_user",),
    ...     rules_version=1, evidence=(), flags={}, emitted_at=0,
    ... )
    >>> change.segment in change.memberships
    True
    """

    #: Settled: 32 hex digits of SHA-256 over subject, segment, action and tick, alike in every replay.
    change_id: str
    #: Pseudonym of the user; the ordering key.
    subject_id: str
    #: Name of the segment in the rules.
    segment: str
    #: RETRACTED takes back an early change that its tick did not confirm.
    action: Action
    #: µs: the tick for a settled change, the event's time for an early one.
    effective_at: int
    #: EARLY is provisional; ON_TIME and LATE are settled.
    stage: Stage
    #: The first that applies, in the order of `Cause`; ``unknown`` stands for one that a newer writer knows.
    cause: Cause
    #: Counts the settled changes of the subject from 1; an early change carries the last settled one.
    sequence: int
    #: Counts early changes after `sequence`; null for settled ones.
    early_index: int | None
    #: Every segment of the subject after this change, by name.
    memberships: tuple[str, ...]
    #: Version of the rules file that decided.
    rules_version: int
    #: What was measured, a condition each.
    evidence: tuple[Evidence, ...]
    #: Flags that were read, and their values at the tick.
    flags: Mapping[str, str]
    #: µs of the run's clock: the only field that differs between replays.
    emitted_at: int
    #: W3C ``traceparent`` of what led here; null where nothing was traced.
    trace_context: str | None = None


@dataclass(frozen=True)
class Profile:
    """What is known of one subject at one tick.

    >>> Profile("s1.a", sequence=1, memberships=("power_user",), provisional=(), features={"engagement": 12}, as_of=0,
    ...         rules_version=1).features
    {'engagement': 12}
    """

    #: Pseudonym of the user.
    subject_id: str
    #: Of the subject's last settled change; 0 before the first.
    sequence: int
    #: Settled memberships, by name.
    memberships: tuple[str, ...]
    #: Memberships that early changes claim and no tick has confirmed yet, by name.
    provisional: tuple[str, ...]
    #: Feature, as expressions name it → value at `as_of`.
    features: Mapping[str, Scalar]
    #: Tick that the profile describes, µs.
    as_of: int
    #: Version of the rules file that decided.
    rules_version: int


@dataclass(frozen=True)
class DeadLetter:
    """Input that could not be decoded or accepted, with the reason and the original bytes.

    >>> DeadLetter("undecodable", "SchemaError", "event: no JSON", step="DecodeEvents", source="log.jsonl", position=3,
    ...            payload=b"{", failed_at=0).reason
    'undecodable'
    """

    #: One of the documented reasons, such as ``undecodable``.
    reason: str
    #: Name of the error's class, such as ``SchemaError``.
    error_type: str
    #: What went wrong, for a human reader; holds no user id.
    error: str
    #: Name of the transform that refused it, such as ``DecodeEvents``.
    step: str
    #: File or topic it came from.
    source: str
    #: Line (from 1), record (from 1) or offset within the source; null where it is not known.
    position: int | None
    #: The original bytes.
    payload: bytes
    #: µs of the run's clock.
    failed_at: int


@dataclass(frozen=True)
class AuditRecord:
    """One thing that happened to one subject beside its changes.

    >>> AuditRecord("0" * 32, "late_event", "s1.a", event_name="signup", occurred_at=0, counted_at=60_000_000,
    ...             rules_version=1, emitted_at=0).kind
    'late_event'
    """

    #: 32 hex digits of SHA-256: a record that is repeated after a crash has the same.
    audit_id: str
    #: ``unknown`` stands for one that a newer writer knows.
    kind: AuditKind
    #: Pseudonym of the user; the message key.
    subject_id: str
    #: Of the event; null where no feature of the rules asks for events of this name.
    event_name: str | None
    #: Event time, µs.
    occurred_at: int
    #: The tick from which it counts, µs.
    counted_at: int
    #: Version of the rules file that the tick settled with.
    rules_version: int
    #: µs of the run's clock.
    emitted_at: int


Record = Event | SegmentChange | Profile | DeadLetter | AuditRecord
