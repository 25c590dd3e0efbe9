"""A simulated log into a topic: the lines that its file would have, in the same order."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.io.places import parse_topic
from pipeline.io.topics.event_lines import EventLineReader
from pipeline.io.topics.options import TopicOptions
from pipeline.io.topics.writer import TopicWriter
from segmentation.units import SECOND
from transforms.raw_chunk import RawChunk


@contextmanager
def open_topic(out: str, options: TopicOptions) -> Iterator[Callable[[bytes], None]]:
    """Opens a topic for writing and gives the function that sends JSON lines, each with its line end.

    What was sent is acknowledged when the block ends; what was sent before an interruption arrives.

    Raises:
        AddressError, TopicError, OptionError: the topic can't be written to.
    """
    topic = parse_topic(out, "--out", reads=False).event_topic(make=True, partitions=options.partitions)
    reader = EventLineReader(None)
    with TopicWriter(topic, options.batch) as writer:
        # As from a file: which partition a line goes to must not depend on who sends it.
        yield lambda data: writer.write(reader.lines(RawChunk(out, "json", 1, data), int(time.time() * SECOND)))
        if options.finish:
            writer.finish()
