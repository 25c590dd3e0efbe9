"""Dead letters as one message to a shard, on their way through the first step that knows its state.

They leave a run only behind `TrackUsers`: a job that was started over the state of another one, such as one with
another mapping, ends there, before any of its dead letters is out.

Layout: 4 bytes magic ``SGR1`` (the digit is the layout version), then columns (`segmentation.columns.encoding`):
``bytes`` (the length of each payload) and ``payloads`` (all of them together); the meta's ``letters`` are the other
fields of each.
"""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import accumulate, pairwise

import numpy as np

from schemas.types import DeadLetter
from segmentation.columns.arrays import Column
from segmentation.columns.encoding import decode_columns, encode_columns

_MAGIC = b"SGR1"


def encode_refused(letters: Sequence[DeadLetter]) -> bytes:
    """The bytes of some dead letters.

    >>> letter = DeadLetter("undecodable", "SchemaError", "event: no JSON", "DecodeEvents", "log.jsonl", 3, b"{", 0)
    >>> decode_refused(encode_refused([letter])) == (letter,)
    True
    """
    payloads = [letter.payload for letter in letters]
    columns: dict[str, Column] = {
        "bytes": np.array([len(payload) for payload in payloads], np.int64),
        "payloads": np.frombuffer(b"".join(payloads), np.uint8),
    }
    fields = [{**asdict(letter), "payload": None} for letter in letters]
    return _MAGIC + encode_columns({"letters": fields}, columns)


def decode_refused(data: bytes) -> tuple[DeadLetter, ...] | None:
    """The dead letters in a message to a shard; None where it is any other message.

    Raises:
        segmentation.columns.encoding.ColumnsError: they are of a layout that this version doesn't read.
    """
    if data[:4] != _MAGIC:
        return None
    meta, columns = decode_columns(data[4:])
    payloads = columns["payloads"].tobytes()
    edges = pairwise(accumulate(columns["bytes"].tolist(), initial=0))
    return tuple(
        DeadLetter(**{**fields, "payload": payloads[start:end]})
        for fields, (start, end) in zip(meta["letters"], edges, strict=True)
    )
