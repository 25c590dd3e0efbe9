"""Event logs of these tests, and how they reach a topic: which partition, in what records, with what time."""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.simulation import generate
from segmentation.units import SECOND
from tests.acceptance.driving import NOW
from tests.oracle.load import to_row

DAY_MS = 24 * 3600 * 1000
DISORDER = 30 * SECOND


@dataclass(frozen=True)
class Record:
    """One record of the topic of events; ``timestamp`` is ms, ``events`` how many lines it holds."""

    partition: int
    key: bytes | None
    value: bytes
    timestamp: int
    events: int


@dataclass(frozen=True)
class Log:
    """A file of JSON lines, the last of which is a heartbeat at the latest instant of all; ``latest`` is µs.

    The heartbeat says where the log ends also where its last event is a duplicate.
    """

    path: Path
    lines: list[bytes]
    latest: int


def simulate(path: Path, users: int, days: int, seed: int, most: int | None = None) -> Log:
    """A simulated log with disorder, duplicates and malformed lines; of its events at most the first ``most``."""
    options = TrafficOptions(
        users=users, days=days, seed=seed, disorder=DISORDER, duplicates=0.03, malformed=0.002, drift=0.02
    )
    generate(options, str(path))
    return ended(path, path.read_bytes().splitlines()[:most])


def ended(path: Path, lines: Sequence[bytes]) -> Log:
    """These lines and the heartbeat, as a file."""
    latest = max(known[1] for known in map(_known, lines) if known is not None)
    heartbeat = json.dumps({"event_id": "end", "name": "heartbeat", "occurred_at": latest}).encode()
    path.write_bytes(b"\n".join([*lines, heartbeat]) + b"\n")
    return Log(path, [*lines], latest)


def whole(path: Path) -> Log:
    """A file as it is, without a heartbeat at its end."""
    lines = path.read_bytes().splitlines()
    return Log(path, lines, max(known[1] for known in map(_known, lines) if known is not None))


def partition_of(user: bytes, used: int) -> int:
    """The one of ``used`` partitions that all events of a user go to."""
    return zlib.crc32(user) % used


def malformed(log: Log) -> int:
    """How many lines are no events."""
    return sum(_known(line) is None for line in log.lines)


def records(log: Log, used: int, batch: int = 1) -> Iterator[Record]:
    """The log as records for the first ``used`` partitions: a user's events all go to one, in the order of the file.

    A record's time is the latest event in it. What can't be read goes along with its neighbours.
    """
    queues = [_Queue(partition) for partition in range(used)]
    for line in log.lines:
        known = _known(line)
        queue = queues[partition_of(line if known is None else known[0], used)]
        queue.add(line, known)
        if len(queue.lines) == batch:
            yield queue.take()
    for queue in queues:
        if queue.lines:
            yield queue.take()


class _Queue:
    """The lines that wait for a record to be full."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.lines: list[bytes] = []
        self._keys: set[bytes] = set()
        self._times: list[int] = []
        self._last = 0

    def add(self, line: bytes, known: tuple[bytes, int] | None) -> None:
        self.lines.append(line)
        if known is not None:
            self._keys.add(known[0])
            self._times.append(known[1])

    def take(self) -> Record:
        self._last = max(self._times, default=self._last)
        key = self._keys.pop() if len(self._keys) == 1 else None
        record = Record(self.partition, key, b"\n".join(self.lines), self._last // 1000, len(self.lines))
        self.lines, self._keys, self._times = [], set(), []
        return record


def finish(log: Log, used: int) -> Iterator[Record]:
    """Heartbeats that end the log: event time a day on, the clock of the data where the log has it."""
    value = log.path.read_bytes().splitlines()[-1]
    for partition in range(used):
        yield Record(partition, None, value, log.latest // 1000 + DAY_MS, 0)


def _known(line: bytes) -> tuple[bytes, int] | None:
    """The user and the time (µs) of a line; None where it is no event."""
    try:
        event: Any = json.loads(line)
        row = to_row(event, NOW)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    return row[1].encode(), row[3]
