"""Delimited logs: fields, quoting, foreign times, and ids from content."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.decoding_cases import T0, decode_file, ids, reasons
from transforms.mapping.model import Constant, EventMapping, LogColumn, LogTime

MESSAGES = EventMapping(
    "csv", LogColumn("src"), Constant("message"), LogTime("time", "s"), None, {"to": LogColumn("dst")}, " "
)
VISITS = EventMapping(
    "csv",
    LogColumn("Case ID"),
    LogColumn("Activity", {"ER Registration": "signup"}),
    LogTime("Complete Timestamp", format="%Y/%m/%d %H:%M:%S.%f"),
    LogColumn("No"),
    {"org:group": LogColumn("org:group")},
    ";",
)


def log(tmp_path: Path, *lines: str | bytes) -> Path:
    path = tmp_path / "log.csv"
    path.write_bytes(b"\n".join(text if isinstance(text, bytes) else text.encode() for text in lines))
    return path


def test_mapped_columns_become_events(tmp_path: Path) -> None:
    frame, bad, _ = decode_file(
        log(tmp_path, "src dst time", "1 2 1082040961", "3 4 1082155839.5"), "csv", ("to",), MESSAGES
    )
    assert not bad
    assert frame.drop("event_id", "p:granted").rows() == [
        ("1", "message", 1082040961000000, "2"),
        ("3", "message", 1082155839500000, "4"),
    ]
    assert all(len(name) == 32 for name in ids(frame))


def test_column_names_with_spaces_and_colons(tmp_path: Path) -> None:
    path = log(
        tmp_path,
        "No;Case ID;Activity;Complete Timestamp;org:group",
        "1;A;ER Registration;2014/10/22 11:15:41.000;A",
        "2;A;Leucocytes;2014/10/22 11:27:00.250;",
    )
    frame, bad, _ = decode_file(path, "csv", ("org:group",), VISITS)
    assert not bad
    assert frame["name"].to_list() == ["signup", "Leucocytes"]
    assert frame["occurred_at"].to_list() == [1413976541000000, 1413977220250000]
    assert frame["p:org:group"].to_list() == ["A", None]


def test_file_without_a_mapping_names_the_fields_of_events(tmp_path: Path) -> None:
    path = log(
        tmp_path, "event_id,user_id,name,occurred_at,plan", f"e1,u1,signup,{T0},paid", "e2,u1,x,2026-01-01T00:00:00Z,"
    )
    frame, _, _ = decode_file(path, "csv", ("plan",))
    assert frame.drop("p:granted").rows() == [("e1", "u1", "signup", T0, "paid"), ("e2", "u1", "x", T0, None)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("1 2", "undecodable"),
        ("1 2 3 4", "undecodable"),
        ('1 "2 3', "undecodable"),
        ('1 "2"x 3', "undecodable"),
        (b"1 \xff 3", "undecodable"),
        ("1 2 NaN", "bad_time"),
        ("1 2 inf", "bad_time"),
        ("1 2 soon", "bad_time"),
        ("1 2 -1", "before_epoch"),
        ("1 2 99999999999999999999", "far_future"),
        ("1 2 9223372036854775807", "far_future"),
        (" 2 1082040961", "missing_field"),
        ("1 2 ", "missing_field"),
    ],
)
def test_bad_row_is_a_dead_letter_and_its_neighbours_are_kept(tmp_path: Path, bad: str | bytes, reason: str) -> None:
    path = log(tmp_path, "src dst time", "1 2 1082040961", bad, "3 4 1082155839")
    frame, found, read = decode_file(path, "csv", (), MESSAGES)
    assert frame["user_id"].to_list() == ["1", "3"]
    assert reasons(found) == [(3, reason)]
    assert found[0].payload == (bad if isinstance(bad, bytes) else bad.encode())
    assert read == 3


def test_quoted_fields_hold_delimiters_and_quotes(tmp_path: Path) -> None:
    frame, _, _ = decode_file(log(tmp_path, "src dst time", '1 "a ""b""" 5'), "csv", ("to",), MESSAGES)
    assert frame["p:to"].to_list() == ['a "b"']


def test_without_a_quote_character_quotes_are_plain(tmp_path: Path) -> None:
    plain = EventMapping(
        "csv", LogColumn("src"), Constant("m"), LogTime("time"), None, {"to": LogColumn("dst")}, " ", None
    )
    frame, _, _ = decode_file(log(tmp_path, "src dst time", '1 5" 5'), "csv", ("to",), plain)
    assert frame["p:to"].to_list() == ['5"']


def test_header_without_the_column_makes_every_row_a_dead_letter(tmp_path: Path) -> None:
    _, bad, _ = decode_file(log(tmp_path, "from dst time", "1 2 3", "4 5 6"), "csv", (), MESSAGES)
    assert reasons(bad) == [(2, "missing_field"), (3, "missing_field")]


def test_header_that_is_not_utf_8_makes_every_row_a_dead_letter(tmp_path: Path) -> None:
    _, bad, _ = decode_file(log(tmp_path, b"src \xff time", "1 2 3"), "csv", (), MESSAGES)
    assert reasons(bad) == [(2, "undecodable")]


def test_identical_rows_stay_distinct_and_a_second_reading_gives_the_same_ids(tmp_path: Path) -> None:
    path = log(tmp_path, "src dst time", *["1 2 1082040961", "3 4 1082155839"] * 3)
    first, again, cut = (ids(decode_file(path, "csv", (), MESSAGES, chunk_bytes=size)[0]) for size in (4096, 4096, 1))
    assert len(set(first)) == 6
    assert first == again == cut


def test_line_ends_do_not_change_ids(tmp_path: Path) -> None:
    rows = ["src dst time", "1 2 5", "1 2 5"]
    unix = ids(decode_file(log(tmp_path, *rows), "csv", (), MESSAGES)[0])
    windows = ids(decode_file(log(tmp_path, *[row + "\r" for row in rows]), "csv", (), MESSAGES)[0])
    assert unix == windows


def test_gzip_is_read_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"src dst time\n1 2 5\n"))
    assert decode_file(path, "csv", (), MESSAGES)[0].height == 1


@pytest.mark.parametrize("content", [b"", b"src dst time", b"src dst time\n", b"src dst time\r\n\r\n"])
def test_file_of_no_rows_has_no_records(tmp_path: Path, content: bytes) -> None:
    assert decode_file(log(tmp_path, content), "csv", (), MESSAGES)[2] == 0


CELLS = st.text(st.sampled_from('12 "x;é\r'), max_size=8)


@given(rows=st.lists(CELLS, max_size=15), chunk_bytes=st.integers(1, 60))
def test_cutting_at_any_boundary_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], chunk_bytes: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.csv"
    path.write_bytes("\n".join(["src dst time", "1 2 5", *rows, "1 2 5", "1 2 5"]).encode())
    whole = decode_file(path, "csv", ("to",), MESSAGES)
    cut = decode_file(path, "csv", ("to",), MESSAGES, chunk_bytes=chunk_bytes)
    assert cut[0].rows() == whole[0].rows()
    assert cut[1:] == whole[1:]


@pytest.mark.realdata
def test_real_messages_are_all_events(data_dir: Path) -> None:
    frame, bad, read = decode_file(data_dir / "CollegeMsg.txt", "csv", ("to",), MESSAGES)
    assert (frame.height, len(bad), read) == (59_835, 0, 59_835)
    assert frame["event_id"].n_unique() == 59_835


@pytest.mark.realdata
def test_real_hospital_log_is_all_events(data_dir: Path) -> None:
    visits = EventMapping(
        "csv",
        LogColumn("Case ID"),
        LogColumn("Activity"),
        LogTime("Complete Timestamp", format="%Y/%m/%d %H:%M:%S%.f"),
        delimiter=";",
    )
    frame, bad, _ = decode_file(data_dir / "sepsis.csv", "csv", (), visits)
    assert (frame.height, len(bad), frame["user_id"].n_unique()) == (15_214, 0, 1_050)
