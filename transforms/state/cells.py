"""How a live stage declares a shard's state to Beam, and how its methods get at all of the cells together."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, StateSpec

from segmentation.tracking.id_cells import CELLS

_CELLS: Final = "cells"


class Bag:
    """A bag state of bytes, with what a call has added to it.

    >>> class Held(list):
    ...     add = list.append
    >>> bag = Bag(Held())
    >>> bag.add(b"four")
    >>> bag.added
    4
    """

    __slots__ = ("_state", "added")

    def __init__(self, state: Any) -> None:
        self._state = state
        #: Bytes.
        self.added = 0

    def read(self) -> Iterable[bytes]:
        """The elements, in no order."""
        elements: Iterable[bytes] = self._state.read()
        return elements

    def add(self, element: bytes) -> None:
        """Append an element."""
        self._state.add(element)
        self.added += len(element)

    def clear(self) -> None:
        """Empty it."""
        self._state.clear()


@dataclass(frozen=True)
class Cells:
    """The cells of one shard and stage, as a call has them.

    Beam knows no cell whose number is computed, so there is one of everything that is written anew while its
    predecessor still counts, and one for each stretch of remembered ids.
    """

    #: ReadModifyWrite state of bytes.
    head: Any
    #: Of either pair one is in use; the other serves while a new snapshot is written.
    snapshots: tuple[Bag, Bag]
    logs: tuple[Bag, Bag]
    #: `segmentation.tracking.id_cells`; none in a stage that remembers no ids.
    ids: tuple[Bag, ...] = ()

    def added(self) -> int:
        """How many bytes this call has appended so far."""
        return sum(bag.added for bag in (*self.snapshots, *self.logs, *self.ids))

    def all(self) -> tuple[Any, ...]:
        """Every cell, in the order of `shard_cells`."""
        return (self.head, *self.snapshots, *self.logs, *self.ids)


class IdBags:
    """`segmentation.tracking.id_cells.IdCells` in Beam's bags."""

    def __init__(self, bags: tuple[Bag, ...]) -> None:
        self._bags = bags

    def read(self, cell: int) -> Iterable[bytes]:
        """The chunks of a cell."""
        return self._bags[cell].read()

    def add(self, cell: int, chunk: bytes) -> None:
        """Append a chunk to a cell."""
        self._bags[cell].add(chunk)

    def clear(self, cell: int) -> None:
        """Empty a cell."""
        self._bags[cell].clear()


def shard_cells(stage: str, *, ids: bool = False) -> list[StateSpec]:
    """The specs of one stage, in the order of `Cells`. Their ids begin with its name and are permanent: savepoints
    know state by them.

    >>> [spec.name for spec in shard_cells("assign")]
    ['assign_head', 'assign_snapshot', 'assign_snapshot_2', 'assign_log', 'assign_log_2']
    """
    bags = ["snapshot", "snapshot_2", "log", "log_2", *(f"ids_{cell:02}" for cell in range(CELLS if ids else 0))]
    return [
        ReadModifyWriteStateSpec(f"{stage}_head", BytesCoder()),
        *(BagStateSpec(f"{stage}_{name}", BytesCoder()) for name in bags),
    ]


def with_cells(specs: list[StateSpec]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For a method of a DoFn that has an argument ``cells``: Beam gives it the state of all ``specs`` as `Cells`.

    Beam reads from a method's signature which state it wants, one parameter for each; this makes such a signature.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(method)
        plain = [each for each in signature.parameters.values() if each.name != _CELLS]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        states = [inspect.Parameter(spec.name, kind, default=beam.DoFn.StateParam(spec)) for spec in specs]

        @wraps(method)
        def called(*arguments: Any, **named: Any) -> Any:
            given = [*arguments, *(named[each.name] for each in (*plain, *states)[len(arguments) :])]
            head, *bags = given[len(plain) :]
            first, second, log, other, *ids = map(Bag, bags)
            cells = Cells(head, (first, second), (log, other), tuple(ids))
            return method(*given[: len(plain)], **{_CELLS: cells})

        called.__signature__ = signature.replace(parameters=[*plain, *states])  # type: ignore[attr-defined]
        return called

    return decorate
