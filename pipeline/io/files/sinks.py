"""The files that a run writes: opened before it, put in place when it has succeeded."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.io.files.audit import AuditWriter
from pipeline.io.files.changes import ChangesWriter
from pipeline.io.files.dead_letters import DeadLettersWriter
from pipeline.io.in_process import Write, changes_of
from pipeline.io.outputs import Output
from segmentation.columns.frames import decode_frames
from segmentation.outputs.audit_frame import audit_records


@contextmanager
def open_file(path: str, option: str, output: Output, now: int) -> Iterator[Write]:
    """Opens the file of an output and gives the function that writes one element of the graph.

    Raises:
        OutputError: the ending is not known, or the place can't be written to.
    """
    if output is Output.CHANGES:
        with ChangesWriter(path, option) as changes:
            yield lambda frames: changes.write(changes_of(frames, now))
    elif output is Output.DEAD_LETTERS:
        with DeadLettersWriter(path, option) as letters:
            yield lambda letter: letters.write([letter])
    elif output is Output.AUDIT:
        with AuditWriter(path, option) as audit:
            yield lambda frames: audit.write(audit_records(decode_frames(frames)[1]["audit"], now))
    else:
        raise ValueError(f"{option}: no file holds {output.title}")
