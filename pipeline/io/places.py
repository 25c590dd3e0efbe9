"""Where a run reads and writes: files and topics."""

from dataclasses import replace

from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.topics.address import is_topic, parse_topic
from pipeline.options.errors import OptionError

#: The path of a file, or a topic.
Place = str | KafkaAddress | PubsubAddress


def parse_place(option: str, text: str, *, reads: bool = True) -> Place:
    """The place that ``text``, the value of ``option``, stands for. From Pub/Sub a run reads a subscription.

    Raises:
        OptionError: it is no path.
        AddressError: it is the address of a topic and can't be used.
    """
    if not is_topic(text):
        check_path(option, text)
        return text
    place = parse_topic(text, option, reads=reads)
    if reads and isinstance(place, PubsubAddress) and place.kind == "topics":
        shape = f"pubsub://{place.project}/subscriptions/NAME"
        raise OptionError(f"{option}: {place.url} is a topic; a run reads a subscription to it: {shape}")
    return place


def default_dead_letters(changes: Place) -> Place:
    """Where dead letters go when nothing else is said: beside the changes."""
    if isinstance(changes, KafkaAddress):
        return replace(changes, topic=f"{changes.topic}.dead-letters", option="--dead-letters")
    if isinstance(changes, PubsubAddress):
        return replace(changes, name=f"{changes.name}.dead-letters", option="--dead-letters")
    stem = changes.removesuffix(".gz")
    for ending in (".jsonl", ".avro"):
        stem = stem.removesuffix(ending)
    return stem + ".dead-letters.jsonl"


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
