"""What may be asked of the topic that events go to."""

from dataclasses import dataclass
from typing import Final

from pipeline.io.topics.topic import Topic
from pipeline.options.errors import OptionError

MAX_PARTITIONS: Final = 1_000
MAX_BATCH: Final = 10_000


@dataclass(frozen=True)
class TopicOptions:
    """How events are put into a topic, validated on construction.

    Raises:
        OptionError: a number is outside its range.
    """

    #: Events that one record holds at most; with more than one, each on a line of its own.
    batch: int = 1
    #: Partitions of a topic that has to be made; None: the usual number, and no matter what a topic has.
    partitions: int | None = None
    #: Whether heartbeats follow at the end, so that the last tick settles.
    finish: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= MAX_BATCH:
            raise OptionError(f"--batch: expected 1 to {MAX_BATCH}, found {self.batch}")
        if self.partitions is not None and not 1 <= self.partitions <= MAX_PARTITIONS:
            raise OptionError(f"--partitions: expected 1 to {MAX_PARTITIONS}, found {self.partitions}")

    def check(self, to: Topic) -> None:
        """Checks that what is asked for can be had in such a topic.

        Raises:
            OptionError: it can't.
        """
        if self.partitions is not None and not to.has_partitions:
            raise OptionError(f"--partitions: a topic of {to.product} such as {to.url} has none; leave the option out")
