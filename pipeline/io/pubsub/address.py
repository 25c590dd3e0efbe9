"""Where a Pub/Sub topic or subscription is: ``pubsub://PROJECT/topics/NAME`` or ``…/subscriptions/NAME``.

Who may use it is for the application default credentials to say. `PUBSUB_EMULATOR_HOST` leads to an emulator, which
asks for none.
"""

import os
import re
from dataclasses import dataclass
from typing import Final, Literal, Self, cast, get_args

from pipeline.io.topics.errors import AddressError
from pipeline.io.topics.parameters import read_milliseconds, read_parameters
from segmentation.documents.suggestions import did_you_mean
from segmentation.units import MINUTE

SCHEME: Final = "pubsub://"
EMULATOR: Final = "PUBSUB_EMULATOR_HOST"
DEFAULT_TIMESTAMP_ATTRIBUTE: Final = "occurred_at"
#: What comes in two checkpoints, which an acknowledgement takes, at 12,000 messages a second.
DEFAULT_MAX_OUTSTANDING: Final = 50_000

Kind = Literal["topics", "subscriptions"]

#: µs after its event until which a message is published promptly.
DEFAULT_LAG: Final = 10 * MINUTE
_READING: Final = ("hold", "id_label", "lag", "max_outstanding", "timestamp_attribute")
_EXAMPLE: Final = "pubsub://my-project/subscriptions/events"
_PROJECT: Final = re.compile(r"[a-z][a-z0-9.:-]{1,126}[a-z0-9]")
#: What the name of a topic, a subscription or a schema must be.
NAME_RULE: Final = (
    "a name has 3 to 255 letters, digits and any of - . _ ~ + %, and begins with a letter but not with goog"
)
_NAME: Final = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}")


def is_project(text: str) -> bool:
    """Whether it can be a project's id."""
    return _PROJECT.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether it can be the name of a topic, a subscription or a schema."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True)
class PubsubAddress:
    """A topic or subscription, and how it is read. Holds no secret.

    >>> PubsubAddress.parse("pubsub://my-project/subscriptions/events", "--events").path
    'projects/my-project/subscriptions/events'
    """

    project: str
    kind: Kind
    name: str
    timestamp_attribute: str = DEFAULT_TIMESTAMP_ATTRIBUTE  #: of a message: the time of its latest event
    id_label: str | None = None  #: attribute that is the same in copies of a message, for sources that use one
    hold: int | None = None  #: µs for which what was received still holds event time; None: what its lease demands
    max_outstanding: int = DEFAULT_MAX_OUTSTANDING  #: messages that are received and not yet acknowledged, at most
    lag: int = DEFAULT_LAG  #: µs: where most messages are published that promptly, others hold no event time
    option: str = "--events"  #: what errors call the address

    @classmethod
    def parse(cls, text: str, option: str, *, reads: bool = True) -> Self:
        """The address that ``text``, the value of ``option``, stands for.

        Parameters, where it is read: ``timestamp_attribute``, ``id_label``, ``hold`` and ``lag`` (durations) and
        ``max_outstanding``. What is written to is a topic.

        Raises:
            AddressError: a part is missing, unknown or can't be used.
        """
        where, _, query = text.partition("?")
        parts = where.removeprefix(SCHEME).split("/")
        if not text.startswith(SCHEME) or len(parts) != 3:
            shape = f"{SCHEME}PROJECT/subscriptions/NAME or {SCHEME}PROJECT/topics/NAME"
            raise AddressError(f"{option}: expected {shape}, such as {_EXAMPLE}, found {where!r}")
        project, kind, name = parts
        _check_parts(project, kind, name, option)
        if not reads and kind != "topics":
            raise AddressError(f"{option}: a subscription can't be written to; name its topic: …/topics/NAME")
        values = read_parameters(query, option, _READING if reads else (), () if reads else _READING)
        hold = values.get("hold")
        return cls(
            project,
            cast(Kind, kind),
            name,
            values.get("timestamp_attribute", DEFAULT_TIMESTAMP_ATTRIBUTE),
            values.get("id_label"),
            None if hold is None else read_milliseconds(hold, option, "hold"),
            _messages(values.get("max_outstanding", str(DEFAULT_MAX_OUTSTANDING)), option),
            read_milliseconds(values["lag"], option, "lag") if "lag" in values else DEFAULT_LAG,
            option,
        )

    @property
    def url(self) -> str:
        """The address without parameters, for messages and as the source of dead letters."""
        return f"{SCHEME}{self.project}/{self.kind}/{self.name}"

    @property
    def path(self) -> str:
        """The name that Pub/Sub itself uses."""
        return f"projects/{self.project}/{self.kind}/{self.name}"

    @property
    def is_local(self) -> bool:
        """Whether it is kept by an emulator on this machine."""
        host = os.environ.get(EMULATOR, "").rpartition(":")[0].strip("[]")
        return host in ("localhost", "::1") or host.startswith("127.")


def _check_parts(project: str, kind: str, name: str, option: str) -> None:
    if not is_project(project):
        rule = "a project's id has lower-case letters, digits and hyphens, and begins with a letter"
        raise AddressError(f"{option}: {rule}, found {project!r}")
    kinds = get_args(Kind)
    if kind not in kinds:
        hint = did_you_mean(kind, kinds)
        raise AddressError(f"{option}: expected topics or subscriptions after the project, found {kind!r}{hint}")
    if not is_name(name):
        raise AddressError(f"{option}: {NAME_RULE}, found {name!r}")


def _messages(text: str, option: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 1_000_000:
        raise AddressError(f"{option}: max_outstanding: expected a number from 1 to 1000000, found {text!r}")
    return int(text)
