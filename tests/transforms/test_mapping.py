"""`mapping.yaml`: what it can say, and every error with its place in one go."""

from pathlib import Path

import polars as pl
import pytest

from transforms.decoding.foreign.times import foreign_times
from transforms.mapping.file import MappingError, load_mapping, parse_mapping
from transforms.mapping.model import Constant, EventMapping, LogColumn, LogTime

GOOD = """
format: csv
delimiter: " "
columns:
  user_id: src
  occurred_at: {column: time, unit: s}
  name: {constant: message_sent}
  properties: [dst]
"""


def test_mapping_of_the_design() -> None:
    assert parse_mapping(GOOD) == EventMapping(
        "csv", LogColumn("src"), Constant("message_sent"), LogTime("time", "s"), None, {"dst": LogColumn("dst")}, " "
    )


@pytest.mark.parametrize("named", ["{user_id: a, name: b}", "[{user_id: a}, {user_id: z, name: b}]"])
def test_merge_key_brings_what_the_mapping_itself_does_not_say(named: str) -> None:
    text = f"format: csv\ncolumns:\n  <<: {named}\n  occurred_at: c\n"
    assert parse_mapping(text) == parse_mapping("format: csv\ncolumns: {user_id: a, name: b, occurred_at: c}")
    assert parse_mapping(text + "  name: own\n").name == LogColumn("own")


def test_merge_key_with_nothing_to_merge_is_an_error_at_its_place() -> None:
    with pytest.raises(MappingError, match=r"mapping\.yaml:6:3: a key must be text, found <<"):
        parse_mapping("format: csv\ncolumns:\n  user_id: a\n  name: b\n  occurred_at: c\n  <<: 7\n")


def test_everything_a_mapping_can_say() -> None:
    mapping = parse_mapping(
        """
        format: csv
        delimiter: ;
        quote: null
        columns:
          event_id: No
          user_id: {column: Case ID}
          occurred_at: {column: Complete Timestamp, format: "%Y/%m/%d %H:%M:%S%.f", zone: Europe/Amsterdam}
          name: {column: Activity, map: {ER Registration: signup, 7: one, true: yes}}
          properties: {group: "org:group", granted: {constant: true}}
        """
    )
    assert mapping == EventMapping(
        "csv",
        LogColumn("Case ID"),
        LogColumn("Activity", {"ER Registration": "signup", "7": "one", "true": "yes"}),
        LogTime("Complete Timestamp", None, "%Y/%m/%d %H:%M:%S%.f", "Europe/Amsterdam"),
        LogColumn("No"),
        {"group": LogColumn("org:group"), "granted": Constant("true")},
        ";",
        None,
    )
    assert not mapping.numbers_repeats


def problems(text: str) -> list[str]:
    with pytest.raises(MappingError) as caught:
        parse_mapping(text, "m.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_every_error_at_once_with_its_place() -> None:
    found = problems(
        "format: cvs\n"
        'delimiter: "::"\n'
        "columns:\n"
        "  user: x\n"
        "  user_id: {colum: x}\n"
        "  occurred_at: {column: time, unit: sec, zone: Mars/X}\n"
        "  event_id: {constant: 3}\n"
        "  properties: 5\n"
    )
    assert [text.split(": ")[0] for text in found] == [
        "m.yaml:1:9",
        "m.yaml:2:12",
        "m.yaml:4:3",
        "m.yaml:4:3",
        "m.yaml:5:12",
        "m.yaml:6:37",
        "m.yaml:6:48",
        "m.yaml:6:48",
        "m.yaml:7:13",
        "m.yaml:8:15",
    ]
    assert "did you mean 'csv'?" in found[0]
    assert any("did you mean 'user_id'?" in text for text in found)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "m.yaml:1:1"),
        ("- x", "m.yaml:1:1"),
        (GOOD.replace("delimiter", "format: json\ndelimiter"), "m.yaml:3:1"),
        ("a: [", "m.yaml:1:5"),
        (GOOD.replace("unit: s", "format: now"), "m.yaml:6:39"),
        (GOOD.replace("unit: s", 'format: "%Q"'), "m.yaml:6:39"),
        (GOOD.replace("unit: s", 'unit: s, format: "%Y"'), "m.yaml:6:48"),
        (GOOD.replace("[dst]", "[dst, dst]"), "m.yaml:8:21"),
        (GOOD.replace("message_sent", "''"), "m.yaml:7:20"),
        (GOOD.replace('" "', "'\"'"), "m.yaml:3:12"),
    ],
)
def test_error_has_its_place(text: str, place: str) -> None:
    assert [problem.split(": ")[0] for problem in problems(text)] == [place]


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"none\.yaml:1:1: cannot be read"):
        load_mapping(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    ("text", "time", "micros"),
    [
        ("1", LogTime("t", "s"), 1_000_000),
        ("1.25", LogTime("t", "s"), 1_250_000),
        ("1767225600.123457", LogTime("t", "s"), 1_767_225_600_123_457),
        ("-1", LogTime("t", "ms"), -1_000),
        ("7", LogTime("t", "us"), 7),
        ("1999", LogTime("t", "ns"), 1),
        ("1767225600123456789", LogTime("t", "ns"), 1_767_225_600_123_456),
        (" 5 ", LogTime("t", "us"), 5),
        ("5", LogTime("t"), 5),
        ("1970-01-01T01:00:00+01:00", LogTime("t"), 0),
        ("1970-01-02", LogTime("t", format="%Y-%m-%d"), 86_400_000_000),
        ("1970-01-01 00:00:00.5", LogTime("t", format="%Y-%m-%d %H:%M:%S.%f"), 500_000),
        ("1970-01-01 00:00:00", LogTime("t", format="%Y-%m-%d %H:%M:%S.%f"), 0),
        ("1970-01-01 02:00", LogTime("t", format="%Y-%m-%d %H:%M", zone="Europe/Berlin"), 3_600_000_000),
        ("1970-01-01 02:00 +0100", LogTime("t", format="%Y-%m-%d %H:%M %z"), 3_600_000_000),
        ("2026-10-25 02:30", LogTime("t", format="%Y-%m-%d %H:%M", zone="Europe/Berlin"), 1_792_888_200_000_000),
    ],
)
def test_time_of_a_foreign_log(text: str, time: LogTime, micros: int) -> None:
    times, errors = foreign_times(pl.Series([text]), time)
    assert (times.to_list(), errors) == ([micros], {})


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("NaN", LogTime("t", "s")),
        ("inf", LogTime("t", "s")),
        ("x", LogTime("t", "ns")),
        ("1970-01-01 00:00", LogTime("t")),
        ("1970-01-01", LogTime("t", format="%Y/%m/%d")),
        ("2026-03-29 02:30", LogTime("t", format="%Y-%m-%d %H:%M", zone="Europe/Berlin")),
    ],
)
def test_no_time_of_a_foreign_log(text: str, time: LogTime) -> None:
    times, errors = foreign_times(pl.Series([text]), time)
    assert times.to_list() == [None]
    assert list(errors) == [0]
