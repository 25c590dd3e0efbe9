"""What a state was made with, and whether a job may go on from it: a part of the head of every shard's state.

Rules, keys and options shape what stands in a state, and what stands there does not tell: with another weight the same
bytes restore, to wrong numbers. So a head holds the *facts* that it was made with, as texts by name
(`transforms.state.facts` has the list), and a job that has others is refused before it reads anything else.

Fields of a head: ``layout``, ``shards``, and ``made_with``, the facts as JSON, deflated, in base64: a head is written
with every bundle. Compared are the facts, not these bytes.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from segmentation.units import format_duration
from transforms.state.errors import ShardStateError

#: Stands in a difference for what only the other side has.
_ABSENT: Final = "not there"
#: Differences that a message shows; further ones it counts.
_SHOWN: Final = 6
#: Settings of rules in µs, which people write with a unit.
_DURATIONS: Final = ("window", "every", "deadline", "min_dwell")
_ANEW: Final = "begin anew without it (leave out --from-savepoint; the events are read from their beginning)"
_REMEDY: Final = f"start again with what it was made with, or {_ANEW}"
#: What facts about an order are called.
ORDER: Final = "order of "


@dataclass(frozen=True)
class MadeWith:
    """What a job makes its state with.

    >>> old, new = MadeWith(4, {"tick": "5m"}), MadeWith(4, {"tick": "1h"})
    >>> try:
    ...     new.resume(json.dumps(old.begin(0, layout=5)), layout=5)
    ... except ShardStateError as error:
    ...     print(str(error).partition(";")[0])
    this job can't go on from its state: tick 5m → 1h
    """

    shards: int
    #: By name what is compared: any text, or the text of a JSON object, whose differences are then told one by one.
    facts: Mapping[str, str]
    #: Names of facts whose values tell nothing to people: that they differ is said, and no more.
    hidden: frozenset[str] = frozenset()
    #: Names of facts that may differ, since somebody said so; the state then goes on with the new ones.
    accepted: frozenset[str] = frozenset()
    #: By name of a fact what else can be done where it differs.
    remedies: Mapping[str, str] = field(default_factory=dict)
    #: Whether there should be a state of every shard.
    complete: bool = False

    @cached_property
    def _packed(self) -> str:
        text = json.dumps(self.facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return base64.b64encode(zlib.compress(text.encode(), 9)).decode()

    def begin(self, shard: int, *, layout: int) -> dict[str, Any]:
        """The first fields of the head of a shard that has none.

        Raises:
            ShardStateError: it should have one.
        """
        if self.complete:
            why = f"it was made with fewer --shards than {self.shards}, or before the first event"
            raise _refusal(f"there is none of shard {shard}", f"{why}: then {_REMEDY}")
        return {"layout": layout, **self._fields()}

    def resume(self, text: bytes | str, *, layout: int) -> dict[str, Any]:
        """The fields of a head to go on with: those in the state, a JSON object.

        Raises:
            ShardStateError: they are of another layout than ``layout``, of another number of shards, or were made with
                something else.
        """
        head = _parsed(text)
        if head.get("layout") != layout:
            remedy = f"start the version of this program that wrote it, or {_ANEW}"
            raise _refusal(f"layout {head.get('layout')} → {layout}", remedy)
        own = self._fields()
        if any(head.get(name) != value for name, value in own.items()):
            self._check(head)
        return {**head, **own}

    def _fields(self) -> dict[str, Any]:
        return {"shards": self.shards, "made_with": self._packed}

    def _check(self, head: Mapping[str, Any]) -> None:
        if head.get("shards") != self.shards:
            other = "carry it over: `segments state export`, `segments state import`, then `segments run --from-state`"
            raise _refusal(f"--shards {head.get('shards')} → {self.shards}", f"start with the same number, or {other}")
        if "made_with" not in head:
            raise _refusal("an older version wrote it, which didn't note what it was made with", _ANEW)
        facts = unpacked(head["made_with"])
        differing = [name for name in {**facts, **self.facts} if facts.get(name) != self.facts.get(name)]
        refused = [name for name in differing if name not in self.accepted]
        if not refused:
            return
        # What is there differs in its order as well where it is not the same.
        main = [name for name in refused if not name.startswith(ORDER)] or refused
        told = [f"{name} {each}" for name in main for each in self._differences(name, facts)]
        more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        remedies = [_REMEDY, *(remedy for name, remedy in self.remedies.items() if name in refused)]
        raise _refusal(", ".join(told[:_SHOWN]) + more, "; ".join(remedies))

    def _differences(self, name: str, facts: Mapping[str, str]) -> Iterator[str]:
        before, now = facts.get(name), self.facts.get(name)
        if name in self.hidden:
            yield "is another one"
            return
        old, new = _settings(before), _settings(now)
        if old is None or new is None:
            yield f"{_short(before, old)} → {_short(now, new)}"
            return
        for path in sorted({**old, **new}):
            if old.get(path) != new.get(path):
                yield f"{path} {_shown(path, old)} → {_shown(path, new)}"


def unpacked(made_with: str) -> Mapping[str, str]:
    """The facts in a head.

    Raises:
        ShardStateError: there are none.
    """
    try:
        facts: Mapping[str, str] = json.loads(zlib.decompress(base64.b64decode(made_with)))
    except (ValueError, zlib.error) as error:
        raise _refusal("what it was made with can't be read", _ANEW) from error
    return facts


def _parsed(text: bytes | str) -> Mapping[str, Any]:
    try:
        head = json.loads(text)
    except ValueError as error:
        raise _refusal("its head can't be read", _ANEW) from error
    return head if isinstance(head, dict) else {}


def _refusal(what: str, remedy: str) -> ShardStateError:
    return ShardStateError(f"this job can't go on from its state: {what}; {remedy}")


def _short(text: str | None, settings: Mapping[str, object] | None) -> str:
    return _ABSENT if text is None else text if settings is None else "there"


def _settings(text: str | None) -> dict[str, object] | None:
    """The leaves of a JSON object by their path; None where the text is no such thing."""
    if text is None or not text.startswith("{"):
        return None
    return dict(_leaves("", json.loads(text)))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, object]]:
    if not isinstance(value, dict):
        yield path, value
        return
    for name, inner in value.items():
        yield from _leaves(f"{path}.{name}" if path else name, inner)


def _shown(path: str, settings: Mapping[str, object]) -> str:
    value = settings.get(path)
    if path not in settings or value is None:
        return _ABSENT
    if path in _DURATIONS and isinstance(value, int):
        return format_duration(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
