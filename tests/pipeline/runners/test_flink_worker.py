"""The worker's start, against Beam's own provision service, up to where it begins to work."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from apache_beam.portability import common_urns
from apache_beam.portability.api import (
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
    beam_runner_api_pb2,
    endpoints_pb2,
)
from apache_beam.runners.worker import sdk_worker_main
from google.protobuf import struct_pb2, text_format

from pipeline.runners.flink.worker import Boot, WorkerError, ask, main, worker_environment
from tests.transforms.permanent_names import live_graph

#: The program, but where the worker would begin to work it tells what it was started with.
PROGRAM = """
import json, os
from apache_beam.runners.worker import sdk_worker_main
from pipeline.runners.flink.worker import main
sdk_worker_main.main = lambda _: print(json.dumps(dict(os.environ)))
main()
"""
#: Likewise, but it takes the steps in the file PAYLOADS there, and tells which modules had to be imported for it.
TAKING_STEPS = """
import os, pickle, sys
from pathlib import Path
from apache_beam.internal import pickler
from apache_beam.runners.worker import sdk_worker_main
from pipeline.runners.flink.worker import main

def take(_):
    before = set(sys.modules)
    for payload in pickle.loads(Path(os.environ["PAYLOADS"]).read_bytes()):
        pickler.loads(payload)
    print(sorted(set(sys.modules) - before))

sdk_worker_main.main = take
main()
"""


class Provision(beam_provision_api_pb2_grpc.ProvisionServiceServicer):
    """Answers with ``info`` and keeps who asked."""

    def __init__(self) -> None:
        self.info = beam_provision_api_pb2.ProvisionInfo(
            control_endpoint=endpoints_pb2.ApiServiceDescriptor(url="127.0.0.1:1111"),
            logging_endpoint=endpoints_pb2.ApiServiceDescriptor(url="127.0.0.1:2222"),
            runner_capabilities=["beam:protocol:one:v1", "beam:protocol:two:v1"],
        )
        self.options(streaming=True)
        self.asked_by: list[str] = []

    def options(self, **options: Any) -> None:
        struct = struct_pb2.Struct()
        struct.update({f"beam:option:{name}:v1": value for name, value in options.items()})
        self.info.pipeline_options.CopyFrom(struct)

    def GetProvisionInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ARG002, N802  # gRPC's own name and arguments
        self.asked_by.append(dict(context.invocation_metadata())["worker_id"])
        return beam_provision_api_pb2.GetProvisionInfoResponse(info=self.info)


@pytest.fixture
def provision() -> Iterator[tuple[str, Provision]]:
    service = Provision()
    server = grpc.server(ThreadPoolExecutor(1))
    beam_provision_api_pb2_grpc.add_ProvisionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}", service
    server.stop(None).wait()


def test_process_becomes_the_worker(provision: tuple[str, Provision], tmp_path: Path) -> None:
    address, _ = provision
    arguments = ["--id=7-1", f"--provision_endpoint={address}", f"--semi_persist_dir={tmp_path}"]
    environment = {**os.environ, "SEGMENTS_STATE_KEY": "kept"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    variables = json.loads(done.stdout)
    assert variables["WORKER_ID"] == "7-1"
    assert variables["SEMI_PERSISTENT_DIRECTORY"] == str(tmp_path)
    assert variables["SEGMENTS_STATE_KEY"] == "kept"


def test_worker_has_imported_what_the_steps_need_before_it_connects(
    provision: tuple[str, Provision], tmp_path: Path
) -> None:
    """From the first bundle to the data connection a worker's death costs minutes: imports don't belong there."""
    payloads = [
        beam_runner_api_pb2.ParDoPayload.FromString(part.spec.payload).do_fn.payload
        for part in live_graph(audit="kafka://127.0.0.1:9092/audit").components.transforms.values()
        if part.spec.urn == common_urns.primitives.PAR_DO.urn
    ]
    assert payloads
    file = tmp_path / "payloads"
    file.write_bytes(pickle.dumps(payloads))
    done = subprocess.run(
        [sys.executable, "-c", TAKING_STEPS, "--id=7-1", f"--provision_endpoint={provision[0]}"],
        env={**os.environ, "PAYLOADS": str(file)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_variables_are_those_that_beam_reads(provision: tuple[str, Provision]) -> None:
    address, service = provision
    boot = Boot("7-1", address)
    variables = worker_environment(boot, ask(boot))
    assert service.asked_by == ["7-1"]
    assert _url(variables["CONTROL_API_SERVICE_DESCRIPTOR"]) == "127.0.0.1:1111"
    assert _url(variables["LOGGING_API_SERVICE_DESCRIPTOR"]) == "127.0.0.1:2222"
    assert "STATUS_API_SERVICE_DESCRIPTOR" not in variables
    assert variables["RUNNER_CAPABILITIES"].split() == ["beam:protocol:one:v1", "beam:protocol:two:v1"]
    assert sdk_worker_main._load_pipeline_options(variables["PIPELINE_OPTIONS"]) == {"streaming": True}
    # Nobody listens there, and Beam would wait a minute for somebody.
    del variables["LOGGING_API_SERVICE_DESCRIPTOR"]
    assert sdk_worker_main.create_harness(variables, dry_run=True) is None


def test_command_line_goes_before_the_answer(provision: tuple[str, Provision]) -> None:
    address, service = provision
    service.info.status_endpoint.url = "127.0.0.1:3333"
    boot = Boot("7-1", address, logging="127.0.0.1:4444", control="127.0.0.1:5555")
    variables = worker_environment(boot, ask(boot))
    assert _url(variables["CONTROL_API_SERVICE_DESCRIPTOR"]) == "127.0.0.1:5555"
    assert _url(variables["LOGGING_API_SERVICE_DESCRIPTOR"]) == "127.0.0.1:4444"
    assert _url(variables["STATUS_API_SERVICE_DESCRIPTOR"]) == "127.0.0.1:3333"


def test_long_options_go_through_a_file(provision: tuple[str, Provision]) -> None:
    address, service = provision
    service.options(note="x" * 200_000)
    boot = Boot("7-1", address)
    variables = worker_environment(boot, ask(boot))
    path = Path(variables["PIPELINE_OPTIONS_FILE"])
    try:
        assert sdk_worker_main._load_pipeline_options(path.read_text()) == {"note": "x" * 200_000}
    finally:
        path.unlink()
    assert "PIPELINE_OPTIONS" not in variables


def test_nobody_says_where_work_comes_from(provision: tuple[str, Provision]) -> None:
    address, service = provision
    service.info.ClearField("control_endpoint")
    boot = Boot("7-1", address)
    with pytest.raises(WorkerError, match="--control_endpoint"):
        worker_environment(boot, ask(boot))


def test_no_answer_is_an_error_that_names_the_endpoint() -> None:
    with pytest.raises(WorkerError, match=r"--provision_endpoint: 127\.0\.0\.1:1 doesn't answer"):
        ask(Boot("7-1", "127.0.0.1:1"), timeout=0.2)


def test_missing_argument_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--id=7-1"])
    assert ended.value.code == 2
    assert "--provision_endpoint" in capsys.readouterr().err


def _url(text: str) -> str:
    descriptor = endpoints_pb2.ApiServiceDescriptor()
    text_format.Merge(text, descriptor)
    return str(descriptor.url)
