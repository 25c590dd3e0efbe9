"""A log on disk into a topic: every record once, in its order, at full speed or at a pace."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipeline.io.files.csv_header import check_header
from pipeline.io.files.event_logs import find_files, format_of, read_chunks
from pipeline.io.files.log_stream import InputError
from pipeline.io.places import parse_topic
from pipeline.io.progress import report
from pipeline.io.topics.event_lines import EventLineReader, EventLines
from pipeline.io.topics.options import TopicOptions
from pipeline.io.topics.topic import Topic
from pipeline.io.topics.writer import TopicWriter
from pipeline.traffic.options import parse_rate
from pipeline.traffic.pacing import Pacer
from segmentation.units import SECOND
from transforms.mapping.file import load_mapping
from transforms.mapping.model import EventMapping
from transforms.raw_chunk import Format

#: Called with (events sent, the same): how many there will be is known at the end only.
Progress = Callable[[int, int], None]

#: Lines that go out between two looks at the clock, where there is no pace.
_PART = 50_000
#: Problems that are kept in words; the others are counted.
_SHOWN = 20


@dataclass(frozen=True)
class ReplayOptions:
    """What `segments replay` was asked to do. ``rate`` is lines a second; None: as fast as it goes."""

    events: str
    to: Topic
    mapping: str | None = None
    rate: float | None = None
    topic: TopicOptions = field(default_factory=TopicOptions)

    @classmethod
    def parse(
        cls,
        *,
        events: str,
        to: str,
        mapping: str | None = None,
        rate: str | None = None,
        batch: int = 1,
        partitions: int | None = None,
        finish: bool = False,
    ) -> "ReplayOptions":
        """From the texts of a command line.

        Raises:
            OptionError, AddressError, TrafficOptionError: a value can't be used; the message names the option.
        """
        address = parse_topic(to, "--to", reads=False)
        topic = TopicOptions(batch, partitions, finish)
        topic.check(address)
        return cls(
            events=events,
            to=address,
            mapping=mapping,
            rate=None if rate is None else parse_rate(rate),
            topic=topic,
        )


@dataclass(frozen=True)
class ReplaySummary:
    """What went into the topic."""

    to: str  #: address without parameters
    partitions: int  #: 1 where a topic has none
    files: int
    #: Records of the log that were sent, what is no event included.
    events: int
    #: Of them, those that are no event; the pipeline makes dead letters of them.
    malformed: int
    #: Records, or messages, of the topic, heartbeats included.
    records: int
    #: Latest time of an event, µs; None where there is none.
    latest: int | None
    #: Records of the log that can't be sent, such as a broken Avro block; the first of them in words.
    unsendable: int
    problems: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Source:
    """A log that is there and can be read."""

    files: list[tuple[str, Format]]
    mapping: EventMapping | None


def open_source(options: ReplayOptions) -> Source:
    """Find and check what is to be sent; nothing is written.

    Raises:
        InputError: there is no such log, it can't be read, or a CSV file lacks a column that is needed.
        MappingError: the mapping file has errors.
    """
    mapping = None if options.mapping is None else load_mapping(options.mapping)
    files = find_files(options.events)
    for file in files:
        check_header(file, mapping, options.mapping)
    return Source([(file, format_of(file) if mapping is None else mapping.format) for file in files], mapping)


def replay(
    options: ReplayOptions, source: Source, progress: Progress | None = None, pacer: Pacer | None = None
) -> ReplaySummary:
    """Send a log. What was sent before an interruption arrives.

    Reading also tells `pipeline.io.progress` how many bytes of the files it has read.

    Args:
        options: where to, and how.
        source: from `open_source`.
        progress: called after each part.
        pacer: how to wait where the options have a rate; by default by the clock of the machine.

    Raises:
        TopicError: the topic's system doesn't answer, or a record is refused.
        OptionError: the topic has another number of partitions than asked for.
        InputError: a file can't be read.
    """
    begun = time.monotonic()
    pacer = Pacer(options.rate) if pacer is None else pacer
    topic = options.to.event_topic(make=True, partitions=options.topic.partitions)
    problems: list[str] = []
    unsendable = 0
    with TopicWriter(topic, options.topic.batch) as writer:
        for lines in _lines(source):
            unsendable += len(lines.unsendable)
            problems += lines.unsendable[: _SHOWN - len(problems)]
            for part in lines.parts(pacer.piece_size(_PART)):
                pacer.wait_for(writer.lines)
                writer.write(part)
                if progress is not None:
                    progress(writer.lines, writer.lines)
        if options.topic.finish:
            writer.finish()
    return ReplaySummary(
        to=options.to.url,
        partitions=topic.partitions,
        files=len(source.files),
        events=writer.lines,
        malformed=writer.malformed,
        records=writer.records,
        latest=writer.latest,
        unsendable=unsendable,
        problems=tuple(problems),
        seconds=time.monotonic() - begun,
    )


def _lines(source: Source) -> Iterator[EventLines]:
    reader = EventLineReader(source.mapping)
    repeats = source.mapping is not None and source.mapping.numbers_repeats
    for file, form in source.files:
        for chunk in read_chunks(file, form, number_repeats=repeats, progress=report):
            # The clock is looked at for each chunk: a paced replay may go on for days.
            try:
                yield reader.lines(chunk, int(time.time() * SECOND))
            except ValueError as error:
                raise InputError(f"{file}: {error}") from error
