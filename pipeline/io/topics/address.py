"""The address of a topic (or of a subscription to one), whichever system keeps it."""

from pipeline.io.kafka.address import KafkaAddress, is_kafka
from pipeline.io.pubsub.address import PubsubAddress, is_pubsub

Topic = KafkaAddress | PubsubAddress


def is_topic(text: str) -> bool:
    """Whether the value of an option means a topic, or a subscription to one."""
    return is_kafka(text) or is_pubsub(text)


def parse_topic(text: str, option: str, *, reads: bool = True) -> Topic:
    """The address that ``text``, the value of ``option``, stands for; what is not Pub/Sub's has to be Kafka's.

    Raises:
        AddressError: a part is missing, unknown or can't be used.
    """
    if is_pubsub(text):
        return PubsubAddress.parse(text, option, reads=reads)
    return KafkaAddress.parse(text, option, reads=reads)
