"""What outlives a command: the folder, ``stack.json`` and ``settings.json``."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from deploy.local import Addresses, StackError, default_folder
from deploy.local.layout import Ports, Settings, write_json

ADDRESSES = Addresses(
    flink="http://127.0.0.1:8081",
    job_endpoint="127.0.0.1:8099",
    expansion="127.0.0.1:8097",
    kafka="127.0.0.1:9092",
    checkpoints="/s/checkpoints",
    savepoints="/s/savepoints",
)


def test_addresses_come_back(tmp_path: Path) -> None:
    write_json(tmp_path / "stack.json", asdict(ADDRESSES))
    assert Addresses.read(tmp_path) == ADDRESSES


def test_addresses_stay_readable_for_newer_files(tmp_path: Path) -> None:
    write_json(tmp_path / "stack.json", asdict(ADDRESSES) | {"more": 1})
    assert Addresses.read(tmp_path) == ADDRESSES


def test_no_stack_is_said(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no stack was started there"):
        Addresses.read(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"flink": 8081}'])
def test_damaged_addresses_are_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content)
    with pytest.raises(StackError, match=r"stack\.json is damaged"):
        Addresses.read(tmp_path)


def test_settings_come_back(tmp_path: Path) -> None:
    settings = replace(Settings(), slots=2, java="/bin/java", ports=Ports(flink=1, kafka=2))
    settings.write(tmp_path)
    assert Settings.read(tmp_path) == settings


@pytest.mark.parametrize("content", [{}, {"ports": {}, "nonsense": 1}, {"ports": {"nonsense": 1}}, {"ports": 7}])
def test_damaged_settings_are_said(tmp_path: Path, content: object) -> None:
    (tmp_path / "settings.json").write_text(json.dumps(content))
    with pytest.raises(StackError, match=r"settings\.json is damaged"):
        Settings.read(tmp_path)


def test_the_folder_is_in_the_cache_or_as_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEGMENTS_STACK", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "segment-pipeline" / "stack"
    monkeypatch.setenv("SEGMENTS_STACK", str(tmp_path / "mine"))
    assert default_folder() == tmp_path / "mine"
