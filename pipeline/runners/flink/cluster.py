"""Where the cluster is: said by options, by the environment, or by the local stack."""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.options.errors import OptionError

#: The environment variables, which `make stack-up` prints, and the options that go before them.
VARIABLES: Final[Mapping[str, str]] = {"flink": "FLINK", "job_endpoint": "JOB_ENDPOINT", "expansion": "EXPANSION"}
OPTIONS: Final[Mapping[str, str]] = {
    "flink": "--flink",
    "job_endpoint": "--job_endpoint",
    "expansion": "--expansion-service",
}
#: Seconds that something on the way to the cluster may take to answer at all.
REACHABLE: Final = 5.0
_WHAT: Final[Mapping[str, str]] = {
    "flink": "Flink's REST interface",
    "job_endpoint": "Beam's job server",
    "expansion": "Beam's expansion service",
}


class ClusterError(OptionError):
    """The cluster isn't known or doesn't answer; the message starts with the option that can name it."""


@dataclass(frozen=True)
class Cluster:
    """Addresses; None for what is not known. ``savepoints`` is the local stack's folder for them."""

    flink: str | None  #: URL
    job_endpoint: str | None  #: ``host:port``
    expansion: str | None  #: ``host:port``
    savepoints: str | None = None
    #: Whether the job server is the local stack's.
    is_local_stack: bool = False

    def need(self, name: str) -> str:
        """The address with this name: ``flink``, ``job_endpoint`` or ``expansion``.

        Raises:
            ClusterError: it is not known.
        """
        address: str | None = getattr(self, name)
        if address is None:
            raise ClusterError(
                f"{OPTIONS[name]}: where {_WHAT[name]} is, neither this option nor {VARIABLES[name]} says, and no "
                f"local stack is up at {stack_file()} (`make stack-up` starts one)"
            )
        return address

    def reach(self, name: str, timeout: float = REACHABLE) -> str:
        """The address with this name, once something has accepted a connection there.

        Raises:
            ClusterError: it is not known, or nothing listens there.
        """
        address = self.need(name)
        host, port = _host_and_port(OPTIONS[name], address)
        try:
            socket.create_connection((host, port), timeout).close()
        except OSError as error:
            reason = error.strerror or str(error)
            raise ClusterError(
                f"{OPTIONS[name]}: {_WHAT[name]} doesn't answer at {address} ({reason}); is the stack up? "
                "`make stack-status` tells"
            ) from error
        return address


def find_cluster(
    *,
    flink: str | None = None,
    job_endpoint: str | None = None,
    expansion: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Cluster:
    """The cluster that the arguments (what the options say) name; the environment and the local stack fill the gaps.

    Raises:
        ClusterError: the local stack's file can't be read.
    """
    said = {"flink": flink, "job_endpoint": job_endpoint, "expansion": expansion}
    stack = _stack(environment)
    found = {name: said[name] or environment.get(VARIABLES[name]) or stack.get(name) for name in said}
    local = stack.get("job_endpoint") is not None and found["job_endpoint"] == stack["job_endpoint"]
    return Cluster(**found, savepoints=stack.get("savepoints"), is_local_stack=local)


def stack_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where a local stack leaves its addresses."""
    named = environment.get("SEGMENTS_STACK")
    if named:
        return Path(named) / "stack.json"
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "segment-pipeline" / "stack" / "stack.json"


def _stack(environment: Mapping[str, str]) -> dict[str, str]:
    path = stack_file(environment)
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ClusterError(f"SEGMENTS_STACK: {path} can't be read: {error}") from error
    if not isinstance(found, dict):
        raise ClusterError(f"SEGMENTS_STACK: {path} holds no addresses; `make stack-up` writes them")
    return {name: value for name, value in found.items() if isinstance(value, str) and value}


def _host_and_port(option: str, address: str) -> tuple[str, int]:
    rest = address.partition("://")[2] or address
    host, separator, port = rest.rstrip("/").rpartition(":")
    if not separator or not port.isdigit():
        raise ClusterError(f"{option}: expected an address with a port, found {address!r}")
    return host.strip("[]"), int(port)
