"""A topic of Kafka as a place to read or write."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from pipeline.io.kafka.address import SCHEME, KafkaAddress
from pipeline.io.place import Reading
from pipeline.io.topics.topic import Topic

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.io.kafka.events import KafkaTopic
    from pipeline.io.kafka.reader import KafkaReader
    from pipeline.io.kafka.sender import KafkaSender
    from transforms.raw_chunk import RawChunk

#: A topic that a run needs and that isn't there is made with so many partitions.
PARTITIONS: Final = 3


class KafkaPlace(KafkaAddress, Topic):
    """See `Topic`; its fields are those of the address."""

    scheme = SCHEME
    system = product = "Kafka"
    needs_expansion = True
    has_partitions = True

    def dead_letters(self) -> Self:
        """The topic of that name and ``.dead-letters``."""
        return replace(self, topic=f"{self.topic}.dead-letters", option="--dead-letters")

    def make(self, say: Callable[[str], None]) -> None:
        """Make the topic where there is none."""
        from pipeline.io.kafka.clients import ensure_topic

        if ensure_topic(self, PARTITIONS):
            say(f"made the topic {self.url} with {PARTITIONS} partitions")

    def source(self, reading: Reading) -> "beam.PTransform[beam.pvalue.PBegin, beam.PCollection[RawChunk]]":
        """The source in Java, which an expansion service has to know."""
        from pipeline.io.kafka.source import ReadKafka

        if reading.expansion_service is None:
            raise TypeError("Kafka's source needs an expansion service")
        return ReadKafka(self, reading.expansion_service, json_only=reading.mapping is not None)

    def sender(self) -> "KafkaSender":
        from pipeline.io.kafka.sender import KafkaSender

        return KafkaSender(self)

    def reader(self) -> "KafkaReader":
        from pipeline.io.kafka.reader import KafkaReader

        return KafkaReader(self)

    def event_topic(self, *, make: bool = False, partitions: int | None = None) -> "KafkaTopic":
        from pipeline.io.kafka.events import existing_topic, made_topic

        return made_topic(self, partitions) if make else existing_topic(self)
