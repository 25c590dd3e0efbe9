"""How fast the feed of `--year` is by itself: the bench must not measure its own producer."""

import time

from tests.bench.flink.live import wall_clock
from tests.bench.flink.submit import Bench
from tests.bench.flink.topics import PARTITIONS, delete_topic
from tests.bench.flink.year.feeding import Feeder, Sent
from tests.bench.flink.year.plan import Plan
from tests.bench.flink.year.records import sendings
from tests.bench.flink.year.runs import make_topics
from tests.bench.flink.year.sampling import size_of
from tests.bench.flink.year.week import BATCH


def feed_only(bench: Bench, plan: Plan, minutes: float | None) -> str:
    """Sends the plan, or what of it goes in so many minutes (1), into a topic that nobody reads; tells the rate."""
    topic = f"bench-feed-{wall_clock()}"
    kafka = bench.addresses.kafka
    make_topics(kafka, {topic: PARTITIONS})
    sent = Sent()
    before, begun, used = size_of(bench.stack / "kafka"), time.monotonic(), time.process_time()
    try:
        with Feeder(kafka, topic, sendings(plan, BATCH), sent, done=lambda: 0) as feeder:
            while not feeder.over and time.monotonic() - begun < 60 * (1 if minutes is None else minutes):
                feeder.check()
                time.sleep(0.1)  # between two looks; the condition above ends it
        seconds, cpu = time.monotonic() - begun, time.process_time() - used
        disk = size_of(bench.stack / "kafka") - before
    finally:
        delete_topic(kafka, topic)
    each = 1e6 * cpu / sent.events
    return (
        f"fed {sent.events:,} events in {seconds:.1f} s: {sent.events / seconds:,.0f} events/s, {each:.2f} CPU µs "
        f"an event, {disk / sent.events:.1f} bytes of the broker's disk an event"
    )
