"""Files of state: what is written is what is read, and nothing damaged is taken for whole."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.state.containers import StateFilesError, read_cells, write_cells
from transforms.state.manifest import MANIFEST, Manifest
from transforms.state.start import StartingState
from transforms.state.state_folder import StateFolder

names = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=255)
values = st.lists(st.tuples(names, st.binary(max_size=300)), max_size=6)
HEAD = b'{"layout": 5, "shards": 2}\n'


def written(cells: list[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    write_cells(file, cells)
    return file.getvalue()


def read(data: bytes) -> list[tuple[str, bytes]]:
    return list(read_cells(io.BytesIO(data), "a.cells"))


@given(values)
def test_what_is_written_is_read(cells: list[tuple[str, bytes]]) -> None:
    assert read(written(cells)) == cells


@given(values, st.data())
def test_cut_off_anywhere_is_an_error(cells: list[tuple[str, bytes]], data: st.DataObject) -> None:
    whole = written(cells)
    with pytest.raises(StateFilesError, match=r"a\.cells: "):
        read(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(values, st.data())
def test_one_other_byte_is_an_error(cells: list[tuple[str, bytes]], data: st.DataObject) -> None:
    whole = bytearray(written(cells))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(StateFilesError, match=r"a\.cells: "):
        read(bytes(whole))


def test_length_beyond_all_bounds_is_an_error() -> None:
    whole = bytearray(written([("a", b"b")]))
    start = len(b"SEGMENTS CELLS 1\n") + 2
    whole[start : start + 8] = b"\xff" * 8
    with pytest.raises(StateFilesError, match="the file is cut off"):
        read(bytes(whole))


def test_more_behind_the_end_is_an_error() -> None:
    with pytest.raises(StateFilesError, match="has changed since it was written"):
        read(written([("a", b"b")]) + b"\0")


def test_later_format_is_named() -> None:
    with pytest.raises(StateFilesError, match="written in format 2; this version reads format 1"):
        read(written([]).replace(b"CELLS 1", b"CELLS 2"))


def exported(path: Path, *shards: int, head: bytes = HEAD) -> StateFolder:
    folder = StateFolder(str(path))
    folder.make()
    for shard in shards:
        folder.write_cells(f"track-{shard:05}.cells", [("track_head", head), ("track_log", b"x")])
    return folder


def test_manifest_of_an_export(tmp_path: Path) -> None:
    folder = exported(tmp_path, 0, 1)
    Manifest.of_export(folder, "a savepoint").write(folder)
    found = Manifest.read(folder, "exported")
    assert found == Manifest("exported", "a savepoint", 2, 5, ("track-00000.cells", "track-00001.cells"))


@pytest.mark.parametrize(
    ("shards", "head", "told"),
    [
        ([], HEAD, "has written no state there"),
        ([0], HEAD, r"missing or too many: \['track-00001.cells'\]"),
        ([0, 1, 2], HEAD, r"missing or too many: \['track-00002.cells'\]"),
    ],
)
def test_export_that_is_not_whole(tmp_path: Path, shards: list[int], head: bytes, told: str) -> None:
    with pytest.raises(StateFilesError, match=told):
        Manifest.of_export(exported(tmp_path, *shards, head=head), "a savepoint")


def test_shards_of_two_jobs(tmp_path: Path) -> None:
    folder = exported(tmp_path, 0, 1)
    folder.write_cells("track-00001.cells", [("track_head", HEAD.replace(b"5", b"6"))])
    with pytest.raises(StateFilesError, match="differ in number or layout"):
        Manifest.of_export(folder, "a savepoint")


def test_folder_that_is_not_whole_has_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(StateFilesError, match=MANIFEST):
        Manifest.read(exported(tmp_path, 0, 1), "exported")


def test_job_starts_from_imported_state_alone(tmp_path: Path) -> None:
    folder = exported(tmp_path, 0, 1)
    Manifest.of_export(folder, "a savepoint").write(folder)
    with pytest.raises(StateFilesError, match=r"this is exported state; .* `segments state import`"):
        StartingState(str(tmp_path), 2).check()


@pytest.mark.parametrize(
    ("fields", "told"),
    [({"shards": 3}, "imported for --shards 3, and this job runs with --shards 2"), ({"layout": 4}, "layout 4")],
)
def test_job_of_another_kind(tmp_path: Path, fields: dict[str, int], told: str) -> None:
    folder = exported(tmp_path, 0, 1)
    Manifest("imported", "elsewhere", **{"shards": 2, "layout": 5, **fields}, files=()).write(folder)
    with pytest.raises(StateFilesError, match=told):
        StartingState(str(tmp_path), 2).check()


def test_damaged_manifest(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps({"format": 1}))
    with pytest.raises(StateFilesError, match="the file is damaged"):
        Manifest.read(StateFolder(str(tmp_path)), "imported")
