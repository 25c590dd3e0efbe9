"""Arrays that get longer by a few rows, often: a table's columns, as new users come."""

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation.columns.arrays import Column

#: Room that is left behind a grown array, relative to its length.
_ROOM = 8


@dataclass
class _Room:
    """An array that has room behind what of it is in use."""

    whole: "weakref.ref[Column]"
    used: int
    fill: Any


#: By the id of an array the room in it; gone with the array.
_rooms: dict[int, _Room] = {}


def grown(array: Column, size: int, fill: Any) -> Column:
    """``array`` lengthened to ``size`` rows with ``fill``. The one given must not be used any more.

    What was grown before has room behind it and is lengthened in place, so rows are copied only now and then.

    >>> values = grown(np.arange(16), 17, fill=0)
    >>> longer = grown(values, 18, fill=0)
    >>> longer[-3:].tolist(), longer.base is values.base
    ([15, 0, 0], True)
    """
    if len(array) >= size:
        return array
    room = _rooms.get(id(array.base))
    whole = None if room is None else room.whole()
    if room is not None and whole is not None and _may_grow(array, whole, room, size, fill):
        room.used = size
        return whole[:size]
    whole = np.empty((size + size // _ROOM, *array.shape[1:]), array.dtype)
    whole[: len(array)] = array
    whole[len(array) :] = fill
    place = id(whole)
    _rooms[place] = _Room(weakref.ref(whole, lambda _: _rooms.pop(place, None)), size, fill)
    return whole[:size]


def _may_grow(array: Column, whole: Column, room: _Room, size: int, fill: Any) -> bool:
    """Whether ``array`` is all of ``whole`` that is in use: a part of it, or what was grown meanwhile, may not grow."""
    return (
        array.base is whole
        and len(array) == room.used
        and size <= len(whole)
        and array.ctypes.data == whole.ctypes.data
        and array.strides == whole.strides
        and fill == room.fill
    )
