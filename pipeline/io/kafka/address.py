"""Where a Kafka topic is: ``kafka://HOST:PORT[,HOST:PORT…]/TOPIC[?name=value&…]``."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self, cast, get_args
from urllib.parse import unquote

from pipeline.io.topics.errors import AddressError
from pipeline.io.topics.parameters import read_milliseconds, read_parameters
from segmentation.documents.suggestions import did_you_mean
from segmentation.units import MINUTE, SECOND

SCHEME: Final = "kafka://"
USERNAME: Final = "SEGMENTS_KAFKA_USERNAME"
PASSWORD: Final = "SEGMENTS_KAFKA_PASSWORD"
DEFAULT_GROUP: Final = "segments"
DEFAULT_IDLE: Final = "5s"
#: As the default of ``--max-disorder``: what producers' clocks may differ by.
DEFAULT_AHEAD: Final = "10s"
DEFAULT_LAG: Final = "10m"

Start = Literal["earliest", "latest"]

_EXAMPLE = "kafka://127.0.0.1:9092/events"
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
_READING = ("group", "start", "idle", "ahead", "lag")
#: Settings of the connection, as librdkafka names them, and what they may be (None: any text).
_SETTINGS: Final[Mapping[str, tuple[str, ...] | None]] = {
    "client.id": None,
    "client.rack": None,
    "sasl.mechanism": ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    "security.protocol": ("PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL"),
    "ssl.ca.location": None,
}
_LOGIN = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class KafkaAddress:
    """A topic, the way to its brokers, and how it is read. Holds no secret: those stay in the environment.

    >>> address = KafkaAddress.parse("kafka://127.0.0.1:9092/events?start=latest", "--events")
    >>> address.topic, address.start, address.is_local
    ('events', 'latest', True)
    """

    servers: str  #: ``host:port,host:port``
    topic: str
    group: str  #: consumer group, for watching the lag at the brokers: positions are in the engine's checkpoints
    start: Start  #: where a partition is read from that no checkpoint knows
    idle: int  #: µs after which a partition without records no longer holds event time
    config: tuple[tuple[str, str], ...]  #: settings of the connection, by name, as librdkafka calls them
    option: str = "--events"  #: what errors call the address
    ahead: int = 10 * SECOND  #: µs: a record further ahead of most recent ones moves no time by itself
    lag: int = 10 * MINUTE  #: µs: in a live topic a partition without backlog, further behind, holds no event time

    @classmethod
    def parse(cls, text: str, option: str, *, reads: bool = True) -> Self:
        """The address that ``text``, the value of ``option``, stands for.

        Parameters are ``group``, ``start``, ``idle``, ``ahead`` and ``lag`` (where the topic is read), and
        ``security.protocol``, ``sasl.mechanism``, ``ssl.ca.location`` (a PEM file), ``client.id``, ``client.rack``.

        Raises:
            AddressError: a part is missing, unknown or can't be used.
        """
        where, _, query = text.partition("?")
        servers, slash, topic = where.removeprefix(SCHEME).partition("/")
        if not text.startswith(SCHEME) or not slash:
            raise AddressError(f"{option}: expected {SCHEME}HOST:PORT/TOPIC such as {_EXAMPLE}, found {where!r}")
        _check_servers(servers, option)
        if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
            rule = "a topic's name has 1 to 249 letters, digits, dots, underscores and hyphens"
            raise AddressError(f"{option}: {rule}, found {topic!r}")
        values = _parameters(query, option, reads=reads)
        start = values.pop("start", "earliest")
        if start not in get_args(Start):
            raise AddressError(f"{option}: start: expected earliest or latest, found {start!r}")
        group = values.pop("group", DEFAULT_GROUP)
        usual = (("idle", DEFAULT_IDLE), ("ahead", DEFAULT_AHEAD), ("lag", DEFAULT_LAG))
        idle, ahead, lag = (read_milliseconds(values.pop(name, value), option, name) for name, value in usual)
        _check_settings(values, option)
        if "ssl.ca.location" in values:
            # The processes of a job work in other folders.
            values["ssl.ca.location"] = str(Path(values["ssl.ca.location"]).absolute())
        return cls(servers, topic, group, cast(Start, start), idle, tuple(sorted(values.items())), option, ahead, lag)

    @property
    def url(self) -> str:
        """The address without parameters, for messages and as the source of dead letters."""
        return f"{SCHEME}{self.servers}/{self.topic}"

    @property
    def is_local(self) -> bool:
        """Whether every broker is named by a loopback address."""
        hosts = [server.rpartition(":")[0].strip("[]") for server in self.servers.split(",")]
        return all(host in ("localhost", "::1") or host.startswith("127.") for host in hosts)

    def client_config(self) -> dict[str, str]:
        """The connection as confluent-kafka takes it, with the secrets of this process's environment.

        Raises:
            AddressError: SASL is asked for and the environment names no user or no password.
        """
        config = {"bootstrap.servers": self.servers, **dict(self.config)}
        if self._uses_sasl:
            for key, variable in (("sasl.username", USERNAME), ("sasl.password", PASSWORD)):
                value = os.environ.get(variable, "")
                if not value:
                    raise AddressError(f"{self.option}: SASL needs {variable} in the environment")
                if '"' in value or "\\" in value:
                    # The Java client puts it between quotes, and knows no way to write them.
                    raise AddressError(f"{self.option}: {variable} can't hold quotes and backslashes")
                config[key] = value
        return config

    def java_config(self) -> dict[str, str]:
        """The connection as Kafka's Java clients take it, without the servers.

        The secrets are references that the client looks up in the environment of the process that it runs in.
        """
        config = dict(self.config)
        ca = config.pop("ssl.ca.location", None)
        if ca is not None:
            config |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": ca}
        if self._uses_sasl:
            plain = config["sasl.mechanism"] == "PLAIN"
            module = f"{_LOGIN}.plain.PlainLoginModule" if plain else f"{_LOGIN}.scram.ScramLoginModule"
            secrets = f'username="${{env:{USERNAME}}}" password="${{env:{PASSWORD}}}"'
            config |= {
                "sasl.jaas.config": f"{module} required {secrets};",
                "config.providers": "env",
                "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
                "config.providers.env.param.allowlist.pattern": "SEGMENTS_KAFKA_.*",
            }
        return config

    @property
    def _uses_sasl(self) -> bool:
        return dict(self.config).get("security.protocol", "").startswith("SASL_")


def _check_servers(servers: str, option: str) -> None:
    if "@" in servers:
        raise AddressError(f"{option}: an address holds no user and no password; set {USERNAME} and {PASSWORD}")
    for server in servers.split(","):
        found = _SERVER.fullmatch(server)
        if found is None or not 0 < int(found[2]) < 1 << 16:
            raise AddressError(f"{option}: expected HOST:PORT such as 127.0.0.1:9092, found {server!r}")


def _parameters(query: str, option: str, *, reads: bool) -> dict[str, str]:
    for part in query.split("&"):
        name = unquote(part.partition("=")[0])
        if name in ("sasl.username", "sasl.password"):
            raise AddressError(f"{option}: {name}: secrets are no part of an address; set {USERNAME} and {PASSWORD}")
    return read_parameters(query, option, (*_READING, *_SETTINGS) if reads else _SETTINGS, () if reads else _READING)


def _check_settings(values: Mapping[str, str], option: str) -> None:
    for name, value in values.items():
        allowed = _SETTINGS[name]
        if allowed is not None and value not in allowed:
            hint = did_you_mean(value, allowed)
            raise AddressError(f"{option}: {name}: expected one of {', '.join(allowed)}, found {value!r}{hint}")
    sasl = values.get("security.protocol", "").startswith("SASL_")
    if sasl != ("sasl.mechanism" in values):
        given, missing = ("security.protocol", "sasl.mechanism") if sasl else ("sasl.mechanism", "security.protocol")
        raise AddressError(f"{option}: {given} needs {missing} too")
