"""How a live stage declares a shard's state to Beam: the three cells that `transforms.state.shard_state` reads."""

from typing import NamedTuple

from apache_beam.coders import BytesCoder
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec


class Cells(NamedTuple):
    """The specs of a shard's state."""

    head: ReadModifyWriteStateSpec
    snapshot: BagStateSpec
    log: BagStateSpec


def shard_cells(stage: str) -> Cells:
    """The specs of one stage. Their ids begin with its name and are permanent: savepoints know state by them.

    >>> [spec.name for spec in shard_cells("track")]
    ['track_head', 'track_snapshot', 'track_log']
    """
    return Cells(
        ReadModifyWriteStateSpec(f"{stage}_head", BytesCoder()),
        BagStateSpec(f"{stage}_snapshot", BytesCoder()),
        BagStateSpec(f"{stage}_log", BytesCoder()),
    )
