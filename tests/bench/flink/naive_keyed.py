"""The naive Beam pipeline, live: events keyed by user, a stateful step that keeps the rolling count of each.

The same panes and timers as the peer on PyFlink's DataStream API, written the way Beam's guide does: one key per user,
one element per event. It drops no duplicates and knows no population. It runs with this project's own Flink options.

Run: python -m tests.bench.flink.naive_keyed JOB_ENDPOINT EXPANSION KAFKA TOPIC GROUP NAME PARALLELISM
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.coders import FastPrimitivesCoder
from apache_beam.io.kafka import ReadFromKafka
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.typehints import KV
from apache_beam.utils.timestamp import Timestamp

from pipeline.options.beam_settings import as_arguments
from pipeline.runners.flink.options import flink_settings

HOUR = 3600
WINDOW_HOURS = 7 * 24


def parse(record: tuple[bytes | None, bytes | None]) -> tuple[str, int]:
    """The user and the time in seconds of an event."""
    event = json.loads(record[1] or b"")
    return event["user_id"], event["occurred_at"] // 1_000_000


def next_change(panes: dict[int, int], after: int) -> int | None:
    """The first hour after ``after`` at whose start a pane enters or leaves the window; None where none does."""
    changes = [hour + 1 for hour in panes] + [hour + 1 + WINDOW_HOURS for hour in panes]
    return min((hour for hour in changes if hour > after), default=None)


class CountRolling(beam.DoFn):
    """(user, end of the hour in seconds, events of the seven days before it), whenever the number changes.

    The state is the hour that the timer is set to, None for none, and the events of each hour.
    """

    COUNTS = ReadModifyWriteStateSpec("counts", FastPrimitivesCoder())
    CHANGE = TimerSpec("change", TimeDomain.WATERMARK)

    def process(
        self,
        element: tuple[str, int],
        counts: Any = beam.DoFn.StateParam(COUNTS),
        change: Any = beam.DoFn.TimerParam(CHANGE),
    ) -> None:
        """Counts an event into its hour."""
        hour = element[1] // HOUR
        due, panes = counts.read() or (None, {})
        if hour not in panes and (due is None or hour + 1 < due):
            due = hour + 1
            change.set(Timestamp(due * HOUR))
        panes[hour] = panes.get(hour, 0) + 1
        counts.write((due, panes))

    @on_timer(CHANGE)
    def emit(
        self,
        user: Any = beam.DoFn.KeyParam,
        counts: Any = beam.DoFn.StateParam(COUNTS),
        change: Any = beam.DoFn.TimerParam(CHANGE),
    ) -> Iterator[tuple[str, int, int]]:
        """Writes the count at the end of an hour that changed it."""
        hour, panes = counts.read()
        panes = {known: count for known, count in panes.items() if known >= hour - WINDOW_HOURS}
        due = next_change(panes, hour)
        if due is not None:
            change.set(Timestamp(due * HOUR))
        counts.write((due, panes))
        yield user, hour * HOUR, sum(count for known, count in panes.items() if known < hour)


def build(root: beam.Pipeline, expansion: str, kafka: str, topic: str, group: str) -> None:
    """The pipeline, from the topic to a sink that forgets."""
    consumer = {
        "bootstrap.servers": kafka,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": "false",
    }
    source = ReadFromKafka(
        consumer,
        [topic],
        timestamp_policy=ReadFromKafka.create_time_policy,
        commit_offset_in_finalize=True,
        expansion_service=expansion,
    )
    events = root | "ReadEvents" >> source | "ParseEvents" >> beam.Map(parse).with_output_types(KV[str, int])
    counts = events | "CountRolling" >> beam.ParDo(CountRolling())
    _ = counts | "Forget" >> beam.Filter(lambda _: False)


def main() -> None:
    """Submits the job and returns as soon as the cluster has it."""
    endpoint, expansion, kafka, topic, group, name, parallelism = sys.argv[1:]
    own = [f"--job_name={name}", f"--parallelism={parallelism}", "--runner=PortableRunner"]
    settings = flink_settings(endpoint, own, detach=True)
    pipeline = beam.Pipeline(options=PipelineOptions(as_arguments(settings, own)))
    build(pipeline, expansion, kafka, topic, group)
    pipeline.run()


if __name__ == "__main__":
    main()
