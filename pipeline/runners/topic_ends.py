"""The ends of a graph that are topics, whoever keeps them."""

from typing import Any

import apache_beam as beam

from pipeline.graph import Outputs
from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.kafka.sinks import WriteAuditToKafka, WriteChangesToKafka, WriteDeadLettersToKafka
from pipeline.io.kafka.source import ReadKafka
from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.sinks import WriteAuditToPubsub, WriteChangesToPubsub, WriteDeadLettersToPubsub
from pipeline.io.pubsub.source import ReadPubsub
from pipeline.io.topics.address import Topic
from pipeline.options.run_options import RunOptions


def read_topic(
    pipeline: beam.Pipeline, topic: Topic, *, json_only: bool, expansion_service: str | None = None
) -> beam.PCollection[Any]:
    """The records of a topic, or of a subscription to one, as `RawChunk`.

    ``json_only``: Avro is bad input. ``expansion_service``: what knows Kafka's source, ``host:port``.

    Raises:
        TypeError: Kafka is to be read without an expansion service.
    """
    if isinstance(topic, PubsubAddress):
        messages: beam.PCollection[Any] = pipeline | "ReadPubsub" >> ReadPubsub(topic, json_only=json_only)
        return messages
    if expansion_service is None:
        raise TypeError("Kafka's source needs an expansion service")
    records: beam.PCollection[Any] = pipeline | "ReadKafka" >> ReadKafka(topic, expansion_service, json_only=json_only)
    return records


def write_topics(outputs: Outputs, options: RunOptions) -> None:
    """Add the sinks that are topics to the graph."""
    changes, letters, audit = options.changes, options.dead_letters, options.audit
    if isinstance(changes, KafkaAddress):
        outputs.changes | "WriteChangesToKafka" >> WriteChangesToKafka(changes)
    elif isinstance(changes, PubsubAddress):
        outputs.changes | "WriteChangesToPubsub" >> WriteChangesToPubsub(changes)
    if isinstance(letters, KafkaAddress):
        outputs.dead_letters | "WriteDeadLettersToKafka" >> WriteDeadLettersToKafka(letters)
    elif isinstance(letters, PubsubAddress):
        outputs.dead_letters | "WriteDeadLettersToPubsub" >> WriteDeadLettersToPubsub(letters)
    if outputs.audit is not None and isinstance(audit, KafkaAddress):
        outputs.audit | "WriteAuditToKafka" >> WriteAuditToKafka(audit)
    elif outputs.audit is not None and isinstance(audit, PubsubAddress):
        outputs.audit | "WriteAuditToPubsub" >> WriteAuditToPubsub(audit)
