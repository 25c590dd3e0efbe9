"""The transform: outputs, counters, and what it hands to the next one."""

from dataclasses import replace

import apache_beam as beam
import polars as pl
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from schemas.types import DeadLetter
from tests.transforms.decoding_cases import NOW, line
from transforms.decode_events import DecodeEvents
from transforms.event_batch import EventBatch, EventBatchCoder
from transforms.mapping.model import EventMapping, LogColumn, LogTime
from transforms.raw_chunk import RawChunk

CHUNKS = [
    RawChunk("a.jsonl", "json", 1, line(1) + b"\nbroken\n" + line(3) + b"\n"),
    RawChunk("a.jsonl", "json", 4, line(4, user_id="") + b"\n"),
    RawChunk("b.jsonl", "json", 1, line(5, properties={"p": 1})),
]


def test_events_dead_letters_and_counters_add_up() -> None:
    pipeline = beam.Pipeline(runner=FnApiRunner())
    batches = pipeline | beam.Create(CHUNKS) | DecodeEvents(("p",), now=NOW)
    rows = batches | "Rows" >> beam.FlatMap(lambda batch: batch.frame.select("event_id", "p:p").rows())
    assert_that(rows, equal_to([("e1", None), ("e3", None), ("e5", "1")]), "events")
    letters = batches | "Letters" >> beam.FlatMap(lambda batch: batch.refused)
    undecodable = DeadLetter(
        reason="undecodable",
        error_type="DecodeError",
        error="JSON is malformed: invalid character (byte 0)",
        step="DecodeEvents",
        source="a.jsonl",
        position=2,
        payload=b"broken",
        failed_at=NOW,
    )
    missing = DeadLetter(
        reason="missing_field",
        error_type="ValueError",
        error="user_id is absent or empty; only a heartbeat needs none",
        step="DecodeEvents",
        source="a.jsonl",
        position=4,
        payload=line(4, user_id=""),
        failed_at=NOW,
    )
    assert_that(letters, equal_to([undecodable, missing]), "dead letters")
    result = pipeline.run()
    result.wait_until_finish()
    counters = {
        metric.key.metric.name: metric.committed
        for metric in result.metrics().query(beam.metrics.MetricsFilter().with_namespace("segments"))["counters"]
        if metric.committed
    }
    assert counters == {"read": 5, "dead_letter.undecodable": 1, "dead_letter.missing_field": 1}


def test_mapping_of_another_format_is_refused() -> None:
    pipeline = beam.Pipeline(runner=FnApiRunner())
    mapping = EventMapping("csv", LogColumn("u"), LogColumn("n"), LogTime("t"))
    _ = pipeline | beam.Create(CHUNKS) | DecodeEvents((), mapping, now=NOW)
    with pytest.raises(ValueError, match="the mapping is for csv, but there is json to decode"):
        pipeline.run().wait_until_finish()


def test_unusable_property_name_is_refused_before_the_run() -> None:
    with pytest.raises(ValueError, match="a name can't hold"):
        DecodeEvents(('a"b',), now=NOW)


LETTER = DeadLetter("undecodable", "SchemaError", "event: é\ud800", "DecodeEvents", "a.jsonl", None, b"\xff\x00", NOW)


@pytest.mark.parametrize("refused", [(), (LETTER,), (LETTER, replace(LETTER, payload=b"", position=3))])
def test_batch_crosses_workers_unchanged(refused: tuple[DeadLetter, ...]) -> None:
    batch = EventBatch(
        pl.DataFrame({"event_id": ["e"], "p:é": [None]}, schema={"event_id": pl.String, "p:é": pl.String}), refused
    )
    coder = EventBatchCoder()
    again = coder.decode(coder.encode(batch))
    assert again.frame.equals(batch.frame)
    assert again.frame.schema == batch.frame.schema
    assert again.properties == ("é",)
    assert again.refused == refused
    assert isinstance(beam.coders.registry.get_coder(EventBatch), EventBatchCoder)
