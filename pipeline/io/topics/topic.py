"""A topic, or a subscription to one, whichever system keeps it."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pipeline.io.outputs import Output
from pipeline.io.place import Place
from pipeline.options.errors import OptionError

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.io.topics.event_topic import EventTopic
    from pipeline.io.topics.reader import TopicReader
    from pipeline.io.topics.sender import Sender
    from transforms.mapping.model import EventMapping


class Topic(Place):
    """A place whose records are messages. A system adds its clients: one that sends, one that reads."""

    live = True
    product: ClassVar[str]  #: how messages call its system
    has_partitions: ClassVar[bool]  #: whether a topic is made with a number of partitions

    @classmethod
    @abstractmethod
    def parse(cls, text: str, option: str, *, reads: bool = True) -> Self:
        """The topic that ``text``, the value of ``option``, stands for.

        Raises:
            AddressError: a part is missing, unknown or can't be used.
        """

    def check_readable(self, mapping: "EventMapping | None", mapping_path: str | None) -> list[str]:
        """Check the mapping: a message is JSON or Avro, and what came before it is not known."""
        if mapping is not None and mapping.format != "json":
            raise OptionError(f"--mapping: {mapping_path} is for {mapping.format}; a topic's records are JSON or Avro")
        if mapping is not None and mapping.numbers_repeats:
            known = "a topic can't tell how often a record occurred before"
            raise OptionError(f"--mapping: {mapping_path} names no event_id, and {known}")
        return []

    def sink(self, output: Output) -> "beam.PTransform[beam.PCollection[Any], beam.PCollection[None]]":
        """A message for each record, acknowledged in its bundle."""
        from pipeline.io.topics.sinks import WriteMessages

        return WriteMessages(output, self.sender)

    @abstractmethod
    def sender(self) -> "Sender":
        """What sends a run's records. Called where the work is done.

        Raises:
            AddressError, TopicError: there is no such topic, its system doesn't answer in time, or the environment
                lacks what its client needs.
        """

    @abstractmethod
    def reader(self) -> "TopicReader":
        """Begin to read its messages, for people.

        Raises:
            AddressError, TopicError: there is no such topic or subscription, or its system doesn't answer in time.
        """

    @abstractmethod
    def event_topic(self, *, make: bool = False, partitions: int | None = None) -> "EventTopic":
        """The topic as events go to it; ``make``: made, with so many partitions, where there is none and it may be.

        Raises:
            AddressError, TopicError: there is no such topic, or its system doesn't answer in time, or refuses.
            OptionError: the topic exists with another number of partitions than asked for.
        """
