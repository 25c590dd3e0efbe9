"""JSON events: what is taken in, what becomes a dead letter, and that no way of cutting the file changes either."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.transforms.decoding_cases import NOW, T0, decode_file, event, ids, line, reasons
from transforms.decoding.event_decoder import EventDecoder
from transforms.raw_chunk import RawChunk

HOUR = 3_600_000_000


def decode(data: bytes, *properties: str) -> Any:
    return EventDecoder(properties).decode(RawChunk("log", "json", 1, data), NOW)


BAD_LINES = [
    (b"{", "undecodable"),
    (b"no json", "undecodable"),
    (b'{"event_id": "\xff", "user_id": "u"}', "undecodable"),
    (line().replace(b"}", b', "unread": "\xc3("}'), "undecodable"),
    (line() + b" " + line(), "undecodable"),
    (line() + line(), "undecodable"),
    (line() + b",", "undecodable"),
    (b'{"event_id": "a", "occurred_at": NaN}', "undecodable"),
    (line(properties={"x": float("nan")}), "undecodable"),
    (b'{"a":' * 50_000, "undecodable"),
    (b"[1]", "wrong_type"),
    (b"5", "wrong_type"),
    (line(event_id=5), "wrong_type"),
    (line(user_id=5), "wrong_type"),
    (line(name=["x"]), "wrong_type"),
    (line(occurred_at=1.5), "wrong_type"),
    (line(occurred_at=True), "wrong_type"),
    (line(properties=[]), "wrong_type"),
    (line(properties={"p": {"deep": 1}}), "wrong_type"),
    (line(event_id=...), "missing_field"),
    (line(event_id=""), "missing_field"),
    (line(event_id=None), "missing_field"),
    (line(user_id=...), "missing_field"),
    (line(user_id=""), "missing_field"),
    (line(name=...), "missing_field"),
    (line(name=""), "missing_field"),
    (line(occurred_at=...), "missing_field"),
    (line(name="heartbeat", user_id="", occurred_at=...), "missing_field"),
    (line(name="consent"), "missing_field"),
    (line(name="consent", properties={"granted": "maybe"}), "wrong_type"),
    (line(occurred_at="2026-01-01T00:00:00"), "bad_time"),
    (line(occurred_at="NaN"), "bad_time"),
    (line(occurred_at="yesterday"), "bad_time"),
    (line(occurred_at=-1), "before_epoch"),
    (line(occurred_at="1969-12-31T23:59:59.999999Z"), "before_epoch"),
    (line(occurred_at=-(10**30)), "before_epoch"),
    (line(occurred_at=NOW + HOUR + 1), "far_future"),
    (line(occurred_at=10**30), "far_future"),
    (line(occurred_at="9999-12-31T00:00:00Z"), "far_future"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_LINES, ids=lambda value: value[:40] if isinstance(value, bytes) else "")
def test_bad_line_is_a_dead_letter_and_its_neighbours_are_kept(bad: bytes, reason: str) -> None:
    decoded = decode(line(1) + b"\n" + bad + b"\n" + line(3) + b"\n", "p")
    assert ids(decoded.frame) == ["e1", "e3"]
    assert [(r.position, r.reason.value, r.payload) for r in decoded.bad] == [(2, reason, bad)]
    assert decoded.bad[0].error
    assert decoded.bad[0].error_type
    assert decoded.read == 3


def test_all_bad_lines_at_once_are_counted_one_by_one() -> None:
    data = b"\n".join(bad for bad, _ in BAD_LINES)
    decoded = decode(line(0) + b"\n" + data, "p")
    assert reasons(decoded.bad) == [(number, reason) for number, (_, reason) in enumerate(BAD_LINES, start=2)]
    assert decoded.read == 1 + len(BAD_LINES)


@pytest.mark.parametrize("ahead", [HOUR, 0])
def test_exactly_an_hour_ahead_is_accepted(ahead: int) -> None:
    assert decode(line(occurred_at=NOW + ahead)).frame.height == 1


def test_epoch_itself_is_accepted() -> None:
    assert decode(line(occurred_at=0)).frame["occurred_at"].to_list() == [0]


def test_times_as_text_and_number_are_alike() -> None:
    texts = [T0, "2026-01-01T00:00:00Z", "2026-01-01T02:00:00.000001+02:00"]
    decoded = decode(b"\n".join(line(occurred_at=text) for text in texts))
    assert decoded.frame["occurred_at"].to_list() == [T0, T0, T0 + 1]


def test_heartbeat_needs_no_user() -> None:
    decoded = decode(line(1, name="heartbeat", user_id=...) + b"\n" + line(2, name="heartbeat", user_id=None))
    assert decoded.frame["user_id"].to_list() == ["", ""]


def test_consent_carries_granted() -> None:
    decoded = decode(b"\n".join(line(name="consent", properties={"granted": value}) for value in (True, False)))
    assert decoded.frame["p:granted"].to_list() == ["true", "false"]


def test_property_values_are_text() -> None:
    values = ["x", "", 1, -0.0, 1.0, 0.1, 1e300, 10**25, True, False, None, ...]
    decoded = decode(b"\n".join(line(properties=event(a_b=v) if v is not ... else {}) for v in values), "a_b")
    expected = ["x", "", "1", "0", "1", "0.1", "1e300", str(10**25), "true", "false", None, None]
    assert decoded.frame["p:a_b"].to_list() == expected


def test_property_names_need_not_be_identifiers() -> None:
    decoded = decode(line(properties={"org:group": "a", "Case ID": "b", "class": "c"}), "org:group", "Case ID", "class")
    assert decoded.frame.select("p:org:group", "p:Case ID", "p:class").row(0) == ("a", "b", "c")


def test_unread_properties_may_be_anything() -> None:
    assert decode(line(properties={"unread": {"deep": [1]}}, context=[1]), "p").read == 1


def test_last_of_duplicate_keys_wins() -> None:
    data = line(1)[:-1] + b', "event_id": "last"}'
    assert ids(decode(data).frame) == ["last"]
    assert ids(decode(data + b"\n" + b"broken").frame) == ["last"]


def test_object_over_two_lines_is_two_bad_lines() -> None:
    spread = line(1).replace(b", ", b",\n", 1)
    assert reasons(decode(spread + b"\n" + line(2)).bad) == [(1, "undecodable"), (2, "undecodable")]


def test_object_over_two_lines_is_not_made_up_for_by_two_in_one_line() -> None:
    decoded = decode(b'{\n"event_id":"x"}' + line(2) + b"\n")
    assert decoded.frame.is_empty()
    assert decoded.read == 2


def test_blank_lines_and_carriage_returns_are_no_records(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + line(1) + b"\r\n\r\n  \n" + line(2) + b"\r\nbroken\r\n")
    frame, bad, read = decode_file(path)
    assert ids(frame) == ["e1", "e2"]
    assert [(r.position, r.payload) for r in bad] == [(5, b"broken")]
    assert read == 3


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \n"])
def test_empty_file_has_no_records(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)
    assert decode_file(path)[2] == 0


def test_ten_megabyte_line_is_a_dead_letter_with_all_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    long = line(2, properties={"x": "y" * 10_000_000})
    path.write_bytes(line(1) + b"\n" + long + b"\n" + line(3) + b"\n")
    frame, bad, _ = decode_file(path)
    assert ids(frame) == ["e1", "e3"]
    assert reasons(bad) == [(2, "too_large")]
    assert bad[0].payload == long


def test_longer_line_than_kept_is_cut_and_described(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(line(1) + b"\n" + b"x" * 20_000_000 + b"\n" + line(3))
    frame, bad, _ = decode_file(path)
    assert ids(frame) == ["e1", "e3"]
    assert len(bad[0].payload) == 16 << 20
    assert "20000000 bytes" in bad[0].error
    assert "SHA-256" in bad[0].error


def test_errors_hold_no_values_of_the_record() -> None:
    data = b"\n".join(bad.replace(b'"u1"', b'"secret-user"') for bad, _ in BAD_LINES)
    assert all("secret-user" not in record.error for record in decode(data, "p").bad)


PIECES = st.sampled_from(
    [
        b'{"event_id":',
        b'"x"}',
        b"{}",
        b"[",
        b",",
        line(user_id=""),
        line(1),
        line(2),
        line(3, properties={"p": "é"}),
        b"{",
        b"}",
        b"\n",
        b"\n",
        b"\n",
        b" ",
        b"\r\n",
        b"}{",
        b"\xff",
    ]
)


@given(st.lists(PIECES, max_size=30))
def test_a_chunk_is_its_lines_one_by_one(pieces: list[bytes]) -> None:
    """What the fast way through whole slices accepts is what single lines give."""
    data = b"".join(pieces)
    whole = decode(data, "p")
    decoder = EventDecoder(("p",))
    singles = [
        decoder.decode(RawChunk("log", "json", number, text), NOW)
        for number, text in enumerate(data.split(b"\n"), start=1)
    ]
    assert whole.frame.rows() == [row for single in singles for row in single.frame.rows()]
    assert [(r.position, r.reason, r.payload) for r in whole.bad] == [
        (r.position, r.reason, r.payload) for single in singles for r in single.bad
    ]


@given(pieces=st.lists(PIECES, max_size=20), chunk_bytes=st.integers(1, 300))
def test_cutting_at_any_boundary_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], chunk_bytes: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.jsonl"
    path.write_bytes(b"".join(pieces))
    frame, bad, read = decode_file(path, properties=("p",))
    cut, cut_bad, cut_read = decode_file(path, properties=("p",), chunk_bytes=chunk_bytes)
    assert cut.rows() == frame.rows()
    assert cut_bad == bad
    assert cut_read == read


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters='"\\'), max_size=5)


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\x1f"])
def test_name_that_no_decoder_finds_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="a name can't hold"):
        EventDecoder((name,))


@example([{"": -(2**127) - 1}])  # more than any integer of a data frame holds
@given(st.lists(st.dictionaries(NAMES, st.none() | st.booleans() | st.integers() | st.text()), max_size=5))
def test_json_of_any_properties_is_taken_in(properties: list[dict[str, Any]]) -> None:
    lines = [
        json.dumps(event(number, properties=values), ensure_ascii=False) for number, values in enumerate(properties)
    ]
    wanted = tuple({name for values in properties for name in values})
    try:
        data = "\n".join(lines).encode()
    except UnicodeEncodeError:
        return
    decoded = decode(data, *wanted)
    assert decoded.frame.height == len(properties)
    for row, values in zip(decoded.frame.to_dicts(), properties, strict=True):
        for name in wanted:
            value = values.get(name)
            text = value if value is None or isinstance(value, str) else json.dumps(value)
            assert row[f"p:{name}"] == text
