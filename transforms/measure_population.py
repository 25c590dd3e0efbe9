"""MeasurePopulation: the exact histogram of each measured feature over all shards, per boundary, back to every
shard."""

from collections.abc import Iterable

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows

from segmentation.messages import PopulationMoves, decode_as
from segmentation.population.moves import add_moves
from transforms.shard_users import ShardMessage
from transforms.state.timing import Timing
from transforms.track_users import FeatureMoves

_COMPACT_AT = 16


class MeasurePopulation(beam.PTransform[beam.PCollection[FeatureMoves], beam.PCollection[ShardMessage]]):
    """Moves of one shard's users become those of all users, each sent to every shard."""

    def __init__(self, timing: Timing, shards: int) -> None:
        super().__init__()
        self._timing = timing
        self._shards = shards

    def expand(self, moves: beam.PCollection[FeatureMoves]) -> beam.PCollection[ShardMessage]:
        """Apply the transform."""
        shards = self._shards
        populations: beam.PCollection[ShardMessage] = (
            moves
            | "ByBoundary" >> beam.WindowInto(self._timing.population_windows())
            | "AddUp" >> beam.CombinePerKey(AddMoves())  # type: ignore[no-untyped-call]  # Beam left CombineFn without types
            | "ToEveryShard"
            >> beam.FlatMap(lambda total: [(shard, total[1]) for shard in range(shards)]).with_output_types(
                ShardMessage
            )
            | "Unwindow" >> beam.WindowInto(GlobalWindows())
        )
        return populations


class AddMoves(beam.CombineFn):
    """Adds histogram moves up: associative and commutative, so that neither order nor grouping shows."""

    def create_accumulator(self) -> list[bytes]:
        """Nothing moved."""
        return []

    def add_input(self, accumulator: list[bytes], moves: bytes) -> list[bytes]:
        """Take in one shard's moves."""
        accumulator.append(moves)
        return self.compact(accumulator) if len(accumulator) >= _COMPACT_AT else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[bytes]]) -> list[bytes]:
        """Join what several workers hold."""
        return self.compact([moves for accumulator in accumulators for moves in accumulator])

    def compact(self, accumulator: list[bytes]) -> list[bytes]:
        """Add up what is held."""
        return [self.extract_output(accumulator)] if len(accumulator) > 1 else accumulator

    def extract_output(self, accumulator: list[bytes]) -> bytes:
        """The sum, as bytes."""
        if len(accumulator) == 1:
            return accumulator[0]
        total = add_moves([decode_as(PopulationMoves, moves).moves for moves in accumulator])
        return PopulationMoves(total).encode()
