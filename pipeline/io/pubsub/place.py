"""A topic or subscription of Pub/Sub as a place to read or write."""

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from pipeline.io.place import Place, Reading
from pipeline.io.pubsub.address import SCHEME, PubsubAddress
from pipeline.io.topics.topic import Topic
from pipeline.options.errors import OptionError

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.io.pubsub.events import PubsubTopic
    from pipeline.io.pubsub.sender import PubsubSender
    from pipeline.io.pubsub.tailing import PubsubTail
    from transforms.raw_chunk import RawChunk


class PubsubPlace(PubsubAddress, Topic):
    """See `Topic`; its fields are those of the address."""

    scheme = SCHEME
    system = "Pubsub"
    product = "Pub/Sub"
    has_partitions = False

    @classmethod
    def of(cls, place: Place) -> Self:
        """The same place, for those who need what only Pub/Sub has.

        Raises:
            TypeError: it is in another system.
        """
        if not isinstance(place, cls):
            raise TypeError(f"{place.option}: expected a place of Pub/Sub, found {place.url}")
        return place

    def dead_letters(self) -> Self:
        """The topic of that name and ``.dead-letters``."""
        return replace(self, name=f"{self.name}.dead-letters", option="--dead-letters")

    def check_source(self) -> None:
        """A run reads a subscription."""
        if self.kind == "topics":
            shape = f"{SCHEME}{self.project}/subscriptions/NAME"
            raise OptionError(f"{self.option}: {self.url} is a topic; a run reads a subscription to it: {shape}")

    def source(self, reading: Reading) -> "beam.PTransform[beam.pvalue.PBegin, beam.PCollection[RawChunk]]":
        """Dataflow's own source, where that is the runner, or ours."""
        json_only = reading.mapping is not None
        if reading.native:
            from pipeline.io.pubsub.native_source import ReadPubsubNatively

            return ReadPubsubNatively(self, json_only=json_only)
        from pipeline.io.pubsub.source import ReadPubsub

        return ReadPubsub(self, json_only=json_only)

    def sender(self) -> "PubsubSender":
        from pipeline.io.pubsub.sender import PubsubSender

        return PubsubSender(self)

    def reader(self) -> "PubsubTail":
        from pipeline.io.pubsub.tailing import PubsubTail

        return PubsubTail(self)

    def event_topic(self, *, make: bool = False, partitions: int | None = None) -> "PubsubTopic":  # noqa: ARG002
        """On an emulator it is made; partitions it has none."""
        from pipeline.io.pubsub.clients import check_topic
        from pipeline.io.pubsub.events import PubsubTopic

        check_topic(self, make=make)
        return PubsubTopic(self)
