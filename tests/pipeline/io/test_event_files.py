"""Finding event logs and cutting them into chunks."""

import gzip
import io
from pathlib import Path

import pytest

from pipeline.io.files import log_stream
from pipeline.io.files.event_logs import InputError, find_files, format_of, read_chunks
from tests.transforms.decoding_cases import decode_file, ids, line, reasons


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in ("b.jsonl", "a.jsonl", "c.csv", "deep/d.avro", ".hidden", "_SUCCESS", "_tmp/e.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def names(found: list[str]) -> list[str]:
    return [Path(file).name for file in found]


def test_path_is_itself(logs: Path) -> None:
    assert find_files(str(logs / "a.jsonl")) == [str(logs / "a.jsonl")]


def test_directory_is_all_its_visible_files_sorted(logs: Path) -> None:
    assert names(find_files(str(logs))) == ["a.jsonl", "b.jsonl", "c.csv", "d.avro"]


def test_glob_is_sorted(logs: Path) -> None:
    assert names(find_files(str(logs / "*.jsonl"))) == ["a.jsonl", "b.jsonl"]


def test_glob_goes_deep(logs: Path) -> None:
    assert names(find_files(str(logs / "**" / "*.avro"))) == ["d.avro"]


def test_file_whose_name_is_a_glob_is_itself(tmp_path: Path) -> None:
    path = tmp_path / "log[1].jsonl"
    path.write_bytes(b"")
    assert find_files(str(path)) == [str(path)]


def test_missing_path_is_named_with_the_nearest(logs: Path) -> None:
    with pytest.raises(InputError, match=r"a\.jsonk: no such file or directory; did you mean 'a\.jsonl'\?"):
        find_files(str(logs / "a.jsonk"))


def test_glob_without_a_match_is_named(logs: Path) -> None:
    with pytest.raises(InputError, match=r"\*\.parquet: no file matches"):
        find_files(str(logs / "*.parquet"))


def test_empty_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the directory holds no files"):
        find_files(str(tmp_path))


def test_unreadable_file_is_named(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(log_stream.Path, "open", refuse)
    with pytest.raises(InputError, match=r"a\.jsonl: can't be read: Permission denied"):
        find_files(str(logs / "a.jsonl"))


def test_file_gone_since_it_was_found_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.jsonl: can't be read"):
        list(read_chunks(str(tmp_path / "gone.jsonl"), "json"))


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.avro", "avro"),
        ("a.csv.gz", "csv"),
        ("a.tsv", "csv"),
        ("a.jsonl.gz", "json"),
        ("a", "json"),
        ("A.CSV", "csv"),
    ],
)
def test_format_by_name(name: str, form: str) -> None:
    assert format_of(name) == form


def test_chunks_are_whole_lines_with_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"one\ntwo\nthree\nfour")
    chunks = list(read_chunks(str(path), "json", chunk_bytes=9))
    assert [(chunk.first_record, chunk.data) for chunk in chunks] == [(1, b"one\ntwo\n"), (3, b"three\n"), (4, b"four")]


def test_header_travels_with_every_chunk(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"a,b\r\n1,2\r\n3,4\r\n")
    chunks = list(read_chunks(str(path), "csv", chunk_bytes=5))
    assert [(chunk.first_record, chunk.header) for chunk in chunks] == [(2, b"a,b"), (3, b"a,b")]


@pytest.mark.parametrize("size", [0, 9 << 20])
def test_chunk_size_out_of_range_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError, match="chunk_bytes"):
        next(read_chunks(str(tmp_path), "json", chunk_bytes=size))


def test_progress_adds_up_to_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(line(n) + b"\n" for n in range(5000))))
    seen: list[int] = []
    list(read_chunks(str(path), "json", progress=seen.append, chunk_bytes=10_000))
    assert sum(seen) == path.stat().st_size


def test_truncated_gzip_keeps_its_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(line(n) + b"\n" for n in range(5000)))[:-2000])
    frame, bad, read = decode_file(path)
    kept = frame.height
    assert 2000 < kept < 5000
    assert ids(frame) == [f"e{n}" for n in range(kept)]
    assert reasons(bad) == [(kept + 1, "unreadable")]
    assert line(kept).startswith(bad[0].payload)
    assert read == kept + 1


def test_what_is_no_gzip_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(line() + b"\n")
    assert reasons(decode_file(path)[1]) == [(1, "unreadable")]


def test_disk_error_in_the_middle_keeps_what_came_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= 200:
                raise OSError(5, "Input/output error")
            return super().read1(min(size or 0, 100))

    content = b"".join(line(n) + b"\n" for n in range(10))
    monkeypatch.setattr(log_stream.Path, "open", lambda *_: Failing(content))
    frame, bad, _ = decode_file(tmp_path / "log.jsonl")
    assert ids(frame) == [f"e{n}" for n in range(frame.height)]
    assert 0 < frame.height < 10
    assert reasons(bad) == [(frame.height + 1, "unreadable")]
    assert 0 < len(bad[0].payload) < len(line(frame.height))
    assert line(frame.height).startswith(bad[0].payload)


def test_oversized_line_at_the_end_without_a_line_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(line(1) + b"\n" + b"x" * 10_000_000)
    frame, bad, _ = decode_file(path)
    assert ids(frame) == ["e1"]
    assert [(r.position, r.reason, len(r.payload)) for r in bad] == [(2, "too_large", 10_000_000)]


def test_longest_line_that_is_allowed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    short = line(1)[:-1] + b', "x": "'
    path.write_bytes(short + b"y" * ((8 << 20) - len(short) - 2) + b'"}\n' + line(2))
    assert ids(decode_file(path)[0]) == ["e1", "e2"]
