"""Why a record is a dead letter: a closed vocabulary, for metrics and for the people who repair the input."""

from enum import StrEnum


class DeadLetterReason(StrEnum):
    """Reasons that decoding gives. One record has one reason: the first that applies, in this order."""

    #: The file could not be read any further (I/O error, cut or broken gzip): what it still held counts as one record.
    UNREADABLE = "unreadable"
    #: A line of more than 8 MiB, or an Avro block of more than 64 MiB.
    TOO_LARGE = "too_large"
    #: No JSON object, CSV row or Avro record: bad syntax, invalid UTF-8, a wrong number of fields, a cut container.
    UNDECODABLE = "undecodable"
    #: A field or a property that the rules read has a type that it can't have.
    WRONG_TYPE = "wrong_type"
    #: No event_id, user_id (heartbeats need none), name or occurred_at, or an empty one; a consent without `granted`.
    MISSING_FIELD = "missing_field"
    #: `occurred_at` is no time: not a number (NaN), no ISO 8601 time, no time zone, not as the mapping's format says.
    BAD_TIME = "bad_time"
    #: `occurred_at` lies before 1970-01-01T00:00:00Z.
    BEFORE_EPOCH = "before_epoch"
    #: `occurred_at` is more than an hour ahead of the clock of the run.
    FAR_FUTURE = "far_future"
