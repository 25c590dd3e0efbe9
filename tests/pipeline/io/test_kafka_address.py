"""Addresses of topics: what they may say, what they become, and what each mistake is told."""

import pickle
from pathlib import Path

import pytest

from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.places import is_topic
from pipeline.io.topics.errors import AddressError
from segmentation.units import MILLISECOND, SECOND

SASL = "kafka://b:9093/t?security.protocol=SASL_SSL&sasl.mechanism="


def parse(text: str) -> KafkaAddress:
    return KafkaAddress.parse(text, "--events")


def test_defaults() -> None:
    address = parse("kafka://127.0.0.1:9092/events")
    assert (address.servers, address.topic, address.group) == ("127.0.0.1:9092", "events", "segments")
    assert (address.start, address.idle, address.config) == ("earliest", 5 * SECOND, ())
    assert (address.ahead, address.lag) == (10 * SECOND, 600 * SECOND)
    assert address.client_config() == {"bootstrap.servers": "127.0.0.1:9092"}
    assert address.java_config() == {}


def test_everything_said() -> None:
    address = parse("kafka://a:1,[::1]:65535/e.v-e_n?group=g%20h&start=latest&idle=1s500ms&client.rack=r+1")
    assert address.url == "kafka://a:1,[::1]:65535/e.v-e_n"
    assert (address.group, address.start, address.idle) == ("g h", "latest", 1_500 * MILLISECOND)
    assert address.config == (("client.rack", "r+1"),)
    assert pickle.loads(pickle.dumps(address)) == address


def test_files_are_not_topics() -> None:
    assert is_topic("kafka://h:1/t")
    assert not is_topic("events.jsonl")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kafka://h:1", "expected kafka://HOST:PORT/TOPIC such as kafka://127.0.0.1:9092/events"),
        ("events.jsonl", "expected kafka://HOST:PORT/TOPIC"),
        ("kafka://h/t", "expected HOST:PORT such as 127.0.0.1:9092, found 'h'"),
        ("kafka://h:0/t", "expected HOST:PORT such as 127.0.0.1:9092, found 'h:0'"),
        ("kafka://h:65536/t", "expected HOST:PORT"),
        ("kafka://h:1,/t", "expected HOST:PORT such as 127.0.0.1:9092, found ''"),
        ("kafka://u:p@h:1/t", "an address holds no user and no password; set SEGMENTS_KAFKA_USERNAME"),
        ("kafka://h:1/", "a topic's name has 1 to 249"),
        ("kafka://h:1/..", "a topic's name has 1 to 249"),
        ("kafka://h:1/a/b", "a topic's name has 1 to 249"),
        ("kafka://h:1/" + "t" * 250, "a topic's name has 1 to 249"),
        ("kafka://h:1/t?grup=x", "there is no parameter 'grup'; did you mean 'group'?"),
        ("kafka://h:1/t?group=a&group=b", "group is given twice"),
        ("kafka://h:1/t?group=", "group: expected a value, found nothing"),
        ("kafka://h:1/t?start=now", "start: expected earliest or latest, found 'now'"),
        ("kafka://h:1/t?idle=5", "idle: '5' is not a duration"),
        ("kafka://h:1/t?idle=0s", "idle: expected whole milliseconds, at least one"),
        ("kafka://h:1/t?ahead=0s", "ahead: expected whole milliseconds, at least one"),
        ("kafka://h:1/t?lag=x", "lag: 'x' is not a duration"),
        ("kafka://h:1/t?idle=1us", "idle: expected whole milliseconds, at least one"),
        ("kafka://h:1/t?security.protocol=SLS", "security.protocol: expected one of PLAINTEXT, SASL_PLAINTEXT"),
        ("kafka://h:1/t?security.protocol=SASL_SSL", "security.protocol needs sasl.mechanism too"),
        ("kafka://h:1/t?sasl.mechanism=PLAIN", "sasl.mechanism needs security.protocol too"),
        ("kafka://h:1/t?sasl.password=x", "sasl.password: secrets are no part of an address"),
    ],
)
def test_mistake_names_the_option(text: str, message: str) -> None:
    with pytest.raises(AddressError) as error:
        parse(text)
    assert str(error.value).startswith(f"--events: {message}")


def test_topic_that_is_written_to_takes_no_parameters_of_reading() -> None:
    address = KafkaAddress.parse("kafka://h:1/t?client.id=me", "--changes", reads=False)
    assert address.client_config()["client.id"] == "me"
    with pytest.raises(AddressError, match=r"^--changes: group is for reading; this topic is written to"):
        KafkaAddress.parse("kafka://h:1/t?group=g", "--changes", reads=False)


def test_secrets_come_from_the_environment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    address = parse(SASL + "SCRAM-SHA-512&ssl.ca.location=/ca%20s.pem")
    monkeypatch.setenv("SEGMENTS_KAFKA_USERNAME", "ann")
    monkeypatch.delenv("SEGMENTS_KAFKA_PASSWORD", raising=False)
    with pytest.raises(AddressError, match=r"^--events: SASL needs SEGMENTS_KAFKA_PASSWORD in the environment"):
        address.client_config()
    monkeypatch.setenv("SEGMENTS_KAFKA_PASSWORD", 'a"b')
    with pytest.raises(AddressError, match="SEGMENTS_KAFKA_PASSWORD can't hold quotes"):
        address.client_config()
    monkeypatch.setenv("SEGMENTS_KAFKA_PASSWORD", "xyzzy")
    config = address.client_config()
    assert (config["sasl.username"], config["sasl.password"]) == ("ann", "xyzzy")
    assert config["ssl.ca.location"] == "/ca s.pem"
    for shown in (repr(address), address.url, str(address.java_config()), str(pickle.dumps(address))):
        assert "xyzzy" not in shown


def test_file_of_the_ca_is_the_same_wherever_a_client_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    address = parse("kafka://b:1/t?security.protocol=SSL&ssl.ca.location=ca.pem")
    monkeypatch.chdir("/")
    assert address.java_config()["ssl.truststore.location"] == str(tmp_path / "ca.pem")


@pytest.mark.parametrize(("mechanism", "module"), [("PLAIN", "Plain"), ("SCRAM-SHA-256", "Scram")])
def test_java_client_looks_secrets_up_where_it_runs(mechanism: str, module: str) -> None:
    config = parse(SASL + mechanism + "&ssl.ca.location=/ca.pem").java_config()
    assert f"{module}LoginModule required" in config["sasl.jaas.config"]
    assert 'password="${env:SEGMENTS_KAFKA_PASSWORD}"' in config["sasl.jaas.config"]
    assert config["config.providers"] == "env"
    assert (config["ssl.truststore.type"], config["ssl.truststore.location"]) == ("PEM", "/ca.pem")
