"""Lines that a log becomes in a topic: native JSON as it lies, everything else with the same meaning as its file."""

import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline.io.files.event_logs import read_chunks
from pipeline.io.topics.event_lines import NO_EVENT, EventLineReader, EventLines
from tests.transforms.decoding_cases import NOW, T0, decode_file, event, line
from tests.transforms.test_decode_avro import container, plain_event
from transforms.mapping.model import Constant, EventMapping, LogColumn, LogTime
from transforms.raw_chunk import CHUNK_BYTES, Format


def lines_of_file(
    path: Path, form: Format = "json", mapping: EventMapping | None = None, chunk_bytes: int = CHUNK_BYTES
) -> EventLines:
    """All lines of a file."""
    numbered = mapping is not None and mapping.numbers_repeats
    reader = EventLineReader(mapping)
    parts = [
        reader.lines(chunk, NOW)
        for chunk in read_chunks(str(path), form, number_repeats=numbered, chunk_bytes=chunk_bytes)
    ]
    return EventLines(
        [line for part in parts for line in part.lines],
        pl.concat([part.user_ids for part in parts]),
        np.concatenate([part.occurred_at for part in parts]),
        tuple(problem for part in parts for problem in part.unsendable),
    )


def assert_same_events(
    folder: Path, path: Path, form: Format, properties: tuple[str, ...], mapping: EventMapping | None = None
) -> EventLines:
    """The lines, read as native JSON, are the events of the file, in its order, and as many records are refused."""
    sent = lines_of_file(path, form, mapping, chunk_bytes=2_000)
    copy = folder / "sent.jsonl"
    copy.write_bytes(b"".join(line + b"\n" for line in sent.lines))
    expected, expected_bad, _ = decode_file(path, form, properties, mapping, chunk_bytes=2_000)
    found, found_bad, _ = decode_file(copy, "json", properties)
    assert_frame_equal(found, expected)
    assert len(found_bad) + len(sent.unsendable) == len(expected_bad)
    known = sent.occurred_at != NO_EVENT
    assert sent.occurred_at[known].tolist() == expected["occurred_at"].to_list()
    assert sent.user_ids.filter(pl.Series(known)).to_list() == expected["user_id"].to_list()
    assert sent.user_ids.is_null().to_list() == (~known).tolist()
    return sent


BAD = [
    b"{no json",
    b"[1]",
    line(7, user_id=...),
    line(8, occurred_at=T0 * 100),
    line(9, name="\udcff"),
    b'{"a":"\xff"}',
]


def test_json_lines_keep_their_bytes(tmp_path: Path) -> None:
    iso = line(2, occurred_at="2026-01-01T00:00:00+01:00", user_id="zoë", context={"deep": [1, 2]})
    heartbeat = json.dumps({"event_id": "h", "name": "heartbeat", "occurred_at": T0}).encode()
    content = [line(1), iso, *BAD, b'  {"event_id" : "e3" }  ', heartbeat, line(4, properties={"x": 1.50})]
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join([*content[:3], b"", b"  ", *content[3:]]))
    sent = lines_of_file(path)
    assert sent.lines == content
    assert sent.user_ids.to_list() == ["u1", "zoë", *[None] * 7, "", "u4"]
    hour = 3_600_000_000
    assert sent.occurred_at.tolist() == [T0 + 1, T0 - hour, *[NO_EVENT] * 7, T0, T0 + 4]
    assert sent.latest == T0 + 4
    assert_same_events(tmp_path, path, "json", ("x",))


def test_line_ends_of_windows_are_no_part_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + line(1) + b"\r\n\r\n" + line(2) + b"\r\n")
    assert lines_of_file(path).lines == [line(1), line(2)]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"{\n{\n"])
def test_log_without_events(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(content or b"\n")
    sent = lines_of_file(path)
    assert sent.latest is None
    assert sent.user_ids.null_count() == len(sent) == content.count(b"{")


def test_parts_are_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(line(n) if n % 3 else b"{" for n in range(10)))
    whole = lines_of_file(path)
    parts = list(whole.parts(4))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert [line for part in parts for line in part.lines] == whole.lines
    assert pl.concat([part.user_ids for part in parts]).to_list() == whole.user_ids.to_list()
    assert np.concatenate([part.occurred_at for part in parts]).tolist() == whole.occurred_at.tolist()


def test_native_csv(tmp_path: Path) -> None:
    rows = ["event_id,user_id,name,occurred_at,source,plan,note", f"e1,u1,signup,{T0},web,pro,"]
    rows += ['e2,u2,signup,2026-01-02T00:00:00Z,,free,"a ""quoted"", text"', "e3,u3", f"e4,,x,{T0},web,pro,n", "", "x"]
    rows += [f"e{n},u{n},consent,{T0},web,true,\u2028\\" for n in range(5, 200)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    sent = assert_same_events(tmp_path, path, "csv", ("plan", "note"))
    assert json.loads(sent.lines[0]) == {
        "event_id": "e1",
        "user_id": "u1",
        "name": "signup",
        "occurred_at": T0,
        "source": "web",
        "properties": {"plan": "pro", "note": None},
    }
    assert sent.lines[2:5] == [b"e3,u3", f"e4,,x,{T0},web,pro,n".encode(), b"x"]


TABS = EventMapping(
    format="csv",
    user_id=LogColumn("who"),
    name=LogColumn("what", {"v": "page_view"}),
    occurred_at=LogTime("when", unit="s"),
    properties={"channel": LogColumn("from"), "kind": Constant("import"), "odd name": LogColumn("what")},
    delimiter="\t",
    quote=None,
)


def test_mapped_csv_with_ids_from_its_content(tmp_path: Path) -> None:
    rows = ["who\twhat\twhen\tfrom"] + [f"u{n % 3}\tv\t{T0 // 10**6 + n // 4}\tads" for n in range(300)]
    rows[100] = "\t\t\t"
    rows[200] = "u1\tv\tsoon\tads"
    path = tmp_path / "log.tsv"
    path.write_text("\n".join(rows))
    sent = assert_same_events(tmp_path, path, "csv", ("channel", "kind", "odd name"), TABS)
    assert len({json.loads(line)["event_id"] for line in sent.lines if line.startswith(b"{")}) == 298


def test_mapped_json(tmp_path: Path) -> None:
    mapping = dataclasses.replace(TABS, format="json", occurred_at=LogTime("when"), event_id=LogColumn("id"))
    rows: list[dict[str, Any]] = [
        {"id": f"e{n}", "who": f"u{n}", "what": "v", "when": T0 + n, "from": n / 2} for n in range(100)
    ]
    rows[3] |= {"who": None}
    rows[4] |= {"from": {"not": "scalar"}}
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    sent = assert_same_events(tmp_path, path, "json", ("channel", "kind"), mapping)
    assert sent.lines[3:5] == [json.dumps(row).encode() for row in rows[3:5]]


def test_avro_events_keep_the_types_of_their_properties(tmp_path: Path) -> None:
    values = {"a": 1, "b": 0.5, "c": True, "d": "x", "e": None}
    records = [event(n, properties=values, source="web") for n in range(100)]
    records[5]["user_id"] = ""
    records[6]["occurred_at"] = T0 * 100
    path = tmp_path / "log.avro"
    path.write_bytes(container(records))
    sent = assert_same_events(tmp_path, path, "avro", tuple(values))
    assert json.loads(sent.lines[0]) == event(0, properties=values, source="web")


def test_avro_times_of_other_units_are_microseconds_also_where_a_record_is_refused(tmp_path: Path) -> None:
    schema = plain_event({"type": "long", "logicalType": "timestamp-millis"})
    # Its number of milliseconds would be a good time in microseconds.
    records = [event(1, occurred_at=T0 // 1000), event(2, occurred_at=T0)]
    path = tmp_path / "log.avro"
    path.write_bytes(container(records, schema))
    sent = assert_same_events(tmp_path, path, "avro", ())
    assert sent.occurred_at.tolist() == [T0, NO_EVENT]


def test_mapped_avro(tmp_path: Path) -> None:
    fields = [{"name": name, "type": ["null", "string"]} for name in ("who", "what", "from")]
    fields.append({"name": "when", "type": ["null", "double"]})
    schema = {"type": "record", "name": "Foreign", "fields": fields}
    records = [{"who": f"u{n}", "what": "v", "when": float(T0 // 10**6), "from": "ads"} for n in range(60)]
    records[7] |= {"who": None}
    records[8] |= {"when": float("nan")}
    path = tmp_path / "log.avro"
    path.write_bytes(container(records, schema))
    sent = assert_same_events(tmp_path, path, "avro", ("channel",), dataclasses.replace(TABS, format="avro"))
    assert len(sent.unsendable) == 1


def test_what_cannot_be_sent_is_named(tmp_path: Path) -> None:
    content = container([event(n, properties={"x": float("inf") if n == 2 else 1.0}) for n in range(100)])
    path = tmp_path / "log.avro"
    path.write_bytes(content[:-30])
    sent = lines_of_file(path, "avro")
    assert sent.unsendable[0] == f"{path}:3: JSON can't hold NaN and infinities"
    assert sent.unsendable[1].endswith("the file ends in the middle of a container")
    assert len(sent) == int(sent.unsendable[1].removeprefix(f"{path}:").partition(":")[0]) - 2


def test_rest_of_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(line(n) for n in range(2_000)))[:-50])
    sent = lines_of_file(path)
    assert 0 < len(sent) < 2_000
    assert "can't be read any further" in sent.unsendable[0]
