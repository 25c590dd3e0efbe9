"""Starts a Python worker for a runner that runs workers as processes: ``segments-worker``.

The runner calls the program with ``--id`` and ``--provision_endpoint``; the rest is asked for there. Then this process
becomes the worker: on the Python that the program is installed for, with the environment (and so the keys) of the
runner's own process. Nothing is installed on the way: what the pipeline needs is beside this program.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from apache_beam.portability.api import beam_provision_api_pb2

#: Seconds to wait for the runner's answer.
TIMEOUT: Final = 60.0
#: What an environment variable may hold on Linux, less its name; longer options go through a file.
_LONGEST: Final = 100_000
_EXIT_FAILED: Final = 1


class WorkerError(Exception):
    """The worker can't start."""


@dataclass(frozen=True)
class Boot:
    """What the runner said on the command line; endpoints are ``host:port``, None where it said nothing."""

    worker_id: str
    provision: str
    logging: str | None = None
    control: str | None = None
    folder: str | None = None

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> "Boot":
        """From a command line; ends the process with 2 and a message where it can't be used."""
        parser = argparse.ArgumentParser(
            prog="segments-worker", allow_abbrev=False, description="A runner starts this; people don't."
        )
        parser.add_argument("--id", required=True, help="the worker's name")
        parser.add_argument(
            "--provision_endpoint", required=True, metavar="HOST:PORT", help="where to ask for the rest"
        )
        parser.add_argument("--logging_endpoint", metavar="HOST:PORT", help="where the log goes")
        parser.add_argument("--control_endpoint", metavar="HOST:PORT", help="where work comes from")
        parser.add_argument("--artifact_endpoint", metavar="HOST:PORT", help="not used: nothing is installed")
        parser.add_argument("--semi_persist_dir", metavar="FOLDER", help="where the worker may keep files")
        parsed = parser.parse_args(arguments)
        return cls(
            worker_id=parsed.id,
            provision=parsed.provision_endpoint,
            logging=parsed.logging_endpoint,
            control=parsed.control_endpoint,
            folder=parsed.semi_persist_dir,
        )


def ask(boot: Boot, timeout: float = TIMEOUT) -> "beam_provision_api_pb2.ProvisionInfo":
    """What the runner has to say to this worker. ``timeout`` is in seconds.

    Raises:
        WorkerError: it doesn't answer.
    """
    import grpc
    from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc

    with grpc.insecure_channel(boot.provision) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        try:
            response = service.GetProvisionInfo(
                request, timeout=timeout, wait_for_ready=True, metadata=[("worker_id", boot.worker_id)]
            )
        except grpc.RpcError as error:
            raise WorkerError(f"--provision_endpoint: {boot.provision} doesn't answer: {error.code().name}") from error
    info: beam_provision_api_pb2.ProvisionInfo = response.info
    return info


def worker_environment(boot: Boot, info: "beam_provision_api_pb2.ProvisionInfo") -> dict[str, str]:
    """The environment variables that the worker needs besides those that are there.

    Raises:
        WorkerError: neither the command line nor the runner says where work comes from.
    """
    from google.protobuf import json_format  # type: ignore[import-untyped]

    control = boot.control or info.control_endpoint.url
    if not control:
        raise WorkerError("--control_endpoint: neither the command line nor the runner names it")
    variables = {"WORKER_ID": boot.worker_id, "CONTROL_API_SERVICE_DESCRIPTOR": _descriptor(control)}
    logging = boot.logging or info.logging_endpoint.url
    if logging:
        variables["LOGGING_API_SERVICE_DESCRIPTOR"] = _descriptor(logging)
    if info.status_endpoint.url:
        variables["STATUS_API_SERVICE_DESCRIPTOR"] = _descriptor(info.status_endpoint.url)
    if info.runner_capabilities:
        variables["RUNNER_CAPABILITIES"] = " ".join(info.runner_capabilities)
    if boot.folder:
        variables["SEMI_PERSISTENT_DIRECTORY"] = boot.folder
    return variables | _options(json_format.MessageToJson(info.pipeline_options, indent=None))


def _descriptor(address: str) -> str:
    # JSON's quoting is also that of protobuf's text format.
    return f"url: {json.dumps(address)}"


def _options(text: str) -> dict[str, str]:
    if len(text) <= _LONGEST:
        return {"PIPELINE_OPTIONS": text}
    import tempfile

    with tempfile.NamedTemporaryFile("w", prefix="segments-options-", suffix=".json", delete=False) as file:
        file.write(text)
    return {"PIPELINE_OPTIONS_FILE": file.name}


def become_worker(variables: Mapping[str, str]) -> None:
    """Works for the runner until it ends the connection."""
    os.environ.update(variables)
    # Shards work side by side; the tables of one are too small for threads of their own.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    # In this process: Beam has been imported, which is most of a worker's start.
    from apache_beam.runners.worker import sdk_worker_main

    # All that the steps of a live graph need, before the runner knows of this worker: it hands out the first bundle as
    # soon as it does, and where a worker dies before it has taken that, Beam's data service waits three minutes for it.
    # Places import theirs late.
    from pipeline.io.kafka import sender as _kafka_sender  # noqa: F401
    from pipeline.io.kafka import source as _kafka_source  # noqa: F401
    from pipeline.io.pubsub import sender as _pubsub_sender  # noqa: F401
    from pipeline.io.pubsub import source as _pubsub_source  # noqa: F401
    from pipeline.io.topics import sinks  # noqa: F401
    from pipeline.runners import assembly  # noqa: F401

    sdk_worker_main.main(sys.argv)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of ``segments-worker``."""
    boot = Boot.parse(sys.argv[1:] if arguments is None else arguments)
    try:
        variables = worker_environment(boot, ask(boot))
    except WorkerError as error:
        sys.stderr.write(f"segments-worker {boot.worker_id}: {error}\n")
        raise SystemExit(_EXIT_FAILED) from error
    become_worker(variables)


if __name__ == "__main__":
    main()
