"""Whether a part answers, by the protocol that its users speak."""

import json
import socket
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from deploy.local.ports import HOST

# ApiVersions, version 0, correlation id 7, no client id: every broker answers this request, to any client.
_API_VERSIONS = struct.pack(">hhih", 18, 0, 7, -1)


def wait_until(ready: Callable[[], bool], seconds: float, alive: Callable[[], bool]) -> bool:
    """Asks again and again until ``ready``; False when the seconds are over or the part is not alive any more."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline or not alive():
            return False
        time.sleep(0.1)
    return True


def flink_json(url: str, path: str) -> dict[str, object]:
    """An answer of Flink's REST API; empty where it gives none."""
    try:
        with urllib.request.urlopen(f"{url}/{path}", timeout=5) as answer:
            found = json.load(answer)
    except (OSError, urllib.error.URLError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def jobmanager_answers(url: str) -> bool:
    """Whether a JobManager answers at the URL."""
    return "slots-total" in flink_json(url, "overview")


def taskmanager_registered(url: str, resource: str, slots: int) -> bool:
    """Whether the JobManager counts on the slots of the TaskManager with this resource id."""
    known = flink_json(url, "taskmanagers").get("taskmanagers")
    return isinstance(known, list) and any(
        each.get("id") == resource and each.get("slotsNumber") == slots for each in known
    )


def starts_of_jobs(url: str) -> list[float]:
    """When the jobs that are not over were started, in seconds since the epoch; none where no JobManager answers."""
    jobs = flink_json(url, "jobs/overview").get("jobs")
    over = {"FINISHED", "CANCELED", "FAILED"}
    return [each["start-time"] / 1000 for each in jobs if each["state"] not in over] if isinstance(jobs, list) else []


def broker_answers(port: int) -> bool:
    """Whether a Kafka broker answers on the port."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS)
            answer = connection.makefile("rb").read(10)
    except OSError:
        return False
    # size, then the correlation id of the request, then the error code: 0
    return len(answer) == 10 and answer[4:] == struct.pack(">ih", 7, 0)
