"""ReadKafka: the records of a topic as chunks."""

from collections.abc import Iterator
from typing import Any, Final

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MAX_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.topics.unpacking import PackGatherer
from segmentation.units import MILLISECOND
from transforms.raw_chunk import RawChunk

#: The source in Java that packs records before they cross to Python; ``deploy/java`` holds it.
PACKS_URN: Final = "segments:kafka_packs:v1"

_WINDOW: Final = (GlobalWindow(),)


class ReadKafka(beam.PTransform[beam.pvalue.PBegin, beam.PCollection[RawChunk]]):
    """A pipeline's root -> PCollection of `RawChunk`, few for each bundle.

    A chunk's time is the least of its records'. A record that is white space only, or nothing at all, is one bad
    record; JSON that goes on over several lines is a bad record for each of them.

    Args:
        address: the topic.
        expansion_service: ``host:port`` of the expansion service that knows `PACKS_URN`.
        json_only: whether Avro is bad input: a mapping reads JSON.
    """

    def __init__(self, address: KafkaAddress, expansion_service: str, *, json_only: bool = False) -> None:
        super().__init__()
        self._address = address
        self._expansion_service = expansion_service
        self._json_only = json_only

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[RawChunk]:
        """Apply the transform."""
        packs = root | "Consume" >> _packs(self._address, self._expansion_service)
        unpack = beam.ParDo(_Unpack(self._address.url, self._json_only)).with_output_types(RawChunk)
        chunks: beam.PCollection[RawChunk] = packs | "UnpackRecords" >> unpack
        return chunks


def _packs(
    address: KafkaAddress, expansion_service: str
) -> beam.PTransform[beam.pvalue.PBegin, beam.PCollection[bytes]]:
    consumer = address.java_config() | {
        "group.id": address.group,
        "auto.offset.reset": address.start,
        "enable.auto.commit": "false",
        "isolation.level": "read_committed",
    }
    fields = {
        "bootstrapServers": address.servers,
        "topic": address.topic,
        "consumerConfig": consumer,
        "idleMillis": address.idle // MILLISECOND,
        "aheadMillis": address.ahead // MILLISECOND,
        "lagMillis": address.lag // MILLISECOND,
        # So that the group's lag tells how far behind a job is; what is read after a restart is in its checkpoints.
        "commitOffsets": True,
    }
    return beam.ExternalTransform(
        PACKS_URN, beam.transforms.external.ImplicitSchemaPayloadBuilder(fields), expansion_service
    )


class _Unpack(beam.DoFn):
    """Gathers a bundle's records: a chunk has to be worth the work that each one costs further on."""

    def __init__(self, source: str, json_only: bool) -> None:
        self._source = source
        self._json_only = json_only

    def start_bundle(self) -> None:
        self._gatherer = PackGatherer(self._source, json_only=self._json_only)
        self._least = MAX_TIMESTAMP

    def process(self, pack: bytes, timestamp: Any = beam.DoFn.TimestampParam) -> Iterator[WindowedValue]:
        self._gatherer.add(pack)
        self._least = min(self._least, timestamp)
        if self._gatherer.full:
            yield from self._take()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        yield from self._take()

    def _take(self) -> Iterator[WindowedValue]:
        for chunk in self._gatherer.take():
            yield WindowedValue(chunk, self._least, _WINDOW)
        self._least = MAX_TIMESTAMP
