"""The real parts: they come up, answer, are healed one by one, and leave no process behind."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from deploy.local import Addresses, Stack, StackError, processes
from deploy.local.health import broker_answers
from deploy.local.parts import log_of
from deploy.local.ports import accepts

pytestmark = [pytest.mark.flink, pytest.mark.slow, pytest.mark.xdist_group("flink")]

PARTS = ["jobmanager", "broker", "jobserver", "expansion", "taskmanager"]


@pytest.fixture(scope="module")
def stack(local_stack: Stack) -> Stack:
    """The stack that all live tests share, with a JobManager of another size than usual."""
    return local_stack


def pids(stack: Stack) -> dict[str, int | None]:
    return {name: stack.pid(name) for name in PARTS}


def port(address: str) -> int:
    return int(address.rpartition(":")[2])


def shown(addresses: Addresses, path: str) -> Any:
    with urllib.request.urlopen(f"{addresses.flink}/{path}", timeout=30) as answer:
        return json.load(answer)


def test_every_part_is_up(stack: Stack) -> None:
    assert [(part.name, part.state, part.pid) for part in stack.status()] == [
        (name, "up", stack.pid(name)) for name in PARTS
    ]
    addresses = stack.addresses()
    assert shown(addresses, "overview")["slots-total"] == 4
    configured = {each["key"]: each["value"] for each in shown(addresses, "jobmanager/config")}
    assert configured["jobmanager.memory.process.size"] == "1100m"
    assert broker_answers(port(addresses.kafka))
    assert accepts(port(addresses.job_endpoint))
    assert accepts(port(addresses.expansion))
    manager = stack.pid("taskmanager")
    assert manager is not None
    assert processes.children(manager) == []  # no job, no workers


def test_up_again_changes_nothing(stack: Stack) -> None:
    before, addresses = pids(stack), stack.addresses()
    assert stack.up() == addresses
    assert Stack(stack.folder).up() == addresses
    assert pids(stack) == before


def test_a_running_stack_keeps_its_size(stack: Stack) -> None:
    with pytest.raises(StackError, match=r"--slots: the stack runs with 4"):
        stack.up(slots=3)


@pytest.mark.parametrize("name", PARTS)
def test_a_dead_part_is_seen_and_healed(stack: Stack, name: str) -> None:
    before, addresses = pids(stack), stack.addresses()
    stack.kill(name)
    assert stack.pid(name) is None
    assert {part.name: part.state for part in stack.status()}[name] == "down"
    assert stack.up() == addresses
    after = pids(stack)
    assert after[name] is not None
    assert {other: pid for other, pid in after.items() if other != name} == {
        other: pid for other, pid in before.items() if other != name
    }
    assert {part.state for part in stack.status() if part.name == name} == {"up"}


def test_a_second_taskmanager_comes_and_goes(stack: Stack) -> None:
    before = pids(stack)
    stack.up(taskmanagers=2)
    assert len(stack.status()) == len(PARTS) + 1
    assert stack.pid("taskmanager-2") is not None
    stack.up(taskmanagers=1)
    assert len(stack.status()) == len(PARTS)
    assert stack.pid("taskmanager-2") is None
    assert pids(stack) == before


def test_unknown_parts_are_said(stack: Stack) -> None:
    with pytest.raises(StackError, match="zookeeper: no such part; there are jobmanager, broker"):
        stack.kill("zookeeper")
    with pytest.raises(StackError, match="no such part"):
        stack.start("zookeeper")


def test_a_running_stack_is_not_wiped(stack: Stack) -> None:
    with pytest.raises(StackError, match="take it down first"):
        stack.wipe()


def test_a_part_that_cannot_start_quotes_its_log(stack: Stack) -> None:
    """A broker whose data is damaged ends by itself; the rest of the stack is not touched."""
    before = pids(stack)
    stack.kill("broker")
    meta = stack.folder / "kafka" / "meta.properties"
    good = meta.read_text()
    meta.write_text("version=1\ncluster.id=broken\nnode.id=7\n")
    with pytest.raises(StackError, match=r"broker ended while starting(.|\n)*broker\.log(.|\n)*Stored node id 7"):
        stack.up()
    assert log_of(stack.folder, "broker").is_file()
    assert pids(stack) == before | {"broker": None}
    meta.write_text(good)
    stack.start("broker")
    assert stack.pid("broker") is not None


@pytest.mark.ends_the_stack
def test_down_leaves_no_process_and_keeps_what_is_stored(stack: Stack) -> None:
    known = [pid for pid in pids(stack).values() if pid]
    assert len(known) == len(PARTS)
    stack.down()
    assert [pid for pid in known if processes.command_line(pid)] == []
    assert not any(str(stack.folder) in processes.command_line(pid) for pid in processes.parents())
    assert {part.state for part in stack.status()} == {"down"}
    assert (stack.folder / "kafka" / "meta.properties").is_file()
    with pytest.raises(StackError, match="no stack was started there"):
        stack.addresses()


@pytest.mark.ends_the_stack
def test_a_stack_that_is_down_can_be_wiped(stack: Stack) -> None:
    stack.down()
    stack.wipe()
    assert not Path(stack.folder).exists()
