"""Topics of the benchmark: loaded before a job starts to read, and how much of one a job has behind it."""

from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline.streams.replay import ReplayOptions, open_source, replay

PARTITIONS = 4


def load(log: Path, servers: str, topic: str, batch: int = 1, rate: float | None = None) -> int:
    """Puts the events of a log into a topic, ``batch`` of one partition in a record, ``rate`` a second; their number.

    Raises:
        ValueError: an address, a number or the log cannot be used; `pipeline.streams.replay` has the kinds.
    """
    pace = None if rate is None else f"{rate:g}/s"
    options = ReplayOptions.parse(
        events=str(log), to=f"kafka://{servers}/{topic}", rate=pace, batch=batch, partitions=PARTITIONS
    )
    return replay(options, open_source(options)).events


def delete_topic(servers: str, topic: str) -> None:
    """Removes a topic, if there is one."""
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 3})
    if topic in admin.list_topics(timeout=30).topics:
        admin.delete_topics([topic])[topic].result(60)


class Progress:
    """How many records of a topic a job has behind it: those before the positions that it commits.

    A source commits when a checkpoint is complete, and a checkpoint holds what every step has made of the records
    before it: the same measure for every engine, and one that counts nothing that is still under way.
    """

    def __init__(self, servers: str, group: str, topic: str) -> None:
        """Each run has a consumer group of its own."""
        self._consumer = Consumer(
            {"bootstrap.servers": servers, "group.id": group, "enable.auto.commit": False, "log_level": 3}
        )
        self._partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]

    def positions(self) -> list[int]:
        """The committed position in each partition; topics of the benchmark begin at 0."""
        return [max(each.offset, 0) for each in self._consumer.committed(self._partitions, timeout=30)]

    def records(self) -> int:
        """The records behind the committed positions."""
        return sum(self.positions())

    def total(self) -> int:
        """The records of the topic."""
        return sum(self._consumer.get_watermark_offsets(each, timeout=30)[1] for each in self._partitions)

    def close(self) -> None:
        """Ends the connection."""
        self._consumer.close()
