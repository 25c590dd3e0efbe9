"""The three wheels: what is in them, what they need, and that each works where only it is installed."""

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from schemas.codec import encode_single_object
from schemas.records import to_record
from tests.cli.commands import segments_process
from tests.conftest import ROOT
from tests.deploy.wheels import Environment, build, requirements
from tests.pipeline.io.changes import CHANGE

#: Distribution → folders that it has, and folder → package in a wheel.
PACKAGES = {
    "segment-schemas": ["schemas"],
    "segment-onboarding": ["onboarding"],
    "segment-pipeline": ["pipeline", "transforms", "segmentation", "deploy"],
}
RELOCATED = {
    "schemas": "segment_schemas",
    "onboarding": "segment_onboarding",
    **{folder: f"segment_pipeline/{folder}" for folder in PACKAGES["segment-pipeline"]},
}
TOPS = {name: {name.replace("-", "_")} for name in ("segment-schemas", "segment-onboarding", "segment-pipeline")}

#: How the README says that a message is decoded.
[DECODE] = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
TELL = """
import importlib.util, json
heavy = ["apache_beam", "polars", "numpy", "pyarrow", "schemas", "segment_pipeline"]
there = [name for name in heavy if importlib.util.find_spec(name)]
print(json.dumps({"change": repr(change), "there": there}))
"""
IMPORT_ALL = """
import importlib, json, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [each.name for each in pkgutil.walk_packages(package.__path__, sys.argv[1] + ".")]
for name in names:
    importlib.import_module(name)
old = {"pipeline", "transforms", "segmentation", "schemas", "onboarding", "deploy"}
print(json.dumps({"names": names, "old": sorted(old & {name.partition(".")[0] for name in sys.modules})}))
"""
SEGMENTS = """
import sys
from importlib.metadata import entry_points
[program] = entry_points(group="console_scripts", name="segments")
sys.argv[0] = "segments"
program.load()()
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def pipeline_alone(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("pipeline-alone") / "environment"
    return Environment(folder, [wheels["segment-pipeline"], wheels["segment-schemas"]])


@pytest.mark.parametrize("name", TOPS)
def test_no_top_level_but_the_distributions_own(wheels: dict[str, Path], name: str) -> None:
    with zipfile.ZipFile(wheels[name]) as archive:
        tops = {entry.partition("/")[0] for entry in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == TOPS[name]


def test_wheels_need_no_more_than_they_say(wheels: dict[str, Path]) -> None:
    [version] = {wheel.name.split("-")[1] for wheel in wheels.values()}
    needs = {name: {str(each) for each in requirements(wheel)} for name, wheel in wheels.items()}
    assert {need.partition(">")[0] for need in needs["segment-schemas"]} == {"fastavro", "msgspec"}
    assert needs["segment-onboarding"] == {f"segment-schemas=={version}"}
    assert f"segment-schemas=={version}" in needs["segment-pipeline"]


@pytest.mark.parametrize("name", TOPS)
def test_every_file_of_the_packages_is_in_the_wheel(wheels: dict[str, Path], name: str) -> None:
    """The data too: schemas, pom.xml, Java sources; but neither bytecode nor what Maven made."""
    with zipfile.ZipFile(wheels[name]) as archive:
        entries = archive.namelist()
    assert not [entry for entry in entries if "__pycache__" in entry or "/target/" in entry or "pyproject" in entry]
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES[name]], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    wanted = [Path(path) for path in tracked if not Path(path).name.startswith(".") and "pyproject" not in path]
    missing = [path for path in wanted if f"{RELOCATED[path.parts[0]]}/{'/'.join(path.parts[1:])}" not in entries]
    assert wanted
    assert not missing


def test_subscriber_decodes_a_change_without_the_pipeline(wheels: dict[str, Path], tmp_path: Path) -> None:
    alone = Environment(tmp_path / "environment", [wheels["segment-schemas"]])
    message = encode_single_object("segment_change", to_record(CHANGE))
    program = f"message = {message!r}\n{DECODE}{TELL}"
    assert alone.result(program, folder=tmp_path) == {"change": repr(CHANGE), "there": []}
    assert alone.result(IMPORT_ALL, "segment_schemas", folder=tmp_path)["old"] == []


def test_onboarding_alone(wheels: dict[str, Path], tmp_path: Path) -> None:
    alone = Environment(tmp_path / "environment", [wheels["segment-onboarding"], wheels["segment-schemas"]])
    assert alone.result(IMPORT_ALL, "segment_onboarding", folder=tmp_path)["old"] == []


@pytest.mark.slow
def test_every_module_of_the_pipeline_imports(pipeline_alone: Environment, tmp_path: Path) -> None:
    found = pipeline_alone.result(IMPORT_ALL, "segment_pipeline", folder=tmp_path)
    assert found["old"] == []
    assert {
        "segment_pipeline.pipeline.main",
        "segment_pipeline.transforms.event_batch",
        "segment_pipeline.deploy.local.stack",
    } <= set(found["names"])


@pytest.mark.slow
def test_the_installed_command_gives_the_changes_of_the_repository(pipeline_alone: Environment, tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    generate = ("generate", "--users", 60, "--days", 2, "--seed", 7, "--out", log, "--quiet")
    pipeline_alone.run(SEGMENTS, *generate, folder=tmp_path)
    run = ("run", "--rules", ROOT / "examples" / "rules.yaml", "--events", log, "--quiet", "--changes")
    pipeline_alone.run(SEGMENTS, *run, tmp_path / "installed.jsonl", folder=tmp_path)
    assert segments_process(*run, tmp_path / "repository.jsonl").code == 0
    assert _changes(tmp_path / "installed.jsonl") == _changes(tmp_path / "repository.jsonl") != []


def _changes(path: Path) -> list[str]:
    changes = [json.loads(line) | {"emitted_at": None} for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted(json.dumps(change, sort_keys=True) for change in changes)
