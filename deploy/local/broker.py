"""The Kafka broker: a single node that is its own controller (KRaft)."""

import secrets
from base64 import urlsafe_b64encode
from pathlib import Path

from deploy.local.java import LOGGING, java_options, run_tool
from deploy.local.layout import Settings
from deploy.local.ports import HOST

MAX_MESSAGE = 16 * 1024 * 1024  # bytes
FOR_EVER = 2**63 - 1


def broker_configuration(folder: Path, settings: Settings) -> dict[str, str]:
    """What goes into ``server.properties``."""
    ports = settings.ports
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{ports.controller}",
        "listeners": f"PLAINTEXT://{HOST}:{ports.kafka},CONTROLLER://{HOST}:{ports.controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{ports.kafka}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / "kafka"),
        # A misspelt topic is an error, not a new topic.
        "auto.create.topics.enable": "false",
        "num.partitions": "4",
        # A record's timestamp is event time. By age, the broker would delete an old log as soon as it is replayed,
        # start a file for every week of it, and refuse one that is ahead of the clock: size alone bounds the data.
        "log.retention.ms": "-1",
        "log.retention.bytes": str(2 * 1024**3),
        "log.segment.bytes": str(256 * 1024**2),
        "log.roll.ms": str(FOR_EVER),
        "log.message.timestamp.after.max.ms": str(FOR_EVER),
        "message.max.bytes": str(MAX_MESSAGE),
        "replica.fetch.max.bytes": str(MAX_MESSAGE),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "4",
        "group.initial.rebalance.delay.ms": "0",
    }


def prepare_broker(folder: Path, settings: Settings) -> None:
    """Writes the broker's configuration and, the first time, formats its folder.

    Raises:
        StackError: It cannot be formatted.
    """
    properties = folder / "conf" / "server.properties"
    lines = [f"{key}={value}\n" for key, value in broker_configuration(folder, settings).items()]
    properties.write_text("".join(lines))
    if (folder / "kafka" / "meta.properties").is_file():
        return
    # An id that began with a dash would be read as an option.
    cluster = "A" + urlsafe_b64encode(secrets.token_bytes(16)).decode()[1:22]
    java = [settings.java, *_options(settings), "kafka.tools.StorageTool", "format", "--ignore-formatted"]
    run_tool([*java, "-t", cluster, "-c", str(properties)], "preparing Kafka's folder", 120, folder)


def broker_command(folder: Path, settings: Settings, token: str) -> list[str]:
    """The command line of the broker."""
    properties = folder / "conf" / "server.properties"
    own = ["-Xmx512m", f"-Dkafka.logs.dir={folder / 'logs'}", f"-Dlog4j2.configurationFile={LOGGING.as_uri()}"]
    java = [settings.java, *own, *java_options(folder, token, "broker"), *_options(settings)]
    return [*java, "kafka.Kafka", str(properties)]


def _options(settings: Settings) -> list[str]:
    return ["-cp", f"{settings.kafka_jars}/*"]
