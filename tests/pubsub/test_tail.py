"""`segments tail` of a subscription, and of a topic through a subscription of its own."""

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.io.files.writers import ChangesWriter
from pipeline.io.pubsub.address import EMULATOR
from pipeline.io.pubsub.clients import PubsubError
from pipeline.io.topics.errors import AddressError, TopicError
from pipeline.streams.tail import TailOptions, TailSummary, tail
from schemas.codec import encode_single_object
from schemas.records import to_record
from schemas.types import DeadLetter
from tests.cli.commands import START, command, segments, wait_for
from tests.pipeline.io.changes import consistent_log, frame
from tests.pubsub.project import Project
from tests.pubsub.proxy import Proxy

CHANGES = consistent_log([(n % 7, n % 3) for n in range(500)])
LETTER = DeadLetter("undecodable", "E", "no JSON", "DecodeEvents", "pubsub://p/subscriptions/s/1", 7, b"\x00", START)


def tailed(
    url: str, show: Callable[[str], None] | None = None, warn: Callable[[str], None] | None = None, **options: Any
) -> TailSummary:
    return tail(TailOptions.parse(source=url, **options), show, warn or [].append)


def publish_changes(pubsub: Project) -> None:
    futures = [
        pubsub.publisher.publish(
            pubsub.path("topics", "changes"),
            encode_single_object("segment_change", to_record(change)),
            ordering_key=change.subject_id,
        )
        for change in CHANGES
    ]
    for future in futures:
        future.result(30)


@pytest.fixture
def changes(pubsub: Project) -> str:
    """A subscription to 500 changes, a dead letter, and a message that is neither."""
    pubsub.topic("changes", "sub", enable_message_ordering=True)
    publish_changes(pubsub)
    pubsub.publish("changes", encode_single_object("dead_letter", to_record(LETTER)))
    pubsub.publish("changes", b"junk")
    return pubsub.url("subscriptions", "sub")


def test_tail_writes_what_the_file_of_changes_would_hold_and_acknowledges_it(
    changes: str, pubsub: Project, tmp_path: Path
) -> None:
    warned: list[str] = []
    shown: list[str] = []
    path = tmp_path / "tail.jsonl"
    summary = tailed(changes, shown.append, warned.append, jsonl=str(path), until_idle="1s")
    assert summary == TailSummary(changes=500, dead_letters=1, undecodable=1)
    assert len(shown) == 501
    [warning] = warned
    assert warning.startswith("message ")
    assert warning.endswith(": neither a change nor a dead letter nor an audit record: it begins with 6a 75 6e 6b")
    with ChangesWriter(str(tmp_path / "file.jsonl")) as file:
        file.write(frame(*CHANGES))
    found = [line for line in path.read_text().splitlines() if "undecodable" not in line]
    assert sorted(found) == sorted((tmp_path / "file.jsonl").read_text().splitlines())
    for subject in {change.subject_id for change in CHANGES}:
        sequence = [json.loads(line)["sequence"] for line in found if f'"{subject}"' in line]
        assert sequence == sorted(sequence)
    assert pubsub.is_empty("sub")


def test_tail_ends_after_a_number_of_messages_and_gives_the_others_back(
    changes: str, pubsub: Project, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert tailed(changes, jsonl="-", until_count=7).messages == 7
    assert len(capsysbinary.readouterr().out.splitlines()) == 7
    assert len(pubsub.receive("sub", 495)) == 495


def subscriptions(pubsub: Project) -> list[str]:
    answer = pubsub.subscriber.list_subscriptions(project=f"projects/{pubsub.id}")
    return [each.name.rpartition("/")[2] for each in answer]


@contextmanager
def tailing(pubsub: Project, *options: object) -> Iterator[subprocess.Popen[str]]:
    """A process that reads the topic of changes, from the time on when it sees what is published."""
    url = pubsub.url("topics", "changes")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command("tail", "--from", url, *options), **pipes) as process:  # type: ignore[call-overload]
        try:
            wait_for(lambda: bool(subscriptions(pubsub)), process)
            yield process
        finally:
            process.kill()


def test_tail_of_a_topic_sees_what_is_published_from_then_on_and_leaves_nothing_behind(
    pubsub: Project, tmp_path: Path
) -> None:
    pubsub.topic("changes")
    pubsub.publish("changes", b"before")
    path = tmp_path / "tail.jsonl"
    with tailing(pubsub, "--jsonl", path, "--until-count", 500) as process:
        [name] = subscriptions(pubsub)
        assert name.startswith("segments-tail-")
        publish_changes(pubsub)
        assert process.wait(60) == 0
    assert len(path.read_text().splitlines()) == 500
    assert subscriptions(pubsub) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_tail_of_a_topic_leaves_nothing_behind(number: signal.Signals, pubsub: Project) -> None:
    pubsub.topic("changes")
    with tailing(pubsub) as process:
        process.send_signal(number)
        assert process.wait(60) == 128 + number
    assert subscriptions(pubsub) == []


def test_tail_outlives_a_cut_and_does_not_take_it_for_the_end(
    changes: str, pubsub: Project, pubsub_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(pubsub_host) as proxy:
        monkeypatch.setenv(EMULATOR, proxy.host)
        shown: list[str] = []

        def show(line: str) -> None:
            shown.append(line)
            if len(shown) == 1:
                proxy.cut()
                threading.Timer(2.0, proxy.heal).start()
                threading.Timer(3.0, lambda: pubsub.publish("changes", b"after")).start()

        # The last message comes later than a quiet time of this length, counted from the cut, would allow.
        assert tailed(changes, show, until_idle="2500ms").undecodable >= 2


@pytest.mark.parametrize(("kind", "what"), [("topics", "topic"), ("subscriptions", "subscription")])
def test_tail_of_what_is_not_there(kind: str, what: str, pubsub: Project) -> None:
    url = pubsub.url(kind, "none")
    done = segments("tail", "--from", url)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"--from: there is no {what} {url}; `segments topics create` makes one\n"


def test_subscription_that_goes_while_it_is_read(changes: str, pubsub: Project) -> None:
    shown: list[str] = []

    def show(line: str) -> None:
        shown.append(line)
        if len(shown) == 1:
            pubsub.subscriber.delete_subscription(subscription=pubsub.path("subscriptions", "sub"))

    with pytest.raises((AddressError, TopicError), match=f"^--from: there is no .*{changes}"):
        tailed(changes, show)


def test_topic_that_is_not_there_is_no_subscription_left_behind(pubsub: Project) -> None:
    with pytest.raises(PubsubError):
        tailed(pubsub.url("topics", "none"))
    assert subscriptions(pubsub) == []
