"""The options of a run on Dataflow: ours, unless the command line says otherwise."""

import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, SetupOptions, WorkerOptions

from pipeline.options.beam_args import check_beam_args
from pipeline.options.beam_settings import as_arguments
from pipeline.options.errors import OptionError
from pipeline.runners.dataflow.options import dataflow_settings
from tests.dataflow.launching import ACCOUNT, IMAGE, REQUIRED


def _values(*beam_args: str, shards: int = 4) -> dict[str, str | None]:
    return {each.name: each.value for each in dataflow_settings("a-project", shards, [*REQUIRED, *beam_args])}


def test_beam_knows_every_setting() -> None:
    check_beam_args(tuple(as_arguments(dataflow_settings("a-project", 4, REQUIRED), REQUIRED)), ())


def test_beam_takes_the_settings_as_they_are_meant() -> None:
    options = PipelineOptions(as_arguments(dataflow_settings("a-project", 4, REQUIRED), REQUIRED))
    assert options.view_as(WorkerOptions).use_public_ips is False
    assert options.view_as(WorkerOptions).autoscaling_algorithm == "THROUGHPUT_BASED"
    assert options.view_as(WorkerOptions).machine_type == "n2-standard-2"
    assert options.view_as(WorkerOptions).sdk_container_image == IMAGE
    assert options.view_as(SetupOptions).save_main_session is False
    assert options.view_as(GoogleCloudOptions).service_account_email == ACCOUNT


@pytest.mark.parametrize("name", ["region", "temp_location", "sdk_container_image", "service_account_email"])
def test_what_nobody_else_can_know_has_to_be_said(name: str) -> None:
    left = [argument for argument in REQUIRED if not argument.startswith(f"--{name}=")]
    assert len(left) == len(REQUIRED) - 1
    with pytest.raises(OptionError, match=f"--{name}: missing"):
        dataflow_settings("a-project", 4, left)


def test_template_launch_names_the_account_elsewhere() -> None:
    left = [argument for argument in REQUIRED if not argument.startswith("--service_account_email=")]
    dataflow_settings("a-project", 4, [*left, "--template_location=gs://a-bucket/job"])


@pytest.mark.parametrize("image", ["europe-docker.pkg.dev/p/r/segments:1", "segments", IMAGE[:-1], "@sha256:0"])
def test_image_without_a_whole_digest_is_refused(image: str) -> None:
    with pytest.raises(OptionError, match="--sdk_container_image: expected an image by its digest"):
        _values(f"--sdk_container_image={image}")


@pytest.mark.parametrize("name", ["temp_location", "staging_location"])
@pytest.mark.parametrize("place", ["/tmp/here", "gs://b/tmp", "gs://", "s3://a-bucket/tmp", "gs://A-Bucket/tmp"])
def test_folder_that_no_bucket_can_have_is_refused_before_beam_goes_looking(name: str, place: str) -> None:
    with pytest.raises(OptionError, match=f"--{name}: expected a folder in a bucket"):
        _values(f"--{name}={place}")


@pytest.mark.parametrize("option", ["dataflow_service_options", "dataflow_service_option"])
def test_at_least_once_mode_is_refused(option: str) -> None:
    with pytest.raises(OptionError, match=r"streaming_mode_at_least_once .* would count twice"):
        _values(f"--{option}=streaming_mode_at_least_once")


@pytest.mark.parametrize(("shards", "workers"), [(1, "1"), (4, "1"), (8, "1"), (9, "2"), (64, "8"), (1024, "128")])
def test_workers_are_as_many_as_shards_can_keep_busy(shards: int, workers: str) -> None:
    assert _values(shards=shards)["max_num_workers"] == workers


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("worker_machine_type", "--machine_type=n2-standard-8"),
        ("no_use_public_ips", "--use_public_ips"),
        ("max_num_workers", "--max_num_workers=9"),
        ("job_name", "--job_name=mine"),
        ("project", "--project=another-project"),
        ("staging_location", "--staging_location=gs://a-bucket/staging"),
    ],
)
def test_command_line_wins(name: str, argument: str) -> None:
    assert name in _values()
    assert name not in _values(argument)
    said = [*REQUIRED, argument]
    assert as_arguments(dataflow_settings("a-project", 4, said), said)[-1] == argument
