"""The part of a topic's address behind the question mark, alike in every system."""

from collections.abc import Collection
from urllib.parse import unquote

from pipeline.io.topics.errors import AddressError
from segmentation.documents.suggestions import did_you_mean
from segmentation.units import MILLISECOND, parse_duration


def read_parameters(query: str, option: str, known: Collection[str], not_here: Collection[str] = ()) -> dict[str, str]:
    """What stands behind the question mark of an address, by name.

    ``known`` may be given; ``not_here`` are those that only an address which is read from takes.

    Raises:
        AddressError: a name is unknown, out of place or given twice, or has no value.
    """
    values: dict[str, str] = {}
    for part in query.split("&") if query else []:
        name, _, value = part.partition("=")
        name = unquote(name)
        if name in not_here:
            raise AddressError(f"{option}: {name} is for reading; this topic is written to")
        if name not in known:
            raise AddressError(f"{option}: there is no parameter {name!r}{did_you_mean(name, known)}")
        if name in values:
            raise AddressError(f"{option}: {name} is given twice")
        if not value:
            raise AddressError(f"{option}: {name}: expected a value, found nothing")
        # As a query has it, but a plus sign is one: it belongs to file names.
        values[name] = unquote(value)
    return values


def read_milliseconds(text: str, option: str, name: str) -> int:
    """The duration (µs) that parameter ``name`` holds, in whole milliseconds.

    Raises:
        AddressError: it is no duration, or none that timers can keep.
    """
    try:
        micros = parse_duration(text)
    except ValueError as error:
        raise AddressError(f"{option}: {name}: {error}") from error
    if micros <= 0 or micros % MILLISECOND:
        raise AddressError(f"{option}: {name}: expected whole milliseconds, at least one, found {text!r}")
    return micros
