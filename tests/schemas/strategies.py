"""Hypothesis strategies: any value that each wire type can hold."""

from typing import get_args

from hypothesis import strategies as st

from schemas.types import (
    Action,
    AuditKind,
    AuditRecord,
    Cause,
    DeadLetter,
    Event,
    Evidence,
    Profile,
    SegmentChange,
    Stage,
)

TEXTS = st.text(max_size=12)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
#: Years 1 to 9999, which ISO 8601 can write.
INSTANTS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
SCALARS = st.none() | TEXTS | INT64 | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
PROPERTIES = st.dictionaries(TEXTS, SCALARS, max_size=4)
NAMES = st.lists(TEXTS, max_size=3).map(tuple)

EVENTS = st.builds(
    Event,
    event_id=TEXTS,
    user_id=TEXTS,
    name=TEXTS,
    occurred_at=INSTANTS,
    source=st.none() | TEXTS,
    properties=PROPERTIES,
)
EVIDENCE = st.builds(Evidence, feature=TEXTS, operator=TEXTS, value=SCALARS, threshold=st.none() | TEXTS)
CHANGES = st.builds(
    SegmentChange,
    change_id=TEXTS,
    subject_id=TEXTS,
    segment=TEXTS,
    action=st.sampled_from(get_args(Action)),
    effective_at=INSTANTS,
    stage=st.sampled_from(get_args(Stage)),
    cause=st.sampled_from(get_args(Cause)),
    sequence=INT64,
    early_index=st.none() | INT32,
    memberships=NAMES,
    rules_version=INT32,
    evidence=st.lists(EVIDENCE, max_size=3).map(tuple),
    flags=st.dictionaries(TEXTS, TEXTS, max_size=3),
    emitted_at=INSTANTS,
    trace_context=st.none() | TEXTS,
)
PROFILES = st.builds(
    Profile,
    subject_id=TEXTS,
    sequence=INT64,
    memberships=NAMES,
    provisional=NAMES,
    features=PROPERTIES,
    as_of=INSTANTS,
    rules_version=INT32,
)
DEAD_LETTERS = st.builds(
    DeadLetter,
    reason=TEXTS,
    error_type=TEXTS,
    error=TEXTS,
    step=TEXTS,
    source=TEXTS,
    position=st.none() | INT64,
    payload=st.binary(max_size=40),
    failed_at=INSTANTS,
)
AUDIT_RECORDS = st.builds(
    AuditRecord,
    audit_id=TEXTS,
    kind=st.sampled_from(get_args(AuditKind)),
    subject_id=TEXTS,
    event_name=st.none() | TEXTS,
    occurred_at=INSTANTS,
    counted_at=INSTANTS,
    rules_version=INT32,
    emitted_at=INSTANTS,
)
RECORDS = st.one_of(EVENTS, CHANGES, PROFILES, DEAD_LETTERS, AUDIT_RECORDS)
