"""What the rest of the program knows of a place: what any system must be able to do to be read or written.

Places are frozen values that parse without the client of their system: what takes long to import is imported where a
method needs it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pipeline.io.outputs import Output

if TYPE_CHECKING:
    import apache_beam as beam

    from transforms.mapping.model import EventMapping
    from transforms.raw_chunk import RawChunk


class Destination(ABC):
    """Where a run writes records."""

    scheme: ClassVar[str]  #: how messages call this kind: the beginning of its addresses, or a word
    system: ClassVar[str]  #: in names of steps, which are permanent

    @property
    @abstractmethod
    def option(self) -> str:
        """The option that names it: errors begin with it."""

    @property
    @abstractmethod
    def url(self) -> str:
        """How messages show it: without parameters."""

    @property
    @abstractmethod
    def is_local(self) -> bool:
        """Whether nothing that is written to it leaves this machine."""

    @property
    def file(self) -> Path | None:
        """The file that it is, through links; None for what is no file of this machine."""
        return None

    def check_writable(self) -> None:  # noqa: B027  # most have nothing to check before they are connected
        """Check what can be checked before anything starts; nothing is written.

        Raises:
            OutputError: it can't be written to.
        """

    def make(self, say: Callable[[str], None]) -> None:  # noqa: B027  # most are there, or appear by themselves
        """Make what has to be there before a job is submitted; ``say`` tells of it.

        Raises:
            TopicError: its system doesn't answer in time, or refuses.
        """

    def opened(self, now: int, *outputs: Output) -> AbstractContextManager[None]:  # noqa: ARG002
        """While entered, the steps of a run in this process can write ``outputs`` to it.

        What is written is there when the block has ended, and gone where it raises. Only what the run itself has to
        keep open needs it. ``now`` is the clock of the run, µs.

        Raises:
            OutputError, StoreError: it can't be opened.
        """
        return nullcontext()

    def step(self, output: Output) -> str:
        """The permanent name of the step that writes."""
        return f"Write{output.title}To{self.system}"

    @abstractmethod
    def sink(self, output: Output) -> "beam.PTransform[beam.PCollection[Any], beam.PCollection[None]]":
        """The step that writes; see `Output` for its elements."""


@dataclass(frozen=True)
class Reading:
    """How a run reads its events."""

    files: tuple[str, ...] = ()  #: from `Place.check_readable`
    mapping: "EventMapping | None" = None
    expansion_service: str | None = None  #: ``host:port`` of what knows the sources in Java
    native: bool = False  #: whether the runner has a source of its own for this system


class Place(Destination):
    """Where a run reads events, or writes records."""

    live: ClassVar[bool]  #: whether what is read from it has no end
    needs_expansion: ClassVar[bool] = False  #: whether its source is Java's

    @property
    def source_step(self) -> str:
        """The permanent name of the step that reads."""
        return f"Read{self.system}"

    @abstractmethod
    def dead_letters(self) -> Self:
        """Where dead letters go when nothing is said and changes go here: beside them."""

    def check_source(self) -> None:  # most can
        """Check that a run can read such a place.

        Raises:
            OptionError: it can't.
        """

    @abstractmethod
    def check_readable(self, mapping: "EventMapping | None", mapping_path: str | None) -> list[str]:
        """Check, before anything starts, what is to be read through a mapping; the files that were found.

        Raises:
            InputError: nothing is there, it can't be read, or a column is missing.
            OptionError: the mapping can't be used here.
        """

    @abstractmethod
    def source(self, reading: Reading) -> "beam.PTransform[beam.pvalue.PBegin, beam.PCollection[RawChunk]]":
        """The step that reads: few chunks for each bundle."""
