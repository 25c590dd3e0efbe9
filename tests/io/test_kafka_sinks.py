"""Topics as sinks, as far as they go without a broker: letters that are too large, and brokers that are not there."""

import dataclasses
import pickle

import pytest

from pipeline.io import kafka_clients
from pipeline.io.kafka_address import KafkaAddress
from pipeline.io.kafka_clients import BrokerError, count_partitions, ensure_topic
from pipeline.io.kafka_sinks import WriteChangesToKafka, WriteDeadLettersToKafka, encode_letter
from schemas.codec import decode_single_object
from schemas.records import from_record
from schemas.types import DeadLetter

LETTER = DeadLetter("undecodable", "E", "é", "DecodeEvents", "kafka://b:1/t/3", 7, bytes(range(256)) * 4, 5)
NOBODY = KafkaAddress.parse("kafka://127.0.0.1:1/t", "--changes", reads=False)


def decode(message: bytes) -> DeadLetter:
    return from_record(DeadLetter, decode_single_object("dead_letter", message))


def test_letter_that_fits_is_whole() -> None:
    message = encode_letter(LETTER, 10_000)
    assert decode(message) == LETTER
    assert encode_letter(LETTER, len(message)) == message


@pytest.mark.parametrize("below", [1, 2, 100, 900])
def test_letter_that_is_too_large_keeps_the_beginning_of_its_payload_and_says_so(below: int) -> None:
    limit = len(encode_letter(LETTER, 10_000)) - below
    message = encode_letter(LETTER, limit)
    assert len(message) <= limit
    cut = decode(message)
    kept = len(cut.payload)
    assert LETTER.payload.startswith(cut.payload)
    assert kept < len(LETTER.payload)
    assert cut.error == f"é; the payload is its first {kept} of 1024 bytes: the topic takes no more"
    assert dataclasses.replace(cut, error=LETTER.error, payload=LETTER.payload) == LETTER


@pytest.mark.parametrize("ask", [count_partitions, ensure_topic])
def test_broker_that_is_not_there_is_an_error_in_time(ask: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_clients, "ANSWER_SECONDS", 0.5)
    with pytest.raises(BrokerError, match=r"^--changes: kafka://127.0.0.1:1/t: no broker answers"):
        ask(NOBODY)  # type: ignore[operator]


def test_sinks_pickle_and_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMENTS_KAFKA_PASSWORD", "xyzzy")
    for sink in (WriteChangesToKafka(NOBODY), WriteDeadLettersToKafka(NOBODY)):
        assert b"xyzzy" not in pickle.dumps(sink._address)
