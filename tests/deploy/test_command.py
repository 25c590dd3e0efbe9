"""``python -m deploy.local``: addresses and states on standard output, all else on standard error."""

from pathlib import Path

import pytest

from deploy.local.__main__ import main


def test_status_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--folder", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"stack: {tmp_path}: nothing was started there\n"


@pytest.mark.parametrize("arguments", [["down"], ["down", "--wipe"]])
def test_down_of_nothing(tmp_path: Path, arguments: list[str]) -> None:
    assert main([*arguments, "--folder", str(tmp_path / "none")]) == 0
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("option", ["taskmanagers", "slots"])
@pytest.mark.parametrize("value", ["0", "65"])
def test_numbers_out_of_range(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    assert main(["up", f"--{option}", value, "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"stack: --{option}: {value} is not between 1 and 64\n"


def test_a_command_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sideways"], program="segments stack")
    assert ended.value.code == 2
    assert "usage: segments stack" in capsys.readouterr().err
