"""The usual port where it is free, another one where it is taken."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple

import pytest

from deploy.local.ports import accepts, choose_ports, free_port, is_free


@contextmanager
def listening(host: str) -> Iterator[int]:
    """A server on a port of the system's choice."""
    with socket.create_server((host, 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_kept() -> None:
    with listening("127.0.0.1") as port:
        pass
    assert is_free(port)
    assert not accepts(port)
    assert free_port(port) == port


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_replaced(host: str) -> None:
    with listening(host) as port:
        assert accepts(port)
        assert not is_free(port)
        other = free_port(port)
    assert other != port
    assert is_free(other)


def test_a_port_that_is_bound_but_does_not_listen_is_taken() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert not is_free(bound.getsockname()[1])


def test_a_port_chosen_before_is_not_chosen_again() -> None:
    with listening("127.0.0.1") as port:
        pass
    assert free_port(port, taken=[port]) != port


def test_all_ports_differ() -> None:
    chosen = astuple(choose_ports())
    assert len(set(chosen)) == len(chosen)
