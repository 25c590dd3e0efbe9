"""Beam options that suit a live run on Flink. What the command line says itself wins over them."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pipeline.options.beam_settings import Setting, given
from pipeline.options.errors import OptionError

#: What a job is called where ``--job_name`` says nothing.
JOB_NAME: Final = "segments"
#: Key groups: the most that a job can ever run in parallel. Part of its state.
MAX_PARALLELISM: Final = 128

_ENVIRONMENT: Final = "environment_type"
#: What each setting is good for; a value of None means that the name alone is the option.
_DEFAULTS: Final[Sequence[tuple[str, str | None, str]]] = (
    ("job_name", JOB_NAME, "what `segments status` and `segments stop` look for"),
    ("streaming", None, "the input has no end"),
    ("parallelism", "1", "one pipeline slot; more of them share the shards"),
    (
        "max_parallelism",
        str(MAX_PARALLELISM),
        "the most that a job can be resumed with, and a reader for every Kafka partition up to it; part of its state",
    ),
    ("max_bundle_size", "1000", "packs of records that a worker gets at most before it answers"),
    ("max_bundle_time_mills", "100", "milliseconds after which a worker answers at the latest: latency against load"),
    ("auto_watermark_interval", "20", "milliseconds between the source's watermarks, so that ticks settle promptly"),
    ("checkpointing_interval", "2000", "milliseconds between checkpoints: what a crash repeats at most"),
    ("min_pause_between_checkpoints", "1000", "milliseconds of work between two checkpoints, however slow they are"),
    ("checkpoint_timeout_millis", "120000", "milliseconds after which a checkpoint is given up"),
    ("fail_on_checkpointing_errors", None, "(turns it off) a failed checkpoint is tried again; the job goes on"),
    ("externalized_checkpoints_enabled", None, "checkpoints outlive the cluster's JobManager"),
    ("retain_externalized_checkpoints_on_cancellation", None, "and a cancelled job"),
    (
        "finish_bundle_before_checkpointing",
        None,
        "no output waits inside a checkpoint, where another version of the graph could not tell it apart",
    ),
    ("number_of_execution_retries", "2147483647", "a live job goes on trying; `segments status` counts its restarts"),
    ("execution_retry_delay", "1000", "milliseconds between two tries"),
    ("max_cache_memory_usage_mb", "0", "shards keep their tables themselves; Beam weighs what it caches, 1 ms a write"),
    ("object_reuse", None, "operators hand elements on without copying them"),
    ("faster_copy", None, "likewise where Beam copies"),
)


def worker_command() -> str:
    """Path of the program that starts a worker, beside the Python that runs this.

    Raises:
        OptionError: the program is not installed.
    """
    program = Path(sys.executable).absolute().parent / "segments-worker"
    if not program.is_file():
        raise OptionError(
            f"--environment_config: {program} is missing; install the project, or name another environment "
            "by --environment_type"
        )
    return str(program)


def flink_settings(
    job_endpoint: str,
    beam_args: Iterable[str] = (),
    *,
    savepoint: str | None = None,
    detach: bool = False,
    environment: Mapping[str, str] | None = None,
) -> list[Setting]:
    """The settings that a run adds to ``beam_args``, which win wherever they name the same option.

    Args:
        job_endpoint: ``host:port`` of Beam's job server.
        beam_args: the Beam options of the command line.
        savepoint: the savepoint or retained checkpoint to start from, as the cluster sees it.
        detach: leave the job running and return as soon as the cluster has it.
        environment: variables that workers get on top of the TaskManager's; part of the job, so no secrets.

    Raises:
        OptionError: the worker's program is not installed, and no other environment is named.
    """
    said = given(beam_args)
    settings = [Setting("job_endpoint", job_endpoint, "where Beam's job server listens")]
    settings += [Setting(name, value, why) for name, value, why in _DEFAULTS]
    parallelism = said.get("parallelism") or "1"
    settings.append(Setting("sdk_worker_parallelism", parallelism, "Python processes of a TaskManager"))
    if said.get(_ENVIRONMENT, "PROCESS") == "PROCESS":
        settings.append(Setting(_ENVIRONMENT, "PROCESS", "workers are children of the TaskManager and end with it"))
        if "environment_config" not in said:
            config = json.dumps({"command": worker_command(), **({"env": dict(environment)} if environment else {})})
            settings.append(Setting("environment_config", config, "the program that starts a worker"))
    if savepoint is not None:
        settings.append(Setting("savepoint_path", savepoint, "the state to start from"))
    if detach:
        settings.append(Setting("attached_mode", None, "(turns it off) the job runs on by itself"))
    return [setting for setting in settings if setting.name not in said]
