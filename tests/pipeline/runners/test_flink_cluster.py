"""Where the cluster is, by what goes before what, and the errors when it isn't there."""

import json
import socket
from pathlib import Path

import pytest

from pipeline.runners.flink.cluster import Cluster, ClusterError, find_cluster, stack_file

STACK = {
    "flink": "http://127.0.0.1:1",
    "job_endpoint": "127.0.0.1:2",
    "expansion": "127.0.0.1:3",
    "kafka": "127.0.0.1:4",
    "savepoints": "/stack/savepoints",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with a local stack."""
    (tmp_path / "stack.json").write_text(json.dumps(STACK))
    return {"SEGMENTS_STACK": str(tmp_path)}


def test_local_stack_fills_what_nobody_says(environment: dict[str, str]) -> None:
    found = find_cluster(environment=environment)
    assert (found.flink, found.job_endpoint, found.expansion) == ("http://127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
    assert found.savepoints == "/stack/savepoints"


def test_options_go_before_the_environment_and_that_before_the_stack(environment: dict[str, str]) -> None:
    environment |= {"JOB_ENDPOINT": "env:2", "EXPANSION": "env:3"}
    found = find_cluster(expansion="option:3", environment=environment)
    assert (found.flink, found.job_endpoint, found.expansion) == ("http://127.0.0.1:1", "env:2", "option:3")


def test_without_a_stack_the_environment_suffices(tmp_path: Path) -> None:
    found = find_cluster(environment={"SEGMENTS_STACK": str(tmp_path), "FLINK": "http://env:1"})
    assert (found.flink, found.job_endpoint, found.savepoints) == ("http://env:1", None, None)


@pytest.mark.parametrize(
    ("name", "option", "variable"),
    [
        ("flink", "--flink", "FLINK"),
        ("job_endpoint", "--job_endpoint", "JOB_ENDPOINT"),
        ("expansion", "--expansion-service", "EXPANSION"),
    ],
)
def test_unknown_address_names_all_ways_to_say_it(name: str, option: str, variable: str) -> None:
    with pytest.raises(ClusterError) as raised:
        Cluster(None, None, None).need(name)
    message = str(raised.value)
    assert message.startswith(f"{option}: ")
    assert variable in message
    assert "make stack-up" in message


def test_nothing_listens() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unheard.getsockname()[1]}"
        with pytest.raises(ClusterError, match=rf"--job_endpoint: .*doesn't answer at {address}"):
            Cluster(None, address, None).reach("job_endpoint")


def test_something_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert Cluster(url, None, None).reach("flink") == url


def test_address_without_a_port() -> None:
    with pytest.raises(ClusterError, match="--flink: expected an address with a port, found 'localhost'"):
        Cluster("localhost", None, None).reach("flink")


@pytest.mark.parametrize("content", ["{", "[1]", b"\xff"])
def test_damaged_stack_file(content: str | bytes, environment: dict[str, str]) -> None:
    path = stack_file(environment)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ClusterError, match=r"SEGMENTS_STACK: .*stack\.json"):
        find_cluster(environment=environment)


def test_stack_file_follows_the_cache_folder(tmp_path: Path) -> None:
    assert stack_file({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "segment-pipeline" / "stack" / "stack.json"
