"""Messages of Pub/Sub as the pipeline takes them: their event time, and chunks that name them by their ids."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from pipeline.io.topics.packs import pack_of_values
from pipeline.io.topics.unpacking import PackGatherer
from segmentation.units import MILLISECOND, parse_instant
from transforms.raw_chunk import RawChunk

#: More of them are no milliseconds of our era.
_DIGITS: Final = 15


def event_time(text: str | None) -> int | None:
    """The event time (µs) that a message's attribute holds: RFC 3339, or milliseconds since the epoch.

    None where it is absent or broken: then the time counts at which Pub/Sub got the message.
    """
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return int(text) * MILLISECOND
    try:
        return parse_instant(text)
    except (ValueError, OverflowError):
        return None


def chunks_of_messages(
    source: str, ids: Sequence[str], values: Sequence[bytes], *, json_only: bool = False
) -> Iterator[RawChunk]:
    """Messages as few chunks: records in dead letters are named by the message that they lie in.

    Args:
        source: the address that they came from.
        ids: of the messages, as Pub/Sub gave them.
        values: their data, in the same order.
        json_only: whether Avro is bad input: a mapping reads JSON.
    """
    gatherer = PackGatherer(source, json_only=json_only)
    gatherer.add(pack_of_values(values))
    for chunk in gatherer.take():
        messages = chunk.messages
        if messages is None:
            raise TypeError("a chunk of records has messages")
        whole = len(messages) == len(ids)
        names = tuple(ids) if whole else tuple([ids[row] for row in messages.offsets.tolist()])
        yield dataclasses.replace(chunk, messages=dataclasses.replace(messages, names=names))
