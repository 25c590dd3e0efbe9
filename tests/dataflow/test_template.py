"""The Flex Template: its metadata, its image, and a launch as Google's launcher makes it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from google.cloud.dataflow_v1beta3.types import TemplateMetadata
from google.protobuf import json_format

from deploy.dataflow.launch import OWN, command_line
from pipeline.options.declaring import NotInTemplate, declared_options
from pipeline.options.run_arguments import OWN_OPTIONS, RunArguments
from pipeline.runners.dataflow.template import metadata, text_of_metadata
from tests.cli.commands import EVENTS, RULES, lines, write
from tests.dataflow.cloud_storage_fake import cloud_storage
from tests.dataflow.graphs import CHANGES
from tests.dataflow.graphs import EVENTS as SUBSCRIPTION
from tests.dataflow.launching import IMAGE, ROOT, SECRETS

FOLDER = ROOT / "deploy" / "dataflow"
LAUNCH = FOLDER / "launch.py"
PARAMETERS = {each["name"]: each for each in metadata()["parameters"]}
VALUES = {
    "rules": "gs://a-bucket/rules.yaml",
    "events": SUBSCRIPTION,
    "changes": CHANGES,
    "sdk_container_image": IMAGE,
    **SECRETS,
}


def test_metadata_is_current() -> None:
    hint = "renew it: .venv/bin/python -m pipeline.runners.dataflow.template > deploy/dataflow/metadata.json"
    assert (FOLDER / "metadata.json").read_text(encoding="utf-8") == text_of_metadata(), hint


def test_metadata_is_what_the_dataflow_api_takes() -> None:
    """Google publishes no JSON Schema of it; the message of its API is what `gcloud` reads the file into."""
    parsed = json_format.ParseDict(metadata(), TemplateMetadata.pb()())
    assert parsed.name
    assert all(each.name and each.label and each.help_text for each in parsed.parameters)
    with pytest.raises(json_format.ParseError):
        json_format.ParseDict({**metadata(), "paramters": []}, TemplateMetadata.pb()())


def test_every_option_of_a_run_is_a_parameter_or_left_out_for_a_reason() -> None:
    own = {option.removeprefix("--").replace("-", "_") for option in OWN_OPTIONS} - {"help"}
    declared = {option.name: option.template for option in declared_options(RunArguments)}
    left_out = {name: place for name, place in declared.items() if isinstance(place, NotInTemplate)}
    assert own == set(PARAMETERS) - {"sdk_container_image"} | set(left_out)
    assert not set(PARAMETERS) & set(left_out)
    assert all(place.reason for place in left_out.values())


def test_values_of_a_launch_match_their_patterns() -> None:
    assert {name for name, each in PARAMETERS.items() if not each["isOptional"]} == set(VALUES)
    for name, value in VALUES.items():
        assert all(re.fullmatch(pattern, value) for pattern in PARAMETERS[name]["regexes"]), name


@pytest.mark.parametrize("name", SECRETS)
def test_latest_version_of_a_secret_does_not_match(name: str) -> None:
    [pattern] = PARAMETERS[name]["regexes"]
    assert not re.fullmatch(pattern, VALUES[name].replace("/1", "/latest"))


def test_launcher_arguments_become_a_command_line() -> None:
    assert set(OWN) == {name for name in PARAMETERS if "_" in name} - {"sdk_container_image"}
    given = ["--max_disorder=20s", "--audit=", "--job_name=a_b", "--streaming", f"--sdk_container_image={IMAGE}"]
    assert command_line(given) == ["run", "--max-disorder=20s", *given[2:]]


def _launch(arguments: list[str], **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(LAUNCH), *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False
    )


def test_launcher_runs_the_same_command_line_on_a_local_runner(tmp_path: Path) -> None:
    """As the launcher writes it, with files for topics and another runner."""
    values = {
        "rules": write(tmp_path / "rules.yaml", RULES),
        "events": write(tmp_path / "events.jsonl", lines(EVENTS)),
        "changes": tmp_path / "changes.jsonl",
        "dead_letters": tmp_path / "letters.jsonl",
        "audit": "",
        "shards": "3",
        "runner": "DirectRunner",
    }
    done = _launch([f"--{name}={value}" for name, value in values.items()])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "changes.jsonl").read_text().count("\n") > 2
    assert (tmp_path / "letters.jsonl").exists()


def test_launcher_makes_the_job_and_leaves_it_where_the_service_finds_it(tmp_path: Path) -> None:
    """All of a real launch but Google: rules from a bucket, Beam's way to the job, the job into a bucket."""
    added = [
        "--runner=DataflowRunner",
        "--project=a-project",
        "--region=europe-west1",
        "--job_name=segments",
        "--staging_location=gs://a-bucket/staging",
        "--temp_location=gs://a-bucket/temp",
        "--template_location=gs://a-bucket/staging/template_launches/1/job_object",
        "--max_num_workers=4",
    ]
    with cloud_storage({VALUES["rules"]: RULES.encode()}) as fake:
        account = write(tmp_path / "account.json", fake.account())
        parameters = [f"--{name}={value}" for name, value in VALUES.items()]
        environment = {"STORAGE_EMULATOR_HOST": fake.url, "GOOGLE_APPLICATION_CREDENTIALS": str(account)}
        done = _launch([*parameters, *added], **environment)
    assert done.returncode == 0, done.stderr
    job = json.loads(fake.objects["gs://a-bucket/staging/template_launches/1/job_object"])
    assert job["type"] == "JOB_TYPE_STREAMING"
    [pool] = job["environment"]["workerPools"]
    assert pool["sdkHarnessContainerImages"][0]["containerImage"] == IMAGE
    assert pool["ipConfiguration"] == "WORKER_IP_PRIVATE"
    assert pool["autoscalingSettings"] == {"algorithm": "AUTOSCALING_ALGORITHM_BASIC", "maxNumWorkers": 4}
    assert [name for name in fake.objects if name.endswith("/pipeline.pb")]


def test_image_is_clean_to_the_linter() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([hadolint, FOLDER / "Dockerfile"], capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stdout) == (0, "")


def test_bases_have_no_default_and_are_refused_without_a_digest() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${LAUNCHER}", "${BEAM}"]
    assert set(re.findall(r"^ARG (.*)", text, re.MULTILINE)) == {"BEAM", "LAUNCHER"}
    [check] = re.findall(r"^RUN (for base .*?done)$", text, re.MULTILINE | re.DOTALL)
    script = check.replace("\\\n", "\n")
    for launcher, code in ((IMAGE, 0), ("gcr.io/launcher:latest", 1), ("", 1)):
        environment = {"BEAM": IMAGE, "LAUNCHER": launcher}
        ran = subprocess.run(["/bin/bash", "-c", script], env=environment, check=False, capture_output=True, timeout=60)
        assert ran.returncode == code, launcher


def test_image_has_every_package_that_the_project_installs() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    projects = [tomllib.loads((ROOT / folder / "pyproject.toml").read_text("utf-8")) for folder in (".", "schemas")]
    hooks = [project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"] for project in projects]
    copied = set(re.findall(r"^COPY (\w+) \w+$", text, re.MULTILINE))
    assert copied == {package for hook in hooks for package in hook["packages"]}
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    assert {f"!{name}" for name in copied} <= set(ignored.splitlines())


def test_image_has_the_projects_of_the_lock_and_what_builds_them() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    members = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]["workspace"]["members"]
    files = {f"{member}/pyproject.toml" for member in members} | {"scripts/relocate.py"}
    assert set(re.findall(r"^COPY (\S+/\S+) \S+/$", text, re.MULTILINE)) == files
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    allowed = set(re.findall(r"^!(.*)$", ignored, re.MULTILINE))
    assert {file for file in files if file not in allowed and file.partition("/")[0] not in allowed} == set()


def test_cloud_build_hands_over_both_bases() -> None:
    text = (FOLDER / "cloudbuild.yaml").read_text(encoding="utf-8")
    assert {"BEAM=${_BEAM}", "LAUNCHER=${_LAUNCHER}"} == set(re.findall(r"--build-arg=(\S+)", text))
