"""The topics of one run."""

from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic


@dataclass(frozen=True)
class Topics:
    """Topics of one run on one broker."""

    servers: str
    events: str
    changes: str
    dead_letters: str
    #: Partitions of the events.
    partitions: int

    @classmethod
    def create(cls, servers: str, prefix: str, partitions: int) -> "Topics":
        """Topics with names that begin alike; the changes have two partitions, the dead letters one."""
        topics = cls(servers, f"{prefix}-events", f"{prefix}-changes", f"{prefix}-dead-letters", partitions)
        counts = {topics.events: partitions, topics.changes: 2, topics.dead_letters: 1}
        new = [NewTopic(name, count, 1) for name, count in counts.items()]
        client = AdminClient({"bootstrap.servers": servers})  # its answers come only as long as it lives
        for created in client.create_topics(new, operation_timeout=30).values():
            created.result(60)
        return topics

    def url(self, topic: str, query: str = "") -> str:
        """The address of a topic as options take it."""
        return f"kafka://{self.servers}/{topic}{'?' + query if query else ''}"


def records_in(servers: str, topic: str) -> int:
    """How many records a topic holds."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "tests"})
    try:
        partitions = consumer.list_topics(topic, 30).topics[topic].partitions
        ranges = [consumer.get_watermark_offsets(TopicPartition(topic, each), timeout=30) for each in partitions]
        return sum(end - start for start, end in ranges)
    finally:
        consumer.close()
