"""How far a job is behind the end of its topic."""

from pipeline.io.kafka_address import KafkaAddress
from pipeline.io.kafka_clients import ANSWER_SECONDS, broker_error, consumer_config, count_partitions


def kafka_lag(address: KafkaAddress) -> dict[int, int]:
    """Partition -> records that its group has not read, as of the job's last checkpoint, which commits what it covers.

    What was never read counts from where a new job would begin.

    Raises:
        AddressError, BrokerError: there is no such topic, or no broker answers in time.
    """
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    partitions = [TopicPartition(address.topic, number) for number in range(count_partitions(address))]
    lags = {}
    consumer = Consumer(consumer_config(address))
    try:
        for found in consumer.committed(partitions, timeout=ANSWER_SECONDS):
            start, end = consumer.get_watermark_offsets(found, timeout=ANSWER_SECONDS)
            fresh = start if address.start == "earliest" else end
            lags[found.partition] = end - (found.offset if found.offset >= start else fresh)
    except KafkaException as error:
        raise broker_error(address, error.args[0]) from error
    finally:
        consumer.close()
    return lags
