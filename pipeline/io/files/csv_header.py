"""Looks at the header of a CSV file before anything is done with it."""

from pathlib import Path
from typing import Final

from pipeline.io.files.event_logs import format_of
from pipeline.io.files.log_stream import InputError, LogStream
from segmentation.documents.suggestions import did_you_mean
from transforms.decoding.formats.csv_decoder import read_header
from transforms.mapping.model import EventMapping

#: A header line is looked for in so many bytes.
_HEADER_BYTES: Final = 1 << 20
_NATIVE_COLUMNS: Final = ("event_id", "user_id", "name", "occurred_at")


def check_header(file: str, mapping: EventMapping | None, mapping_path: str | None) -> None:
    """Refuse a CSV file that lacks a column that is needed: every record of it would be a dead letter.

    Files of other formats pass. ``mapping_path`` is what errors call the mapping.

    Raises:
        InputError: a column is missing, or the header can't be read.
    """
    if (format_of(file) if mapping is None else mapping.format) != "csv" or not Path(file).is_file():
        return
    with LogStream(file) as stream:
        line, end, _ = stream.read(_HEADER_BYTES).removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    if not line.strip() or (not end and len(line) >= _HEADER_BYTES):
        return
    delimiter, quote = (",", '"') if mapping is None else (mapping.delimiter, mapping.quote)
    try:
        header = read_header(line.removesuffix(b"\r"), delimiter, quote)
    except ValueError as error:
        raise InputError(f"{file}: the header can't be read: {error}") from error
    wanted = _NATIVE_COLUMNS if mapping is None else mapping.columns()
    missing = [column for column in wanted if column not in header]
    if missing:
        hint = did_you_mean(missing[0], header)
        needed = "an event needs it" if mapping_path is None else f"{mapping_path} names it"
        more = f" (nor {', '.join(missing[1:])})" if missing[1:] else ""
        raise InputError(f"{file}: the header has no column {missing[0]!r}{more}; {needed}{hint}")
