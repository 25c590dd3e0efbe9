"""A job's status as people read it."""

from pipeline.reports.wording import counted
from pipeline.runners.flink.operations import Status
from pipeline.runners.flink.rest import Failure
from segmentation.units import format_instant

_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))

#: ms from which on it is worth a word that event time stands still.
_HELD_LONG = 10_000


def render_status(status: Status) -> str:
    """The status in lines, every one of them present in every state."""
    rows = {
        "job": f"{status.name} ({status.job})",
        "state": _state(status),
        "records": _records(status),
        "changes": _changes(status),
        "watermark": _time(status.watermark, status.watermark_age) + _held(status),
        "last tick": "not known" if status.settled_tick is None else _instant(status.settled_tick),
        "kafka lag": _lag(status),
        "checkpoint": _checkpoint(status),
        "last failure": _failure(status.last_failure),
    }
    return "".join(f"{name:<13} {text}\n" for name, text in rows.items())


def _state(status: Status) -> str:
    restarts = "" if status.restarts is None else f", {counted(status.restarts, 'restart')}"
    return f"{status.state.lower()} for {_duration(status.uptime)}{restarts}"


def _records(status: Status) -> str:
    refused = sum(status.dead_letters.values())
    parts = [f"{status.counters.get('read', 0):,} read ({status.read_per_second:,.0f}/s)"]
    parts.append(f"{status.counters.get('accepted', 0):,} accepted ({status.accepted_per_second:,.0f}/s)")
    if status.dead_letters:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in status.dead_letters.items())
        parts.append(f"{refused:,} dead letters ({reasons})")
    return ", ".join(parts)


def _changes(status: Status) -> str:
    stages = ", ".join(f"{stage} {count:,}" for stage, count in status.changes.items())
    total = sum(status.changes.values())
    return f"{total:,} ({status.changes_per_second:,.1f}/s)" + (f": {stages}" if stages else "")


def _lag(status: Status) -> str:
    if status.kafka_lag is None:
        return "not asked for: --events names the topic"
    behind = ", ".join(f"{lag:,} in partition {number}" for number, lag in status.kafka_lag.items() if lag)
    return f"{counted(sum(status.kafka_lag.values()), 'record')}" + (f": {behind}" if behind else "")


def _checkpoint(status: Status) -> str:
    failed = f", {status.checkpoints_failed:,} failed" if status.checkpoints_failed else ""
    if status.checkpoint is None or status.checkpoint_age is None:
        return f"none yet{failed}"
    size = f"{_size(status.checkpoint['size'])} ({_size(status.checkpoint['written'])} written)"
    took = f"in {status.checkpoint['duration'] / 1000:.1f} s"
    return f"{_duration(status.checkpoint_age / 1000)} ago, {size} {took}{failed}"


def _failure(failure: Failure | None) -> str:
    return "none" if failure is None else f"{_instant(failure.at)} {failure.message}"


def _time(at: int | None, age: int | None) -> str:
    if at is None or age is None:
        return "none yet: no event time has come through all steps"
    return f"{_instant(at)}, {_duration(abs(age) / 1000)} {'behind' if age >= 0 else 'ahead of'} the clock"


def _held(status: Status) -> str:
    if status.event_time_held is None or status.event_time_held < _HELD_LONG:
        return ""
    holder = status.event_time_holder
    by = f", held by partition {holder}" if holder is not None and holder >= 0 else ""
    return f"; stands still for {_duration(status.event_time_held / 1000)}{by}"


def _instant(millis: int) -> str:
    return format_instant(millis * 1000)[:-4].removesuffix(".000") + "Z"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{max(seconds, 0):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _size(count: int) -> str:
    for unit, name in _UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} B"
