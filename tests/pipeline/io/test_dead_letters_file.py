"""The file of dead letters: the original bytes come back, whatever they were."""

import base64
import gzip
import json
from pathlib import Path

import pytest

from pipeline.io.files.output import OutputError
from pipeline.io.files.writers import open_writer
from pipeline.io.outputs import Output
from schemas.containers import read_container
from schemas.errors import SchemaError
from schemas.json_codec import decode_json
from schemas.records import from_record
from schemas.types import DeadLetter

LETTERS = [
    DeadLetter("invalid_json", "SchemaError", "no JSON: …", "DecodeEvents", "in/a.jsonl", 7, b'{"x":\xff\x00\n', 5),
    DeadLetter("too_far_ahead", "ValueError", "", "DecodeEvents", "topic", None, b"", -1),
]


def _write(path: Path, *letters: DeadLetter) -> None:
    with open_writer(str(path), "--dead-letters", Output.DEAD_LETTERS, 0) as write:
        for letter in letters:
            write(letter)


def _lines(path: Path) -> list[DeadLetter]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [from_record(DeadLetter, decode_json("dead_letter", line)) for line in data.splitlines()]


def _records(path: Path) -> list[DeadLetter]:
    with path.open("rb") as source:
        return [from_record(DeadLetter, record) for block in read_container(source, "dead_letter") for record in block]


READ = {".jsonl": _lines, ".jsonl.gz": _lines, ".avro": _records}


@pytest.mark.parametrize("ending", READ)
def test_letters_come_back_byte_for_byte(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"dead{ending}"
    _write(path, *LETTERS)
    assert READ[ending](path) == LETTERS


def test_payload_is_base64_in_json(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    _write(path, LETTERS[0])
    assert base64.b64decode(json.loads(path.read_text())["payload"]) == LETTERS[0].payload


@pytest.mark.parametrize("ending", READ)
def test_ten_megabytes_of_payload_fit(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"dead{ending}"
    letter = DeadLetter("too_long", "ValueError", "", "DecodeEvents", "in", 1, bytes(10_000_000), 0)
    _write(path, letter)
    assert READ[ending](path) == [letter]


@pytest.mark.parametrize("ending", READ)
def test_letter_that_does_not_fit_leaves_no_file(tmp_path: Path, ending: str) -> None:
    letter = DeadLetter("r", "e", "", "s", "in", 2**63, b"", 0)
    with pytest.raises(SchemaError, match="position: expected"):
        _write(tmp_path / f"d{ending}", LETTERS[0], letter)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["***", 5, "YQ"])
def test_payload_that_is_no_base64_is_refused_in_reading(tmp_path: Path, text: object) -> None:
    path = tmp_path / "dead.jsonl"
    _write(path, LETTERS[0])
    data = json.loads(path.read_text()) | {"payload": text}
    with pytest.raises(SchemaError, match="base64"):
        decode_json("dead_letter", json.dumps(data).encode())


def test_unknown_ending_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"^--dead-letters: "):
        _write(tmp_path / "dead.txt")
