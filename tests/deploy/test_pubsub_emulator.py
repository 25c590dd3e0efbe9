"""The emulator of Pub/Sub: what its command says where it can't be built."""

from pathlib import Path

import pytest

from deploy.pubsub_emulator.__main__ import main


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH; an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.mark.parametrize("command", ["up", "build"])
def test_no_go(bare: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == 1
    assert capsys.readouterr().err.startswith("pubsub: no Go to build the emulator with")


def test_go_that_fails(bare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bare / "go").write_text("#!/bin/sh\necho 'no such module'; exit 1\n")
    (bare / "go").chmod(0o755)
    assert main(["build"]) == 1
    assert "go failed with 1:\n    no such module" in capsys.readouterr().err
    assert not list((tmp_path / "cache").rglob("pubsub_emulator"))


def test_down_where_none_runs(bare: Path) -> None:
    assert main(["down"]) == 0


@pytest.mark.parametrize("arguments", [[], ["restart"], ["up", "down"]])
def test_wrong_call(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "up|down|build" in capsys.readouterr().err
