"""What a profile store does: it takes the changes and profiles of a run, in batches that may come twice."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self

from pipeline.io.outputs import Output
from pipeline.io.place import Destination
from segmentation.errors import UsageError

if TYPE_CHECKING:
    import apache_beam as beam
    import polars as pl

#: What a run writes to a store.
STORED: Final = (Output.CHANGES, Output.PROFILES)


class StoreError(UsageError):
    """The profile store can't be opened, read or written; the message begins with the option that names it."""


class OpenStore(Protocol):
    """A store that is connected. Each ``apply`` keeps the whole of a frame or, where it raises, nothing of it."""

    def apply_changes(self, changes: "pl.DataFrame") -> None:
        """Keep the settled changes of a frame (`segmentation.outputs.change_frame`), each once, in any order.

        Raises:
            SchemaError: the frame has other columns.
            StoreError: the store refuses.
        """

    def apply_profiles(self, frame: "pl.DataFrame") -> None:
        """Keep the profiles of a frame (`segmentation.outputs.profile_frame`) that are later than what is kept.

        Raises:
            SchemaError: the frame has other columns.
            StoreError: the store refuses.
        """

    def close(self) -> None:
        """The store is done."""


class Store(Destination):
    """The address of a store; adding a system needs one of these, entered in `pipeline.stores.stores`."""

    system = "Store"
    shared: ClassVar[bool]  #: whether workers on other machines reach it

    @classmethod
    @abstractmethod
    def parse(cls, url: str, option: str) -> Self:
        """The store that ``url``, the value of ``option``, stands for.

        Raises:
            OptionError: it can't be used.
        """

    @abstractmethod
    def open(self) -> OpenStore:
        """Connect, and create what is missing.

        Raises:
            StoreError: it can't be reached or written, or it holds another layout.
        """

    @contextmanager
    def opened(self, now: int, *outputs: Output) -> Iterator[None]:  # noqa: ARG002  # both are always written
        """Batches are kept as they come: what was written stays where the block raises, and a repeated run mends it."""
        from pipeline.io.in_process import changes_of, kept_open
        from segmentation.columns.frames import decode_frames

        store = self.open()
        try:
            writers = {
                Output.CHANGES: lambda frames: store.apply_changes(changes_of(frames, now)),
                Output.PROFILES: lambda frames: store.apply_profiles(decode_frames(frames)[1]["profiles"]),
            }
            with kept_open(self, writers):
                yield
        finally:
            store.close()

    def step(self, output: Output) -> str:
        """See `Destination.step`; only stores take profiles."""
        return "WriteProfiles" if output is Output.PROFILES else super().step(output)

    def sink(self, output: Output) -> "beam.PTransform[beam.PCollection[Any], beam.PCollection[None]]":
        """Writes to what is `opened`."""
        from pipeline.io.in_process import write_here

        return write_here(self, output)
