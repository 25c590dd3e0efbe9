"""The peer on PyFlink's DataStream API: a rolling count of seven days per user, by the hour, natively.

Hourly panes in MapState, an event-time timer at the end of an hour that has events and one when that hour leaves the
window: it writes a user's count whenever it changes, and never touches a user whose count does not. It drops no
duplicates and knows no population. Flink's own sliding windows would keep 168 windows for each event.

Runs in the environment of `scripts/setup.sh pyflink`, which has no place in the project's own; see `submit`.

Run: flink run -py datastream.py KAFKA TOPIC GROUP NAME
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from pyflink.common import SimpleStringSchema, Types, WatermarkStrategy
from pyflink.common.time import Duration
from pyflink.datastream import KeyedProcessFunction, RuntimeContext, StreamExecutionEnvironment
from pyflink.datastream.connectors.kafka import KafkaOffsetsInitializer, KafkaSource
from pyflink.datastream.state import MapStateDescriptor
from pyflink.java_gateway import get_gateway

HOUR_MS = 3_600_000
WINDOW_HOURS = 7 * 24
EVENT = Types.TUPLE([Types.STRING(), Types.LONG()])
COUNT = Types.TUPLE([Types.STRING(), Types.LONG(), Types.LONG()])


class RollingCount(KeyedProcessFunction):
    """(user, end of the hour in ms, events of the seven days before it), whenever the number changes."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Declares the panes: hour since the epoch → events."""
        self.panes = runtime_context.get_map_state(MapStateDescriptor("panes", Types.LONG(), Types.LONG()))

    def process_element(self, value: tuple[str, int], ctx: Any) -> None:
        """Counts an event into its hour."""
        hour = value[1] // HOUR_MS
        count = self.panes.get(hour)
        self.panes.put(hour, (count or 0) + 1)
        if count is None:
            ctx.timer_service().register_event_time_timer((hour + 1) * HOUR_MS)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[tuple[str, int, int]]:
        """Writes the count at the end of an hour that changed it."""
        hour = timestamp // HOUR_MS
        panes = dict(self.panes.items())
        expired = [known for known in panes if known < hour - WINDOW_HOURS]
        for known in expired:
            self.panes.remove(known)
        total = sum(count for known, count in panes.items() if hour - WINDOW_HOURS <= known < hour)
        if hour - 1 in panes:
            ctx.timer_service().register_event_time_timer(timestamp + WINDOW_HOURS * HOUR_MS)
        yield ctx.get_current_key(), timestamp, total


def parse(line: str) -> tuple[str, int]:
    """The user and the time in ms of an event."""
    event = json.loads(line)
    return event["user_id"], event["occurred_at"] // 1000


def build(env: StreamExecutionEnvironment, kafka: str, topic: str, group: str) -> None:
    """The job, from the topic to a sink that forgets."""
    source = (
        KafkaSource.builder()
        .set_bootstrap_servers(kafka)
        .set_topics(topic)
        .set_group_id(group)
        .set_starting_offsets(KafkaOffsetsInitializer.earliest())
        .set_value_only_deserializer(SimpleStringSchema())
        .build()
    )
    times = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(10)).with_idleness(
        Duration.of_seconds(5)
    )
    lines = env.from_source(source, times, "ReadEvents")
    events = lines.map(parse, output_type=EVENT).name("ParseEvents")
    keyed = events.key_by(lambda event: event[0], key_type=Types.STRING())
    counts = keyed.process(RollingCount(), output_type=COUNT).name("CountRolling")
    sinks = get_gateway().jvm.org.apache.flink.streaming.api.functions.sink
    counts._j_data_stream.addSink(sinks.DiscardingSink()).name("Forget")


def main() -> None:
    """Submits the job; its arguments are the brokers, the topic, the consumer group and the job's name."""
    kafka, topic, group, name = sys.argv[1:]
    env = StreamExecutionEnvironment.get_execution_environment()
    build(env, kafka, topic, group)
    env.execute(name)


if __name__ == "__main__":
    main()
