"""How keys reach the workers of a local stack without being part of the job."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.runners.flink.cluster import Cluster, stack_file
from transforms.keys.sources import PUBLISH_KEY, STATE_KEY


def worker_environment(cluster: Cluster, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables by which workers of a local stack find this process's keys; elsewhere none.

    The keys of a cluster are in its workers' own environment. A local stack was perhaps started without any, or with
    others: there they go into files that only this user can read, and the job carries the paths.
    """
    if not cluster.is_local_stack:
        return {}
    variables: dict[str, str] = {}
    for name in (STATE_KEY, PUBLISH_KEY):
        path = environment.get(name + "_FILE", "")
        if environment.get(name):
            path = str(_written(name, environment[name]))
        variables |= {name: "", name + "_FILE": str(Path(path).absolute()) if path else ""}
    return variables


def _written(name: str, key: str) -> Path:
    folder = stack_file().parent / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # By content, since jobs with other keys may run beside this one.
    path = folder / f"{name.lower()}.{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key)
    return path
