"""A shard's cells in memory, filled from a file, for what works on state without a runner."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from transforms.state.cells import Bag, Cells, shard_cells
from transforms.state.containers import CellValue


@dataclass
class HeldValue:
    """What stands for a ReadModifyWrite state of Beam.

    >>> value = HeldValue()
    >>> value.write(b"head")
    >>> value.read()
    b'head'
    """

    value: bytes | None = None

    def read(self) -> bytes | None:
        """The value, None before the first."""
        return self.value

    def write(self, value: bytes) -> None:
        """Put a value in the place of the last."""
        self.value = value


@dataclass
class HeldBag:
    """What stands for a bag state of Beam.

    >>> bag = HeldBag()
    >>> bag.add(b"piece")
    >>> bag.read()
    [b'piece']
    """

    values: list[bytes] = field(default_factory=list)

    def read(self) -> list[bytes]:
        """All values."""
        return self.values

    def add(self, value: bytes) -> None:
        """One more."""
        self.values.append(value)

    def clear(self) -> None:
        """None any more."""
        self.values = []


def held_cells(stage: str, values: Iterable[CellValue], *, ids: bool) -> Cells:
    """The cells of a stage with these values.

    >>> held_cells("track", [("track_head", b"{}")], ids=True).head.read()
    b'{}'
    """
    head, *bags = [spec.name for spec in shard_cells(stage, ids=ids)]
    single, many = HeldValue(), {name: HeldBag() for name in bags}
    for name, value in values:
        if name == head:
            single.write(value)
        else:
            many[name].add(value)
    first, second, log, other, *rest = map(Bag, many.values())
    return Cells(single, (first, second), (log, other), tuple(rest))
