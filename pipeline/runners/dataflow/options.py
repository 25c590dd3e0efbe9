"""Beam options that suit a live run on Dataflow. What the command line says itself wins over them."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from pipeline.options.beam_settings import Setting, given
from pipeline.options.errors import OptionError

#: What a job is called where ``--job_name`` says nothing. ``--update`` finds the running job by its name.
JOB_NAME: Final = "segments"
_MACHINE: Final = "n2-standard-2"
_CORES: Final = 2
#: Fewer shards than this on a core leave it waiting for state.
_SHARDS_A_CORE: Final = 4

_DEFAULTS: Final = (
    ("job_name", JOB_NAME, "permanent: an update finds the running job by it"),
    ("streaming", None, "the input has no end; Python's state is then kept by Streaming Engine, not on workers' disks"),
    ("autoscaling_algorithm", "THROUGHPUT_BASED", "workers come and go with the backlog"),
    ("worker_machine_type", _MACHINE, f"{_CORES} cores, each a Python process; 4 GB a core hold the shards' tables"),
    ("no_use_public_ips", None, "workers reach Google's services only, by Private Google Access of their subnetwork"),
    ("sdk_location", "container", "the image has Beam and this project: nothing is staged or installed at start"),
    ("no_save_main_session", None, "all code is in the image; what the launcher had imported is no part of the job"),
)
#: Other names that Beam has for an option.
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "worker_machine_type": ("machine_type",),
    "no_use_public_ips": ("use_public_ips",),
    "no_save_main_session": ("save_main_session",),
    "dataflow_service_options": ("dataflow_service_option",),
    "experiments": ("experiment",),
}
#: What the command line has to say: there is no good default.
_REQUIRED: Final[Mapping[str, str]] = {
    "region": "the region that the job runs in, such as europe-west1",
    "temp_location": "a folder in a bucket, gs://BUCKET/FOLDER",
    "sdk_container_image": "the image of launcher and workers, …@sha256:…",
}
_DIGEST: Final = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
#: As Cloud Storage has it; Beam would look for a bucket of its own, over the network, where the name is a wrong one.
_FOLDER: Final = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[^\r\n]+)?/?")
_AT_LEAST_ONCE: Final = "streaming_mode_at_least_once"


def dataflow_settings(project: str, shards: int, beam_args: Iterable[str] = ()) -> list[Setting]:
    """The settings that a run adds to ``beam_args``, which win wherever they name the same option.

    Args:
        project: the project of the events; the job's, unless ``--project`` names another.
        shards: how many there are.
        beam_args: the Beam options of the command line.

    Raises:
        OptionError: an option that has to be said is missing or can't be used.
    """
    said = given(beam_args)
    _check(said)
    settings = [Setting(name, value, why) for name, value, why in _DEFAULTS]
    workers = max(1, -(-shards // (_CORES * _SHARDS_A_CORE)))
    share = f"{shards} shards keep {workers * _CORES} cores busy: {_SHARDS_A_CORE} each hide the wait for state"
    settings.append(Setting("max_num_workers", str(workers), share))
    settings.append(Setting("project", project, "where the events are"))
    if "staging_location" not in said:
        settings.append(Setting("staging_location", said["temp_location"], "the graph of the job lies there too"))
    return [setting for setting in settings if not _said(setting.name, said)]


def _said(name: str, said: Mapping[str, str]) -> bool:
    return any(each in said for each in (name, *_ALIASES.get(name, ())))


def _check(said: Mapping[str, str]) -> None:
    for name, meaning in _REQUIRED.items():
        if not said.get(name):
            raise OptionError(f"--{name}: missing; Dataflow needs {meaning}")
    for name in ("temp_location", "staging_location"):
        if name in said and not _FOLDER.fullmatch(said[name]):
            raise OptionError(f"--{name}: expected {_REQUIRED['temp_location']}, found {said[name]!r}")
    if not _DIGEST.fullmatch(said["sdk_container_image"]):
        raise OptionError(
            "--sdk_container_image: expected an image by its digest, …@sha256:…, found "
            f"{said['sdk_container_image']!r}: workers that start later pull it again, and a tag may have moved"
        )
    # A template's launch names the account itself, as a part of the request.
    if not said.get("service_account_email") and not said.get("template_location"):
        raise OptionError(
            "--service_account_email: missing; without it workers run as Compute Engine's default account, "
            "which may do far more than a job needs"
        )
    for name in ("dataflow_service_options", *_ALIASES["dataflow_service_options"]):
        if _AT_LEAST_ONCE in said.get(name, ""):
            raise OptionError(
                f"--{name}: {_AT_LEAST_ONCE} repeats elements between steps, and a move of the population that came "
                "twice would count twice; exactly-once is the mode to run in"
            )
