"""Broken records of every kind: the good ones beside them count, they are kept whole, and the counts add up."""

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.commands import EVENTS, Run, event, lines, run, run_lines, segments, write

GOOD = lines(EVENTS)
_HUGE = json.dumps(event(90, note="x" * 10_000_000)).encode()


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_lines(tmp_path_factory.mktemp("clean"), GOOD)


def _line(**fields: object) -> bytes:
    return json.dumps({**event(90), **fields}).encode()


CASES = {
    "no_json": (b"{not json", "undecodable"),
    "cut_line": (_line()[:40], "undecodable"),
    "invalid_utf8": (_line(name="page_view").replace(b"page_view", b"page\xff\xfeview"), "undecodable"),
    "nan_time": (_line().replace(str(event(90)["occurred_at"]).encode(), b"NaN"), "undecodable"),
    "list_instead_of_object": (b"[1, 2]", "wrong_type"),
    "user_id_is_a_number": (_line(user_id=7), "wrong_type"),
    "time_is_a_list": (_line(occurred_at=[1]), "wrong_type"),
    "read_property_is_an_object": (_line(properties={"channel": {"a": 1}}), "wrong_type"),
    "no_event_id": (_line(event_id=None), "missing_field"),
    "empty_event_id": (_line(event_id=""), "missing_field"),
    "no_user_id": (_line(user_id=""), "missing_field"),
    "no_name": (_line(name=None), "missing_field"),
    "no_time": (_line(occurred_at=None), "missing_field"),
    "consent_without_granted": (_line(name="consent"), "missing_field"),
    "time_without_zone": (_line(occurred_at="2026-01-01T00:00:00"), "bad_time"),
    "time_is_text": (_line(occurred_at="soon"), "bad_time"),
    "negative_time": (_line(occurred_at=-1), "before_epoch"),
    "far_future": (_line(occurred_at=9_000_000_000_000_000), "far_future"),
    "beyond_64_bits": (_line(occurred_at=10**25), "far_future"),
    "line_of_10_mb": (_HUGE, "too_large"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_line_among_good_ones(name: str, clean: Run, tmp_path: Path) -> None:
    bad, reason = CASES[name]
    first, rest = GOOD.split(b"\n", 1)
    done = run_lines(tmp_path, first + b"\n" + bad + b"\n" + rest)
    assert done.counts == (6, 5, {reason: 1})
    [letter] = done.dead_letters
    assert letter["payload"] == bad
    assert (letter["reason"], letter["position"], letter["step"]) == (reason, 2, "DecodeEvents")
    assert letter["error"]
    assert letter["error_type"]
    assert letter["source"] == str(tmp_path / "events.jsonl")
    assert done.changes == clean.changes


def test_all_kinds_at_once(clean: Run, tmp_path: Path) -> None:
    bad = [content for content, _ in CASES.values()]
    done = run_lines(tmp_path, GOOD + b"\n".join(bad) + b"\n" + lines(EVENTS[:2]))
    read, accepted, reasons = done.counts
    assert (read, accepted, sum(reasons.values())) == (len(bad) + 7, 5, len(bad))
    assert done.summary["duplicate"] == 2
    assert [letter["payload"] for letter in done.dead_letters] == bad
    assert done.changes == clean.changes


def test_an_error_message_holds_no_value_of_the_record(tmp_path: Path) -> None:
    secret = "somebody@example.org"
    bad = [_line(user_id=secret, occurred_at="soon"), _line(user_id=[secret]), _line(user_id=secret, name=None)]
    done = run_lines(tmp_path, b"\n".join(bad))
    assert len(done.dead_letters) == 3
    assert not [letter["error"] for letter in done.dead_letters if secret in letter["error"]]


@pytest.mark.parametrize("content", [b"", b"\n \n\n"], ids=["no_bytes", "blank_lines"])
def test_nothing_in_the_file(content: bytes, tmp_path: Path) -> None:
    done = run_lines(tmp_path, content)
    assert done.counts == (0, 0, {})
    assert done.changes == []
    assert done.summary["segments"] == {"active": 0, "top": 0, "from_ads": 0, "gone": 0}


def _avro(folder: Path) -> bytes:
    path = folder / "log.avro"
    assert segments("generate", "--users", 60, "--days", 3, "--out", path, "--quiet").code == 0
    return path.read_bytes()


def test_truncated_avro_keeps_the_blocks_before(tmp_path: Path) -> None:
    content = _avro(tmp_path)
    whole = run(tmp_path / "whole", write(tmp_path / "whole.avro", content))
    cut = run(tmp_path / "cut", write(tmp_path / "cut.avro", content[:-100]))
    assert cut.outcome.code == 0
    read, accepted, reasons = cut.counts
    assert reasons == {"undecodable": 1}
    assert read == accepted + 1
    assert 0 < accepted < whole.counts[1]
    assert content[:-100].endswith(cut.dead_letters[0]["payload"])


@pytest.mark.parametrize("content", [b"", b"Obj\x01", b"no container at all"], ids=["empty", "magic_only", "text"])
def test_avro_that_is_none(content: bytes, tmp_path: Path) -> None:
    done = run(tmp_path, write(tmp_path / "log.avro", content))
    assert done.outcome.code == 0
    assert done.counts == (1, 0, {"undecodable": 1})


def test_cut_gzip_keeps_the_lines_before(tmp_path: Path) -> None:
    many = lines(event(number, f"user{number % 50}", hours=number / 1000) for number in range(4000))
    done = run(tmp_path, write(tmp_path / "log.jsonl.gz", gzip.compress(many)[:-2000]))
    assert done.outcome.code == 0
    _, accepted, reasons = done.counts
    assert reasons == {"unreadable": 1}
    assert 0 < accepted < 4000


def test_nan_in_csv(tmp_path: Path) -> None:
    text = f"event_id,user_id,name,occurred_at\n1,ann,page_view,nan\n2,ann,page_view,{event(2)['occurred_at']}\n3,ann\n"
    done = run(tmp_path, write(tmp_path / "log.csv", text))
    assert done.counts == (3, 1, {"bad_time": 1, "undecodable": 1})
    assert [letter["position"] for letter in done.dead_letters] == [2, 4]


def test_one_broken_file_of_several(clean: Run, tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a.jsonl", GOOD)
    write(tmp_path / "logs" / "b.avro", b"broken")
    write(tmp_path / "logs" / "c.jsonl", b"{}\n")
    done = run(tmp_path / "out", tmp_path / "logs")
    assert done.counts == (7, 5, {"undecodable": 1, "missing_field": 1})
    assert done.changes == clean.changes


def test_duplicates_are_counted_once(clean: Run, tmp_path: Path) -> None:
    done = run_lines(tmp_path, GOOD + GOOD + GOOD)
    assert (done.summary["read"], done.summary["accepted"], done.summary["duplicate"]) == (15, 5, 10)
    assert done.changes == clean.changes


def test_events_that_steer_the_pipeline_are_accounted_for(tmp_path: Path) -> None:
    beat = {"event_id": "h1", "name": "heartbeat", "occurred_at": EVENTS[-1]["occurred_at"]}
    done = run_lines(tmp_path, lines([*EVENTS, beat, event(9, "ann", "consent", 2, granted=True)]))
    assert done.counts == (7, 7, {})
