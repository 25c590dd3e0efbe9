"""A broker that asks for TLS, user and password: every client gets in with them, and nothing tells the password."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.io.kafka import clients as kafka_clients
from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.kafka.clients import BrokerError, ensure_topic, max_message_bytes
from pipeline.io.kafka.producer import TopicProducer
from pipeline.runners.flink.lag import kafka_lag
from schemas.codec import encode_single_object
from schemas.records import to_record
from schemas.types import DeadLetter
from tests.cli.commands import Outcome, event, lines, segments, write
from tests.flink import jobs
from tests.flink.cluster import Cluster, poll
from tests.flink.judging import assert_all_told, assert_early_resolved, assert_exact, expected_of
from tests.flink.logs import simulate
from tests.flink.reading import Reader
from tests.flink.secured import CREDENTIALS, PASSWORD, SecuredBroker, secured_broker
from tests.flink.topics import Topics, records_in

RULES = Path(__file__).parents[2] / "examples" / "rules.yaml"
#: Seconds: before the 15 after which a broker that doesn't answer is given up.
BOUND = 12.0
LETTER = DeadLetter("undecodable", "E", "no JSON", "DecodeEvents", "kafka://b:1/t/3", 7, b"\xff", 5)
WRONG = "wide-open-99"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with secured_broker(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def topic() -> str:
    """The name of a topic that is not there yet."""
    return f"s{uuid.uuid4().hex[:8]}"


class Commands:
    """Runs commands here, and sees also what Kafka's client writes past Python."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def done(self, *arguments: object) -> str:
        """What a command printed that got in."""
        outcome = self._run(*arguments)
        assert outcome.code == 0, outcome.err
        return outcome.out

    def refused(self, *arguments: object) -> str:
        """What a command says that can't get in: with the exit code of what can't be used, and soon."""
        started = time.monotonic()
        outcome = self._run(*arguments)
        assert time.monotonic() - started < BOUND
        assert outcome.code == 2, outcome.err
        return outcome.err

    def _run(self, *arguments: object) -> Outcome:
        outcome = segments(*arguments)
        beside = self._capture.readouterr()
        for secret in (PASSWORD, WRONG):
            assert secret not in outcome.out + outcome.err + beside.out + beside.err
        return outcome


@pytest.fixture
def commands(capfd: pytest.CaptureFixture[str]) -> Commands:
    return Commands(capfd)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_commands_get_in(broker: SecuredBroker, topic: str, mechanism: str, commands: Commands, tmp_path: Path) -> None:
    url = broker.url(topic, mechanism)
    commands.done("generate", "--users", 20, "--days", 1, "--out", url, "--partitions", 2, "--finish")
    generated = records_in(broker.plain, topic)
    commands.done("replay", "--events", write(tmp_path / "log.jsonl", lines([event(1), event(2)])), "--to", url)
    commands.done("heartbeat", "--to", url, "--count", 1)
    assert records_in(broker.plain, topic) == generated + 2 + 2
    assert sum(kafka_lag(KafkaAddress.parse(url, "--events")).values()) == generated + 4


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_tail_gets_in(broker: SecuredBroker, topic: str, mechanism: str, commands: Commands) -> None:
    address = KafkaAddress.parse(broker.url(topic, mechanism), "--changes")
    ensure_topic(address)
    producer = TopicProducer(address)
    producer.send(encode_single_object("dead_letter", to_record(LETTER)))
    producer.flush()
    out = commands.done("tail", "--from", broker.url(topic, mechanism), "--jsonl", "-", "--until-idle", "500ms")
    assert json.loads(out.splitlines()[0])["reason"] == LETTER.reason


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
@pytest.mark.parametrize(
    ("command", "option"), [(("heartbeat", "--verbose"), "--to"), (("tail",), "--from")], ids=["heartbeat", "tail"]
)
def test_wrong_password(
    broker: SecuredBroker,
    commands: Commands,
    mechanism: str,
    command: tuple[str, ...],
    option: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEGMENTS_KAFKA_PASSWORD", WRONG)
    said = commands.refused(*command, option, broker.url("events", mechanism))
    assert f"{option}: kafka://{broker.secured}/events: " in said
    assert "uthentication failed" in said
    assert "SEGMENTS_KAFKA_USERNAME and SEGMENTS_KAFKA_PASSWORD" in said


def test_wrong_password_of_a_worker(broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_clients, "ANSWER_SECONDS", 2.0)
    monkeypatch.setenv("SEGMENTS_KAFKA_PASSWORD", WRONG)
    address = KafkaAddress.parse(broker.url("changes"), "--changes", reads=False)
    with pytest.raises(BrokerError, match=r"--changes: .*uthentication failed.*SEGMENTS_KAFKA_PASSWORD"):
        max_message_bytes(address)


def test_missing_password(
    broker: SecuredBroker, commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEGMENTS_KAFKA_PASSWORD")
    log = write(tmp_path / "log.jsonl", lines([event(1)]))
    said = commands.refused("replay", "--events", log, "--to", broker.url("events"))
    assert said == "--to: SASL needs SEGMENTS_KAFKA_PASSWORD in the environment\n"


def test_unknown_ca(broker: SecuredBroker, commands: Commands) -> None:
    url = broker.url("events").replace(str(broker.ca), str(broker.other_ca))
    said = commands.refused("generate", "--users", 1, "--days", 1, "--out", url)
    assert said.startswith(f"--out: kafka://{broker.secured}/events: ")
    assert "ssl.ca.location" in said


def test_ca_that_is_no_file(broker: SecuredBroker, commands: Commands) -> None:
    said = commands.refused("tail", "--from", broker.url("events").replace(str(broker.ca), "/nowhere.pem"))
    assert said.startswith(f"--from: kafka://{broker.secured}/events: ")
    assert "ssl.ca.location" in said


@pytest.mark.parametrize(("secured", "protocol"), [(False, "PLAINTEXT"), (True, "SASL_SSL")])
def test_client_at_the_port_of_the_other_kind(
    broker: SecuredBroker, commands: Commands, secured: bool, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_clients, "ANSWER_SECONDS", 3.0)
    plain = f"kafka://{broker.secured}/events"
    url = broker.url("events").replace(broker.secured, broker.plain) if secured else plain
    said = commands.refused("tail", "--from", url)
    assert said.startswith(f"--from: {url.partition('?')[0]}: ")
    assert f"no broker answers with security.protocol={protocol}" in said


def test_job_between_secured_topics_is_exact_and_tells_nobody_the_password(
    stack: Cluster, broker: SecuredBroker, topic: str, commands: Commands, tmp_path: Path
) -> None:
    log = simulate(tmp_path / "events.jsonl", users=300, days=2, seed=8)
    expected = expected_of(RULES, log)
    topics = Topics.create(broker.plain, topic, 3)
    places = {
        "--rules": str(RULES),
        "--events": broker.url(topics.events, "SCRAM-SHA-512", idle="2s"),
        "--changes": broker.url(topics.changes),
        "--dead-letters": broker.url(topics.dead_letters, "SCRAM-SHA-512"),
        "--max-disorder": "30s",
    }
    arguments = ["run", *(text for place in places.items() for text in place)]
    ids = {change.change_id for change in expected}
    with jobs.running(stack, arguments) as job, Reader(broker.plain, topics.changes) as reader:
        commands.done("replay", "--events", log.path, "--to", broker.url(topics.events), "--finish")
        reader.take_until("all settled changes", lambda: reader.settled_ids >= ids, 120)
        job.wait_for_checkpoint()
        job.cancel()
        reader.take_rest()
        assert_untold(job)
    assert_exact(reader.changes, expected)
    assert_all_told(topics, log)
    assert_early_resolved(reader.changes)


def assert_untold(job: jobs.Job) -> None:
    """The password is neither in what Flink shows of an ended job, nor in a log, nor in a retained checkpoint."""
    cluster = job.cluster
    paths = ("", "/config", "/plan", "/accumulators", "/exceptions", "/checkpoints/config")
    shown = [json.dumps(cluster.rest(f"jobs/{job.id}{path}")).encode() for path in paths]
    shown += [json.dumps(cluster.rest(f"jobmanager/{path}")).encode() for path in ("config", "environment")]
    folder = cluster.checkpoints.parent

    def contents() -> dict[Path, bytes] | None:
        try:
            found = [path for part in ("logs", "checkpoints", "conf") for path in (folder / part).rglob("*")]
            return {path: path.read_bytes() for path in found if path.is_file()}
        except FileNotFoundError:  # Flink takes replaced checkpoints away in the background, for a while after the end
            return None

    written = poll("files that stay", contents, 60)
    # The source's settings can be read in a checkpoint, so there one would also see what doesn't belong there.
    retained = [content for path, content in written.items() if path.is_relative_to(cluster.checkpoints / job.id)]
    assert any(b"${env:SEGMENTS_KAFKA_PASSWORD}" in content for content in retained)
    for content in [*shown, *written.values()]:
        assert PASSWORD.encode() not in content
