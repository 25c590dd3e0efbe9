"""Reading a topic: how a bundle's packs become chunks, and what the source in Java is asked for."""

from typing import Any

import apache_beam as beam
import pytest
from apache_beam.coders import RowCoder
from apache_beam.portability.api import external_transforms_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp

from pipeline.io.kafka import source as kafka_source
from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.kafka.source import ReadKafka
from pipeline.io.topics import unpacking as kafka_unpacking
from tests.pipeline.io.kafka_records import Record, encode_pack
from tests.transforms.decoding_cases import NOW, line
from transforms.decode_events import DecodeEvents
from transforms.raw_chunk import RawChunk

ADDRESS = KafkaAddress.parse("kafka://b:1/t?group=g&start=latest&idle=250ms&ahead=3s&lag=1h", "--events")
PACKS = [
    TimestampedValue(encode_pack([Record(0, offset, 0, line(offset)), Record(1, offset, 0, b"junk")]), 100 - offset)
    for offset in range(1, 7)
]


class WithTimes(beam.DoFn):
    """Lines and seconds of each chunk."""

    def process(self, chunk: RawChunk, timestamp: Any = beam.DoFn.TimestampParam) -> Any:
        yield chunk.data.count(b"\n"), timestamp.micros // 1_000_000


def read(root: beam.pvalue.PBegin, monkeypatch: pytest.MonkeyPatch) -> beam.PCollection[Any]:
    """What the transform makes of `PACKS`."""
    monkeypatch.setattr(kafka_source, "_packs", lambda *_: beam.Create(PACKS, reshuffle=False).with_output_types(bytes))
    return root | "ReadKafka" >> ReadKafka(ADDRESS, "127.0.0.1:1")


def test_bundle_is_one_chunk_at_its_least_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        chunks = read(pipeline, monkeypatch)
        assert_that(chunks | beam.ParDo(WithTimes()), equal_to([(12, 94)]))


def test_large_bundle_is_several_chunks_each_at_its_least_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_unpacking, "MAX_GATHERED_RECORDS", 7)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        chunks = read(pipeline, monkeypatch)
        assert_that(chunks | beam.ParDo(WithTimes()), equal_to([(8, 96), (4, 94)]))


def test_dead_letters_out_of_a_topic_name_partition_and_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = beam.Pipeline(runner=FnApiRunner())
    batches = read(pipeline, monkeypatch) | DecodeEvents((), now=NOW)
    letters = batches | "Letters" >> beam.FlatMap(lambda batch: batch.refused)
    places = letters | "Places" >> beam.Map(lambda letter: (letter.source, letter.position, letter.payload))
    assert_that(places, equal_to([("kafka://b:1/t/1", offset, b"junk") for offset in range(1, 7)]))
    result = pipeline.run()
    result.wait_until_finish()
    counters = {metric.key.metric.name: metric.committed for metric in result.metrics().query()["counters"]}
    assert (counters["read"], counters["dead_letter.undecodable"]) == (12, 6)


def test_no_time_is_left_over_between_bundles() -> None:
    unpack = kafka_source._Unpack("kafka://b:1/t", False)
    unpack.start_bundle()
    assert list(unpack.finish_bundle()) == []
    unpack.start_bundle()
    assert list(unpack.process(encode_pack([Record(0, 1, 5, line(1))]), Timestamp(3))) == []
    (value,) = unpack.finish_bundle()
    assert value.timestamp == Timestamp(3)
    assert unpack._least == MAX_TIMESTAMP


def test_source_in_java_is_asked_for_what_the_address_says() -> None:
    external: Any = kafka_source._packs(ADDRESS, "127.0.0.1:1")
    assert external._urn == "segments:kafka_packs:v1"
    payload = external_transforms_pb2.ExternalConfigurationPayload.FromString(external._payload)
    fields = RowCoder(payload.schema).decode(payload.payload)
    assert fields._asdict() == {
        "bootstrapServers": "b:1",
        "topic": "t",
        "consumerConfig": {
            "group.id": "g",
            "auto.offset.reset": "latest",
            "enable.auto.commit": "false",
            "isolation.level": "read_committed",
        },
        "idleMillis": 250,
        "aheadMillis": 3_000,
        "lagMillis": 3_600_000,
        "commitOffsets": True,
    }
