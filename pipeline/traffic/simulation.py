"""The traffic simulator: from options to a log on disk, determined by the seed to the last byte."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.io.topics.options import TopicOptions
from pipeline.traffic.columns import Codes, Events, concatenate
from pipeline.traffic.delivery import Deliveries, Kind, deliver, delivered
from pipeline.traffic.engagement import engagement_events
from pipeline.traffic.faults import draw_drift
from pipeline.traffic.journeys import journey_events
from pipeline.traffic.lines import Ids
from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.pacing import Pacer
from pipeline.traffic.pieces import Piece
from pipeline.traffic.users import draw_users
from pipeline.traffic.vocabulary import NAMES, user_id
from pipeline.traffic.writer import check_output, open_log

#: Called after each piece with the lines written so far and the lines in all.
Progress = Callable[[int, int], None]

_PIECE = 200_000


@dataclass(frozen=True)
class TrafficSummary:
    """What a simulated log contains: ``lines = events + duplicates + malformed``."""

    out: str
    #: Lines (records) written.
    lines: int
    #: Distinct events.
    events: int
    #: Users with at least one event.
    users: int
    #: Second deliveries of an event.
    duplicates: int
    #: Of the duplicates, those with other content under the same event_id.
    conflicting: int
    #: Lines that cannot be decoded or accepted.
    malformed: int
    #: Distinct events that follow a newer schema.
    drifted: int
    #: Distinct events by name; every name is there.
    names: Mapping[str, int]
    #: Event times of the first and the last event, µs since the epoch; None for a log without events.
    first: int | None
    last: int | None


@dataclass(frozen=True)
class _Log:
    """Distinct events in the order of event time, and the lines that deliver them."""

    events: Events
    ids: Ids
    drift: Codes
    deliveries: Deliveries
    users: pl.Series

    def piece(self, begin: int, end: int) -> Piece:
        rows = slice(begin, end)
        source = self.deliveries.event[rows]
        return Piece(
            delivered(self.events, self.deliveries, rows),
            self.ids[source],
            self.users,
            self.deliveries.kind[rows],
            self.drift[source],
            self.deliveries.salt[rows],
        )


def generate(
    options: TrafficOptions,
    out: str,
    progress: Progress | None = None,
    pacer: Pacer | None = None,
    topic: TopicOptions | None = None,
) -> TrafficSummary:
    """Writes a simulated log.

    Args:
        options: what the log should be like.
        out: a path that ends in .jsonl, .jsonl.gz, .csv, .csv.gz or .avro; missing directories are made. Or a topic,
            kafka://HOST:PORT/TOPIC, which gets the lines of a .jsonl file.
        progress: called with (lines written, lines in all).
        pacer: how to wait where the options have a rate; by default by the clock of the machine.
        topic: how a topic is written to.

    Raises:
        TrafficOptionError: the output cannot be written or cannot hold what was asked for; names the option.
        AddressError, BrokerError, OptionError: the topic can't be written to; names the option.
    """
    check_output(out, options.malformed > 0, options.drift > 0, topic)
    pacer = Pacer(options.rate) if pacer is None else pacer
    log = _simulate(options)
    total = len(log.deliveries)
    with open_log(out, options, topic) as write:
        size = pacer.piece_size(_PIECE)
        for begin in range(0, total, size):
            end = min(begin + size, total)
            pacer.wait_for(begin)
            write(log.piece(begin, end))
            if progress is not None:
                progress(end, total)
    return _summary(log, out)


def _simulate(options: TrafficOptions) -> _Log:
    # A stream of its own for each concern: the same events whatever disorder or faults are asked for.
    streams = [np.random.default_rng(seed) for seed in np.random.SeedSequence(options.seed).spawn(6)]
    users = draw_users(options, streams[0])
    everything = concatenate(
        [journey_events(users, streams[1], options), engagement_events(users, streams[2], options)]
    )
    within = np.flatnonzero((everything.occurred_at >= options.start) & (everything.occurred_at < options.end))
    events = everything.take(within[np.argsort(everything.occurred_at[within], kind="stable")])
    return _Log(
        events=events,
        ids=draw_ids(len(events), streams[3]),
        drift=draw_drift(events.occurred_at, options, streams[4]),
        deliveries=deliver(events.occurred_at, options, streams[5]),
        users=user_ids(options.users),
    )


def draw_ids(count: int, random: np.random.Generator) -> Ids:
    """16-byte event ids, shape (count, 16)."""
    return np.frombuffer(random.bytes(16 * count), np.uint8).reshape(count, 16)


def user_ids(count: int) -> pl.Series:
    """The id of every user by number."""
    return pl.Series([user_id(number) for number in range(count)], dtype=pl.String)


def _summary(log: _Log, out: str) -> TrafficSummary:
    events, deliveries = log.events, log.deliveries
    counts = np.bincount(events.name, minlength=len(NAMES)).tolist()
    conflicting = deliveries.count(Kind.CONFLICTING)
    return TrafficSummary(
        out=out,
        lines=len(deliveries),
        events=len(events),
        users=len(np.unique(events.user)),
        duplicates=deliveries.count(Kind.REDELIVERY) + conflicting,
        conflicting=conflicting,
        malformed=deliveries.count(Kind.MALFORMED),
        drifted=int(np.count_nonzero(log.drift)),
        names=dict(zip(NAMES, counts, strict=True)),
        first=int(events.occurred_at[0]) if len(events) else None,
        last=int(events.occurred_at[-1]) if len(events) else None,
    )
