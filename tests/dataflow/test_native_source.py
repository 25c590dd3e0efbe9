"""Dataflow's own source: what it is told, and what becomes of the messages that it brings."""

import datetime as dt
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.window import TimestampedValue
from google.pubsub_v1.types import PubsubMessage

from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.native_source import GatherMessages, ReadPubsubNatively
from tests.dataflow.graphs import EVENTS, graph_of
from transforms.raw_chunk import RawChunk


def _read_payload(address: str) -> api.PubSubReadPayload:
    source = ReadPubsubNatively(PubsubAddress.parse(address, "--events"))
    graph = graph_of(lambda pipeline: pipeline | "ReadPubsub" >> source)
    [part] = [
        part for part in graph.components.transforms.values() if part.spec.urn == common_urns.composites.PUBSUB_READ.urn
    ]
    assert part.unique_name == "ReadPubsub/Read/Read"
    return api.PubSubReadPayload.FromString(part.spec.payload)


def test_dataflow_reads_the_subscription_with_ids_and_event_times() -> None:
    payload = _read_payload(EVENTS)
    assert payload.subscription == "projects/a-project/subscriptions/events"
    assert payload.with_attributes
    assert payload.timestamp_attribute == "occurred_at"
    assert payload.id_attribute == ""


def test_address_names_other_attributes() -> None:
    payload = _read_payload(f"{EVENTS}?id_label=key&timestamp_attribute=at")
    assert (payload.id_attribute, payload.timestamp_attribute) == ("key", "at")


def _message(number: int, data: bytes, at: int) -> TimestampedValue[bytes]:
    published = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    message = PubsubMessage(
        data=data, message_id=str(number), attributes={"occurred_at": str(at * 1000)}, publish_time=published
    )
    return TimestampedValue(PubsubMessage.serialize(message), at)


class _Seen(beam.DoFn):
    def process(self, chunk: RawChunk, timestamp: Any = beam.DoFn.TimestampParam) -> Any:
        lines = chunk.data.splitlines()
        yield sorted(lines), sorted(chunk.places(range(1, len(lines) + 1))), int(timestamp)


def test_messages_of_a_bundle_are_one_chunk_with_their_ids_and_the_least_time() -> None:
    messages = [_message(7, b'{"a": 1}', 30), _message(8, b'{"b": 2}\n{"c": 3}', 10), _message(9, b'{"d": 4}', 20)]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        chunks = (
            pipeline
            | beam.Create([messages], reshuffle=False)
            | beam.FlatMap(lambda each: each).with_output_types(bytes)
            | beam.ParDo(GatherMessages(EVENTS, False)).with_output_types(RawChunk)
            | beam.ParDo(_Seen())
        )
        places = sorted([(f"{EVENTS}/7", 1), (f"{EVENTS}/8", 1), (f"{EVENTS}/8", 2), (f"{EVENTS}/9", 1)])
        assert_that(chunks, equal_to([([b'{"a": 1}', b'{"b": 2}', b'{"c": 3}', b'{"d": 4}'], places, 10)]))


def test_large_bundle_is_several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.io.pubsub.native_source._MAX_MESSAGES", 2)
    gather = GatherMessages(EVENTS, False)
    gather.setup()
    gather.start_bundle()
    given = [list(gather.process(_message(n, b"{}", n).value, n)) for n in range(5)]
    rest = list(gather.finish_bundle())
    assert [len(chunks) for chunks in given] == [0, 1, 0, 1, 0]
    assert [len(chunk.value.messages or ()) for chunks in (*given, rest) for chunk in chunks] == [2, 2, 1]
    assert list(gather.finish_bundle()) == []
