"""Events into a topic: the lines of a log as they are, a user's always in their order.

A record holds one line, its key the user; or a batch of lines, which has no key. In Kafka a user stays in one
partition, and each partition has the log's order; Pub/Sub has no partitions, and keeps the order of a key. A record's
time is that of the latest event in it (ms), because event time is what the readers of the topic go by; a line that is
no event has the time of the line before it, and a partition that its bytes decide.

**The end of a log.** A tick T settles when the watermark has passed T and the allowed disorder, and T is at most the
first tick after the clock (the highest `occurred_at`). So the last tick waits for records that never come.
`TopicWriter.finish` sends every partition a heartbeat whose *record* is `AHEAD` later, which moves the watermark past
all that is due as soon as a silence confirms it, and whose *event* occurred with the log's last one, so that the clock
stays: no tick settles that a run over the file would not settle too. Events that are sent to the topic afterwards are
late. A record ahead of the wall clock counts as of its reading, so a log of this very hour is only finished up to then:
ticks beyond settle when heartbeats of that time come.
"""

from types import TracebackType
from typing import Final, Self
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt

from pipeline.clock import wall_clock
from pipeline.io.topics.errors import TopicError
from pipeline.io.topics.event_lines import NO_EVENT, EventLines
from pipeline.io.topics.event_topic import EventTopic
from pipeline.io.topics.partitions import partitions_of
from segmentation.units import DAY, MILLISECOND, MINUTE
from transforms.decoding.validation import MAX_AHEAD

Ints = npt.NDArray[np.int64]

#: How much later (µs) than the last event the records of the heartbeats at the end are: more than a tick of a week.
AHEAD: Final = 8 * DAY
#: What clocks of two machines may differ by, and what a record takes on its way, µs.
_MARGIN: Final = 5 * MINUTE
#: Seconds that an interrupted writer gives to what is on its way.
_LAST_SECONDS: Final = 10.0


class TopicWriter:
    """Writes to one topic; as a context manager it waits at the end until all that was written is acknowledged."""

    def __init__(self, topic: EventTopic, batch: int = 1) -> None:
        """``batch`` is how many lines a record holds at most.

        Raises:
            AddressError, TopicError: the environment lacks what the topic's client needs.
        """
        self._topic = topic
        self._batch = batch
        self._sender = topic.sender()
        self._time = 1
        #: Lines and records sent so far.
        self.lines = 0
        self.records = 0
        #: Of them, lines that are no event.
        self.malformed = 0
        #: The latest time of an event, µs; None before the first.
        self.latest: int | None = None

    def write(self, lines: EventLines) -> None:
        """Send some lines. Waits while the buffer is full.

        Raises:
            TopicError: a record can't be sent, or one before it was refused.
        """
        if not len(lines):
            return
        latest = lines.latest
        if latest is not None:
            self.latest = latest if self.latest is None else max(self.latest, latest)
        partitions = self._partitions(lines)
        times = self._times(lines.occurred_at)
        if self._batch == 1:
            self._send_each(lines, partitions, times)
        else:
            self._send_batches(lines, partitions, times)
        self.lines += len(lines)
        self.malformed += lines.user_ids.null_count()
        self._sender.check()

    def beat(self, occurred_at: int, timestamp: int | None = None) -> None:
        """Send every partition a heartbeat.

        ``occurred_at`` is its event time, ``timestamp`` that of its record, both µs and by default the same.

        Raises:
            TopicError: a record can't be sent, or one before it was refused.
        """
        at = max((occurred_at if timestamp is None else timestamp) // MILLISECOND, 1)
        for partition in range(self._topic.partitions):
            heartbeat = {
                "event_id": f"heartbeat-{occurred_at}-{partition}",
                "user_id": "",
                "name": "heartbeat",
                "occurred_at": occurred_at,
            }
            self._send(msgspec.json.encode(heartbeat), None, partition, at)

    def finish(self) -> None:
        """Send the heartbeats that end a log; of a log without events there is nothing to settle.

        Raises:
            TopicError: a record can't be sent, or one before it was refused.
        """
        if self.latest is not None:
            # Where nothing else keeps the order, no heartbeat may overtake an event.
            self.flush()
            believed = max(self.latest, wall_clock() + MAX_AHEAD - _MARGIN)
            self.beat(self.latest, min(self.latest + AHEAD, believed))

    def flush(self) -> None:
        """Wait until all that was sent is acknowledged.

        Raises:
            TopicError: a record was refused, or not acknowledged in time.
        """
        self._sender.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._sender.close(0.0 if kind is None or issubclass(kind, TopicError) else _LAST_SECONDS)

    def _partitions(self, lines: EventLines) -> Ints:
        if self._topic.partitions == 1:
            return np.zeros(len(lines), np.int64)
        partitions = partitions_of(lines.user_ids.fill_null(""), self._topic.partitions)
        for row in np.flatnonzero(lines.occurred_at == NO_EVENT).tolist():
            partitions[row] = crc32(lines.lines[row]) % self._topic.partitions
        return partitions

    def _times(self, occurred_at: Ints) -> Ints:
        """Record times in ms, at least 1: to Kafka's clients 0 means now."""
        known = np.maximum.accumulate(np.where(occurred_at == NO_EVENT, -1, np.arange(len(occurred_at))))
        first = occurred_at[occurred_at != NO_EVENT][:1]
        # Before the first event of all there is no line to take the time of, so it is the one after.
        before = self._time if self._time > 1 or not len(first) else int(first[0]) // MILLISECOND
        times = np.maximum(np.where(known < 0, before, occurred_at[known] // MILLISECOND), 1)
        self._time = int(times[-1])
        return times

    def _send_each(self, lines: EventLines, partitions: Ints, times: Ints) -> None:
        send = self._send
        rows = zip(lines.lines, lines.user_ids.to_list(), partitions.tolist(), times.tolist(), strict=True)
        for line, user_id, partition, time in rows:
            send(line, user_id, partition, time)

    def _send_batches(self, lines: EventLines, partitions: Ints, times: Ints) -> None:
        for partition in range(self._topic.partitions):
            rows = np.flatnonzero(partitions == partition)
            for start in range(0, len(rows), self._batch):
                self._send_batch(lines, rows[start : start + self._batch], partition, times)

    def _send_batch(self, lines: EventLines, rows: Ints, partition: int, times: Ints) -> None:
        value = b"\n".join([lines.lines[row] for row in rows.tolist()])
        if len(rows) == 1 or len(value) <= self._topic.max_bytes:
            events = rows[lines.occurred_at[rows] != NO_EVENT]
            self._send(value, None, partition, int(times[events if len(events) else rows].max()))
            return
        half = len(rows) // 2
        self._send_batch(lines, rows[:half], partition, times)
        self._send_batch(lines, rows[half:], partition, times)

    def _send(self, value: bytes, key: str | None, partition: int, time: int) -> None:
        # A heartbeat has no user, and no key either.
        self._sender.send(value, key or None, partition, time)
        self.records += 1
