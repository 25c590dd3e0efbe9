"""How far a job is behind the end of its topic."""

import time
from typing import Final

from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.kafka.clients import ANSWER_SECONDS, broker_error, consumer_config, count_partitions

_POLL: Final = 0.2


def kafka_lag(address: KafkaAddress) -> dict[int, int]:
    """Partition -> records that its group has not read, as of the job's last checkpoint, which commits what it covers.

    What was never read counts from where a new job would begin.

    Raises:
        AddressError, BrokerError: there is no such topic, or no broker answers in time.
    """
    from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

    # A broker that has just started, or a group that is new, has its coordinator a moment later.
    passing = (
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    )
    deadline = time.monotonic() + ANSWER_SECONDS

    partitions = [TopicPartition(address.topic, number) for number in range(count_partitions(address))]
    lags = {}
    consumer = Consumer(consumer_config(address))

    def committed() -> list[TopicPartition]:
        while True:
            try:
                return consumer.committed(partitions, timeout=ANSWER_SECONDS)
            except KafkaException as error:
                if error.args[0].code() not in passing or time.monotonic() > deadline:
                    raise
                time.sleep(_POLL)

    try:
        for found in committed():
            start, end = consumer.get_watermark_offsets(found, timeout=ANSWER_SECONDS)
            fresh = start if address.start == "earliest" else end
            lags[found.partition] = end - (found.offset if found.offset >= start else fresh)
    except KafkaException as error:
        raise broker_error(address, error.args[0]) from error
    finally:
        consumer.close()
    return lags
