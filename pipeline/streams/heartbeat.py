"""Heartbeats into every partition of a topic, so that event time goes on while there are no events."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.io.places import parse_topic
from pipeline.io.topics.topic import Topic
from pipeline.io.topics.writer import TopicWriter
from pipeline.options.errors import OptionError, parsed
from segmentation.units import HOUR, SECOND, format_duration, parse_duration, parse_instant
from transforms.decoding.validation import MAX_AHEAD

DEFAULT_EVERY = 5 * SECOND


@dataclass(frozen=True)
class HeartbeatOptions:
    """What `segments heartbeat` was asked to do.

    ``every`` is µs. ``at`` is the event time (µs) of the heartbeats, None for the clock of this machine; ``count`` how
    many go out to each partition, None for no end.
    """

    to: Topic
    every: int = DEFAULT_EVERY
    at: int | None = None
    count: int | None = None

    @classmethod
    def parse(
        cls, *, to: str, every: str | None = None, at: str | None = None, count: int | None = None
    ) -> "HeartbeatOptions":
        """From the texts of a command line; with ``at``, one is enough where no ``count`` is given.

        Raises:
            OptionError, AddressError: a value can't be used; the message names the option.
        """
        address = parse_topic(to, "--to", reads=False)
        period = DEFAULT_EVERY if every is None else _duration(every)
        time_of = None if at is None else _instant(at)
        if count is not None and count < 1:
            raise OptionError(f"--count: expected at least 1, found {count}")
        return cls(address, period, time_of, 1 if count is None and at is not None else count)


@dataclass(frozen=True)
class HeartbeatSummary:
    """What went out."""

    to: str  #: address without parameters
    partitions: int  #: 1 where a topic has none
    beats: int  #: heartbeats that each partition got
    latest: int  #: event time of the last, µs


def send_heartbeats(
    options: HeartbeatOptions,
    progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> HeartbeatSummary:
    """Send heartbeats until ``count`` is reached, for ever without one; each is acknowledged before the next.

    Args:
        options: where to, when and how many.
        progress: called with (sent, the same) after each.
        clock: seconds since the epoch.
        sleep: waits so many seconds.

    Raises:
        TopicError: there is no such topic, its system doesn't answer, or a heartbeat is refused.
        OptionError: ``at`` is so far ahead of the clock that the pipeline would refuse it.
    """
    if options.at is not None and options.at > clock() * SECOND + MAX_AHEAD:
        ahead = format_duration(MAX_AHEAD)
        raise OptionError(f"--at: the pipeline refuses events more than {ahead} ahead of the clock")
    topic = options.to.event_topic()
    sent = latest = 0
    due = clock()
    with TopicWriter(topic) as writer:
        while True:
            latest = int(clock() * SECOND) if options.at is None else options.at
            writer.beat(latest)
            writer.flush()
            sent += 1
            if progress is not None:
                progress(sent, sent)
            if sent == options.count:
                return HeartbeatSummary(options.to.url, topic.partitions, sent, latest)
            # Heartbeats that were missed while the topic did not answer are not sent later.
            now = clock()
            due = max(due + options.every / SECOND, now)
            sleep(due - now)


def _duration(text: str) -> int:
    period = parsed("--every", text, parse_duration)
    if not 0 < period <= HOUR:
        raise OptionError(f"--every: expected more than nothing and at most an hour, found {text!r}")
    return period


def _instant(text: str) -> int:
    moment = parsed("--at", text, parse_instant)
    if moment < 0:
        raise OptionError(f"--at: expected a time after 1970, found {text!r}")
    return moment
