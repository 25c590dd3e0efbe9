"""Options: texts are read, and every error names its option."""

from dataclasses import replace
from typing import Any

import pytest

from pipeline.io.topics.errors import AddressError
from pipeline.io.topics.options import TopicOptions
from pipeline.options.errors import OptionError
from pipeline.traffic.options import TrafficOptionError, TrafficOptions, parse_rate, parse_share
from pipeline.traffic.simulation import generate
from pipeline.traffic.zipf import zipf_events
from segmentation.units import DAY, SECOND, parse_instant
from tests.pipeline.traffic.logs import CLEAN


@pytest.mark.parametrize(
    ("text", "share"), [("1%", 0.01), ("0.1%", 0.001), ("0.01", 0.01), ("0", 0.0), ("100%", 1.0), (" 5 % ", 0.05)]
)
def test_share_of_text(text: str, share: float) -> None:
    assert parse_share(text, "--drift") == share


@pytest.mark.parametrize(("text", "rate"), [("1000/s", 1000.0), ("90/m", 1.5), ("3600/h", 1.0), ("0.5/s", 0.5)])
def test_rate_of_text(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


def test_parse_reads_every_text() -> None:
    options = TrafficOptions.parse(
        10,
        2,
        3,
        rate="10/s",
        disorder="30s",
        duplicates="1%",
        malformed="0.1%",
        drift="0.5%",
        start="2025-03-01T00:00:00Z",
    )
    start = parse_instant("2025-03-01T00:00:00Z")
    assert options == TrafficOptions(10, 2, 3, start, 10.0, 30 * SECOND, 0.01, 0.001, 0.005)
    assert options.end == start + 2 * DAY


def test_start_defaults_to_2026() -> None:
    assert TrafficOptions.parse(1, 1).start == parse_instant("2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("rate", "fast"),
        ("rate", "0/s"),
        ("rate", "10"),
        ("disorder", "30"),
        ("disorder", "2d"),
        ("duplicates", "101%"),
        ("duplicates", "some"),
        ("malformed", "-1%"),
        ("malformed", "nan"),
        ("drift", "1.5"),
        ("start", "2026-01-01T00:00:00"),
        ("start", "soon"),
        ("start", "1969-12-31T00:00:00Z"),
    ],
)
def test_bad_text_names_its_option(option: str, text: str) -> None:
    texts: dict[str, Any] = {option: text}
    with pytest.raises(TrafficOptionError) as error:
        TrafficOptions.parse(10, 1, **texts)
    assert error.value.option == f"--{option}"
    assert f"--{option}" in str(error.value)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("users", 0),
        ("users", True),
        ("users", 1.5),
        ("days", 0),
        ("seed", -1),
        ("disorder", -1),
        ("rate", 0.0),
        ("rate", float("nan")),
        ("duplicates", float("nan")),
        ("malformed", 1.01),
    ],
)
def test_value_outside_its_range_names_its_option(option: str, value: float) -> None:
    changed: dict[str, Any] = {option: value}
    with pytest.raises(TrafficOptionError) as error:
        replace(CLEAN, **changed)
    assert error.value.option == f"--{option}"


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("kafka://broker/events", "HOST:PORT"),
        ("kafka://b:1/events?start=latest", "is written to"),
        ("pubsub://project/events", "PROJECT/topics/NAME"),
        ("pubsub://project/topics/events?hold=5s", "is written to"),
        ("pubsub://project/subscriptions/events", "can't be written to"),
    ],
)
def test_address_of_a_topic_is_checked_before_anything_is_simulated(out: str, said: str) -> None:
    with pytest.raises(AddressError, match=f"--out: .*{said}"):
        generate(replace(CLEAN, users=50_000_000), out)


@pytest.mark.parametrize("topic", [TopicOptions(batch=2), TopicOptions(partitions=2), TopicOptions(finish=True)])
def test_options_of_a_topic_are_for_topics(topic: TopicOptions) -> None:
    with pytest.raises(
        TrafficOptionError, match=r"--out: --batch, --partitions and --finish are for a topic, kafka://"
    ):
        generate(CLEAN, "events.jsonl", topic=topic)


def test_pubsub_has_no_partitions() -> None:
    with pytest.raises(OptionError, match=r"^--partitions: .*pubsub://project/topics/events has none"):
        generate(CLEAN, "pubsub://project/topics/events", topic=TopicOptions(partitions=2))


def test_unknown_ending_names_out_and_lists_the_known() -> None:
    with pytest.raises(TrafficOptionError, match=r"--out: .*\.jsonl\.gz"):
        generate(CLEAN, "events.txt")


def test_unwritable_path_names_out() -> None:
    with pytest.raises(TrafficOptionError, match="--out: cannot write"):
        generate(replace(CLEAN, users=1, days=1), "/dev/null/events.jsonl")


@pytest.mark.parametrize(
    ("out", "option", "value"),
    [("e.avro", "malformed", 0.1), ("e.avro", "drift", 0.1), ("e.csv", "drift", 0.1)],
)
def test_fault_that_a_format_cannot_hold_names_its_option(out: str, option: str, value: float) -> None:
    changed: dict[str, Any] = {option: value}
    with pytest.raises(TrafficOptionError) as error:
        generate(replace(CLEAN, **changed), out)
    assert error.value.option == f"--{option}"


@pytest.mark.parametrize(
    ("numbers", "option"), [((0, 1, 1), "--events"), ((1, 0, 1), "--users"), ((1, 1, 0), "--days")]
)
def test_zipf_number_below_one_names_its_option(numbers: tuple[int, int, int], option: str) -> None:
    with pytest.raises(TrafficOptionError) as error:
        zipf_events(*numbers, seed=1, out="z.jsonl")
    assert error.value.option == option
