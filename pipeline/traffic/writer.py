"""Where a simulated log goes: JSON lines or CSV (both also gzipped), an Avro object container, or a topic."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, cast

import numpy as np
from fastavro.write import Writer

from pipeline.io.places import is_topic, parse_topic
from pipeline.io.topics.options import TopicOptions
from pipeline.traffic.faults import damage_csv, damage_json, drift_json
from pipeline.traffic.lines import CSV_HEADER, csv_lines, json_lines
from pipeline.traffic.options import TrafficOptionError, TrafficOptions
from pipeline.traffic.pieces import Piece
from pipeline.traffic.vocabulary import CLIENTS, NAMES, payload
from schemas.registry import load_schema

Write = Callable[[Piece], None]

_ENDINGS = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".avro")
#: Fast, and already two thirds smaller; the log is written once and read a few times.
_COMPRESSION = 3
#: Written between the blocks of a container; fixed, since fastavro would draw a random one and a log has to repeat.
_SYNC_MARKER = b"segments traffic"


def check_output(
    out: str, malformed: bool = False, drift: bool = False, topic: TopicOptions | None = None
) -> tuple[str, bool]:
    """The format that an output asks for, and whether it is gzipped.

    Raises:
        TrafficOptionError: the output is unknown, not available yet, or of a kind that cannot hold what is asked for.
        AddressError, OptionError: a topic can't be used, or has no such thing as is asked for.
    """
    if is_topic(out):
        address = parse_topic(out, "--out", reads=False)
        if topic is not None:
            topic.check(address)
        return "jsonl", False
    if topic not in (None, TopicOptions()):
        raise TrafficOptionError(
            "--out",
            "--batch, --partitions and --finish are for a topic, kafka://HOST:PORT/TOPIC or pubsub://PROJECT/topics/NAME",
        )
    ending = next((ending for ending in _ENDINGS if out.endswith(ending)), None)
    if ending is None:
        raise TrafficOptionError("--out", f"{out!r} has none of the known endings: {', '.join(_ENDINGS)}")
    _, kind, *zipped = ending.split(".")
    if drift and kind != "jsonl":
        raise TrafficOptionError("--drift", f"a {kind} file has one schema throughout; write .jsonl")
    if malformed and kind == "avro":
        raise TrafficOptionError(
            "--malformed", "an Avro container cannot hold a malformed record; write .jsonl or .csv"
        )
    return kind, bool(zipped)


@contextmanager
def open_log(out: str, options: TrafficOptions | None = None, topic: TopicOptions | None = None) -> Iterator[Write]:
    """Opens a log for writing and gives the function that appends a piece; with a rate, each piece is flushed.

    ``topic`` is for an output that is one.

    Raises:
        TrafficOptionError: see `check_output`; or the file cannot be created.
        AddressError, TopicError, OptionError: the topic can't be written to.
    """
    if is_topic(out):
        # Decoding needs Beam, which takes seconds to import; files do without.
        from pipeline.traffic.topic import open_topic

        with open_topic(out, TopicOptions() if topic is None else topic) as send:
            yield lambda piece: send(_json_lines(piece))
        return
    malformed, drift = (options.malformed > 0, options.drift > 0) if options else (False, False)
    kind, zipped = check_output(out, malformed, drift)
    flushed = options is not None and options.rate is not None
    with _open_file(out) as raw, _whole_or_not_at_all(out, paced=flushed):
        # No name and no time in the header: the same log has the same bytes.
        packed = gzip.GzipFile("", "wb", _COMPRESSION, raw, mtime=0) if zipped else nullcontext(raw)
        with packed as file, _open_format(kind, cast(IO[bytes], file)) as write:
            yield _flushing(write, cast(IO[bytes], file)) if flushed else write


def _open_file(out: str) -> IO[bytes]:
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        return Path(out).open("wb")
    except OSError as error:
        raise TrafficOptionError("--out", f"cannot write {out!r}: {error.strerror}") from error


@contextmanager
def _whole_or_not_at_all(out: str, *, paced: bool) -> Iterator[None]:
    """Removes a log that was interrupted; one that is written at a pace is read meanwhile, and stays."""
    try:
        yield
    except BaseException:
        if not paced:
            Path(out).unlink(missing_ok=True)
        raise


def _flushing(write: Write, stream: IO[bytes]) -> Write:
    def write_and_flush(piece: Piece) -> None:
        write(piece)
        stream.flush()

    return write_and_flush


@contextmanager
def _open_format(kind: str, stream: IO[bytes]) -> Iterator[Write]:
    if kind == "jsonl":
        yield lambda piece: _write_json(stream, piece)
    elif kind == "csv":
        stream.write(CSV_HEADER)
        yield lambda piece: _write_csv(stream, piece)
    else:
        container = Writer(stream, load_schema("event"), codec="deflate", sync_marker=_SYNC_MARKER)
        yield lambda piece: _write_avro(container, piece)
        container.flush()


def _write_json(stream: IO[bytes], piece: Piece) -> None:
    stream.write(_json_lines(piece))


def _json_lines(piece: Piece) -> bytes:
    lines = json_lines(piece.events, piece.ids, piece.users)
    malformed = piece.malformed()
    replacements = {}
    for row in np.flatnonzero(malformed | (piece.drift > 0)).tolist():
        line = lines.line(row)
        replacements[row] = (
            damage_json(line, int(piece.salt[row])) if malformed[row] else drift_json(line, int(piece.drift[row]))
        )
    return lines.replaced(replacements)


def _write_csv(stream: IO[bytes], piece: Piece) -> None:
    lines = csv_lines(piece.events, piece.ids, piece.users)
    rows = np.flatnonzero(piece.malformed()).tolist()
    stream.write(lines.replaced({row: damage_csv(lines.line(row), int(piece.salt[row])) for row in rows}))


def _write_avro(container: Writer, piece: Piece) -> None:
    events = piece.events
    columns = zip(
        piece.ids,
        piece.users.gather(events.user).to_list(),
        events.name.tolist(),
        events.occurred_at.tolist(),
        events.client.tolist(),
        events.payload.tolist(),
        strict=True,
    )
    for event_id, user, name, occurred_at, client, code in columns:
        container.write(
            {
                "event_id": event_id.tobytes().hex(),
                "user_id": user,
                "name": NAMES[name],
                "occurred_at": occurred_at,
                "source": CLIENTS[client],
                "properties": payload(code),
            }
        )
