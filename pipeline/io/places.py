"""Every kind of place, by the beginning of its address: a new system is entered here, and nowhere else."""

from collections.abc import Mapping
from typing import Final

from pipeline.io.files.place import FilePlace
from pipeline.io.kafka.place import KafkaPlace
from pipeline.io.place import Place
from pipeline.io.pubsub.place import PubsubPlace
from pipeline.io.topics.topic import Topic
from pipeline.options.errors import OptionError

_TOPICS: Final[Mapping[str, type[Topic]]] = {KafkaPlace.scheme: KafkaPlace, PubsubPlace.scheme: PubsubPlace}


def is_topic(text: str) -> bool:
    """Whether the value of an option means a topic, or a subscription to one."""
    return text.startswith(tuple(_TOPICS))


def parse_topic(text: str, option: str, *, reads: bool = True) -> Topic:
    """The topic that ``text``, the value of ``option``, stands for.

    Raises:
        AddressError: a part is missing, unknown or can't be used.
    """
    # What is no address at all is told what Kafka's look like.
    kind = next((kind for scheme, kind in _TOPICS.items() if text.startswith(scheme)), KafkaPlace)
    return kind.parse(text, option, reads=reads)


def parse_place(option: str, text: str, *, reads: bool = True) -> Place:
    """The place that ``text``, the value of ``option``, stands for; ``reads``: a run reads it.

    >>> events = parse_place("--events", "kafka://127.0.0.1:9092/events?idle=2s")
    >>> events.url, events.live
    ('kafka://127.0.0.1:9092/events', True)
    >>> parse_place("--changes", "out/changes.avro", reads=False).dead_letters().url
    'out/changes.dead-letters.jsonl'

    Raises:
        OptionError: it is no path, or a run can't read such a place.
        AddressError: it is the address of a topic and can't be used.
    """
    if not is_topic(text):
        check_path(option, text)
        return FilePlace(text, option)
    place = parse_topic(text, option, reads=reads)
    if reads:
        place.check_source()
    return place


def check_path(option: str, text: str) -> None:
    """Checks the value of an option that takes a file.

    Raises:
        OptionError: it is a topic or a URL, or nothing at all.
    """
    if is_topic(text):
        raise OptionError(f"{option}: can't be a topic; give the path of a file")
    scheme, separator, _ = text.partition("://")
    if separator:
        raise OptionError(f"{option}: {scheme}:// is not available yet; give the path of a file")
    if not text.strip():
        raise OptionError(f"{option}: expected the path of a file, found nothing")
