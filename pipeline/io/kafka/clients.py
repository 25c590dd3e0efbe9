"""Kafka's clients as every part of this program sets them up, and the topics that they need.

A topic made here keeps its records for good and takes them with any time. Kafka's defaults are for records that are
made now: it deletes them seven days after *their own* time, so that a replayed log of last month would vanish within
minutes, and (from 4.0 on) refuses times more than an hour ahead of the broker's clock. Topics that exist stay as they
are.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pipeline.io.kafka.address import PASSWORD, USERNAME, KafkaAddress
from pipeline.io.topics.errors import TopicError
from segmentation.documents.suggestions import did_you_mean

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

#: Seconds that a broker has to answer a question of ours.
ANSWER_SECONDS: Final = 15.0
#: How long (ms) a record may wait for its acknowledgement: a broker that restarts within that costs nothing else.
DELIVERY_MS: Final = 120_000
#: What brokers take in where nothing else is set: bytes of one batch, and of a record that fills one.
DEFAULT_MESSAGE_BYTES: Final = 1_048_588
#: The most that an idempotent producer may have.
_MOST_IN_FLIGHT: Final = 5

_LOGGER = logging.getLogger("segments.kafka")
_MADE_HERE: Final[Mapping[str, str]] = {
    # The longest line that is taken in, and what comes around it.
    "max.message.bytes": str(10 << 20),
    "message.timestamp.after.max.ms": str(2**63 - 1),
    "message.timestamp.type": "CreateTime",
    "retention.ms": "-1",
}


class BrokerError(TopicError):
    """A broker can't be reached, or refuses; the message starts with the option that names the topic."""


def client_config(address: KafkaAddress) -> dict[str, Any]:
    """What every client is made with; its own log goes to Python's.

    Raises:
        AddressError: the environment lacks what the address needs.
    """
    return {**address.client_config(), "logger": _LOGGER}


def producer_config(address: KafkaAddress) -> dict[str, Any]:
    """Settings of a producer that loses nothing, and repeats and reorders nothing while it lives.

    Raises:
        AddressError: the environment lacks what the address needs.
    """
    return {
        **client_config(address),
        "enable.idempotence": True,
        "linger.ms": 5,
        "compression.type": "lz4",
        "message.timeout.ms": DELIVERY_MS,
        "queue.buffering.max.kbytes": 64 << 10,
        # As Java's clients do it: the records of a key meet in one partition, whichever program wrote them.
        "partitioner": "murmur2_random",
    }


def consumer_config(address: KafkaAddress) -> dict[str, Any]:
    """Settings of a consumer that begins where the address says and commits only when it is told to.

    Raises:
        AddressError: the environment lacks what the address needs.
    """
    return {
        **client_config(address),
        "group.id": address.group,
        "auto.offset.reset": address.start,
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
    }


def ensure_topic(address: KafkaAddress, partitions: int = 1, config: Mapping[str, str] | None = None) -> bool:
    """Make the topic where there is none, with the broker's own number of replicas; True where it was made.

    ``config`` are the topic's settings beyond, or instead of, those that every topic made here has.

    Raises:
        AddressError, BrokerError: no broker answers in time, or it refuses.
    """
    from confluent_kafka import KafkaError
    from confluent_kafka.admin import NewTopic

    with _asking(address) as asker:
        if address.topic in asker.topics():
            return False
        settings = {**_MADE_HERE, **(config or {})}
        new = NewTopic(address.topic, num_partitions=partitions, replication_factor=-1, config=settings)
        asked = asker.admin.create_topics([new], operation_timeout=ANSWER_SECONDS, request_timeout=ANSWER_SECONDS)
        error = asked[address.topic].exception(2 * ANSWER_SECONDS)
        if error is not None and _code(error) != KafkaError.TOPIC_ALREADY_EXISTS:
            raise error
        # Made is not known yet: the controller answers before the broker has heard of it.
        deadline = time.monotonic() + ANSWER_SECONDS
        while address.topic not in asker.topics():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.02)
        return error is None


def count_partitions(address: KafkaAddress) -> int:
    """How many partitions the topic has.

    Raises:
        AddressError, BrokerError: there is no such topic, or no broker answers in time.
    """
    with _asking(address) as asker:
        topics = asker.topics()
    if address.topic not in topics:
        hint = did_you_mean(address.topic, [name for name in topics if not name.startswith("__")])
        raise BrokerError(f"{address.option}: there is no topic {address.topic} at {address.servers}{hint}")
    return len(topics[address.topic].partitions)


def max_message_bytes(address: KafkaAddress) -> int:
    """The most bytes of a batch, and so of one record, that the topic takes.

    `DEFAULT_MESSAGE_BYTES` where the broker won't say, for want of permission.

    Raises:
        AddressError, BrokerError: there is no such topic, or no broker answers in time.
    """
    from confluent_kafka import KafkaError
    from confluent_kafka.admin import ConfigResource, ResourceType

    resource = ConfigResource(ResourceType.TOPIC, address.topic)
    with _asking(address) as asker:
        asked = asker.admin.describe_configs([resource], request_timeout=ANSWER_SECONDS)[resource]
        error = asked.exception(2 * ANSWER_SECONDS)
        if error is None:
            return int(asked.result()["max.message.bytes"].value)
        if _code(error) != KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise error
        return DEFAULT_MESSAGE_BYTES


def requests_in_flight(address: KafkaAddress) -> int:
    """How many requests an idempotent producer of the topic may have under way at a broker: 1 to 5.

    Fewer than the partitions that any broker leads, where it leads several: librdkafka (2.6 to 2.16) waits for an
    answer in a busy loop once all partitions of a broker have a request under way and more to send. A core for each
    producer is lost then, and the slower the broker is, the longer.

    Raises:
        AddressError, BrokerError: there is no such topic, or no broker answers in time.
    """
    from confluent_kafka import TopicCollection

    with _asking(address) as asker:
        asked = asker.admin.describe_topics(TopicCollection([address.topic]), request_timeout=ANSWER_SECONDS)
        partitions = asked[address.topic].result(2 * ANSWER_SECONDS).partitions
    led = Counter(partition.leader.id for partition in partitions if partition.leader is not None)
    return max(1, min([_MOST_IN_FLIGHT, *(count - 1 for count in led.values())]))


def broker_error(address: KafkaAddress, error: "KafkaError") -> BrokerError:
    """The error for what a client of confluent-kafka says."""
    from confluent_kafka import KafkaError

    text = error.str()
    if error.code() in _silences():
        # One that is spoken to in another way than it expects just hangs up.
        protocol = dict(address.config).get("security.protocol", "PLAINTEXT")
        text = f"no broker answers with security.protocol={protocol} ({text})"
    if error.code() == KafkaError._AUTHENTICATION:
        text += f"; user and password are those of {USERNAME} and {PASSWORD}"
    if error.code() == KafkaError.INVALID_TIMESTAMP:
        text += "; the topic's message.timestamp.before.max.ms and message.timestamp.after.max.ms have to allow it"
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        text += "; the topic's max.message.bytes has to allow it"
    return BrokerError(f"{address.option}: {address.url}: {text}")


class _Asker:
    """A client for some questions, and what came of its connections meanwhile.

    An answer that stays out says nothing of a refused password or of a certificate that can't be verified.
    """

    def __init__(self, address: KafkaAddress) -> None:
        from confluent_kafka.admin import AdminClient

        self._told: list[KafkaError] = []
        config: dict[str, Any] = {**client_config(address), "error_cb": self._told.append}
        self.admin = AdminClient(config)

    def topics(self) -> Mapping[str, Any]:
        """All of them: asking for one by its name makes it, where brokers make topics by themselves."""
        from confluent_kafka import KafkaException

        seconds = ANSWER_SECONDS / 15
        while True:
            try:
                topics: Mapping[str, Any] = self.admin.list_topics(timeout=seconds).topics
                return topics
            except KafkaException as error:
                # 1 + 2 + 4 + 8: who is refused need not wait to the end.
                cause = self.cause(error.args[0])
                if cause.code() not in passing_errors() or seconds > ANSWER_SECONDS / 2:
                    raise
            seconds *= 2

    def cause(self, error: "KafkaError") -> "KafkaError":
        """What is behind an error, as far as the connections have told."""
        from confluent_kafka import KafkaError

        self.admin.poll(0)
        if error.code() not in _silences():
            return error
        reasons = [told for told in self._told if told.code() != KafkaError._ALL_BROKERS_DOWN]
        refusals = [told for told in reasons if told.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL)]
        return next(iter([*refusals, *reasons]), error)


@contextmanager
def _asking(address: KafkaAddress) -> Iterator[_Asker]:
    """A client for some questions; what fails in them is a `BrokerError`."""
    from confluent_kafka import KafkaException

    try:
        asker = _Asker(address)
    except KafkaException as error:
        raise broker_error(address, error.args[0]) from error
    try:
        yield asker
    except KafkaException as error:
        raise broker_error(address, asker.cause(error.args[0])) from error
    except TimeoutError as error:
        raise BrokerError(f"{address.option}: {address.url}: no answer in time") from error


def passing_errors() -> tuple[int, ...]:
    """What a client tells of and overcomes by itself."""
    from confluent_kafka import KafkaError

    return *_silences(), KafkaError._RESOLVE


def _silences() -> tuple[int, ...]:
    """Errors that say no more than that there was no answer."""
    from confluent_kafka import KafkaError

    return KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT


def _code(error: BaseException) -> int | None:
    from confluent_kafka import KafkaException

    return error.args[0].code() if isinstance(error, KafkaException) else None
