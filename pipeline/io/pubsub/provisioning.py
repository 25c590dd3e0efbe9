"""Makes topics, subscriptions and schemas as a file wants them, and leaves alone what is so already."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from pipeline.io.pubsub import clients
from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.topics_file import Schema, Subscription, Topic, TopicsFile
from segmentation.units import SECOND

#: Seconds: a source that is told of an interruption late still has its messages. Pub/Sub's own are 10.
_NEW_ACK_DEADLINE: Final = 60
#: What a subscription has for ever.
_FOR_EVER: Final = ("topic", "enable_message_ordering")


def provision(wanted: TopicsFile, say: Callable[[str], None], *, dry_run: bool = False) -> int:
    """Makes what is missing and changes what differs; returns how much that is.

    What the file does not speak of stays as it is, and nothing is ever deleted.

    Args:
        wanted: what the file says.
        say: gets a line for each thing.
        dry_run: say what would be done, and do nothing.

    Raises:
        PubsubError: Pub/Sub can't be reached or refuses, or a subscription would have to be made anew.
    """
    worker = _Provisioner(wanted.project, say, dry_run=dry_run)
    for schema in wanted.schemas:
        worker.schema(schema)
    for topic in wanted.topics:
        worker.topic(topic)
    for subscription in wanted.subscriptions:
        worker.subscription(subscription)
    return worker.done


class _Provisioner:
    def __init__(self, project: str, say: Callable[[str], None], *, dry_run: bool) -> None:
        self.done = 0
        self._project = project
        self._say = say
        self._dry_run = dry_run
        anywhere = PubsubAddress(project, "topics", "any", option="--config")
        self._publisher: Any = clients.publisher_client(anywhere)
        self._subscriber: Any = clients.subscriber_client(anywhere)
        self._schemas: Any = clients.schema_client(anywhere)

    def schema(self, wanted: Schema) -> None:
        """One that differs gets a new revision."""
        from google.pubsub_v1.types import Schema as Made

        path = self._path("schemas", wanted.name)
        made = Made(name=path, type_=Made.Type.AVRO, definition=wanted.definition)
        found = self._get("schemas", wanted.name, self._schemas.get_schema, {"name": path})
        if found is None:
            request = {"parent": f"projects/{self._project}", "schema": made, "schema_id": wanted.name}
            self._act("schemas", wanted.name, "create", self._schemas.create_schema, request)
        elif json.loads(found.definition) != json.loads(wanted.definition):
            request = {"name": path, "schema": made}
            self._act("schemas", wanted.name, "change definition of", self._schemas.commit_schema, request)
        else:
            self._say(f"unchanged schema {wanted.name}")

    def topic(self, wanted: Topic) -> None:
        """One that differs is changed where it stands."""
        from google.pubsub_v1.types import Encoding, SchemaSettings
        from google.pubsub_v1.types import Topic as Made

        path = self._path("topics", wanted.name)
        fields: dict[str, Any] = {}
        if wanted.retention is not None:
            fields["message_retention_duration"] = timedelta(microseconds=wanted.retention)
        if wanted.schema is not None and wanted.encoding is not None:
            checked_as = {"json": Encoding.JSON, "binary": Encoding.BINARY}[wanted.encoding]
            fields["schema_settings"] = SchemaSettings(schema=self._path("schemas", wanted.schema), encoding=checked_as)
        made = Made(name=path, **fields)
        found = self._get("topics", wanted.name, self._publisher.get_topic, {"topic": path})
        if found is None:
            self._act("topics", wanted.name, "create", self._publisher.create_topic, made)
            return
        different = [name for name in fields if _differs(made, found, name)]
        self._update("topics", wanted.name, different, self._publisher.update_topic, {"topic": made})

    def subscription(self, wanted: Subscription) -> None:
        """One that differs is changed where it stands, or refused where that can't be."""
        from google.pubsub_v1.types import ExpirationPolicy
        from google.pubsub_v1.types import Subscription as Made

        path = self._path("subscriptions", wanted.name)
        fields = self._fields(wanted)
        made = Made(name=path, **fields)
        found = self._get("subscriptions", wanted.name, self._subscriber.get_subscription, {"subscription": path})
        if found is None:
            if wanted.ack_deadline is None:
                made.ack_deadline_seconds = _NEW_ACK_DEADLINE
            # Without a period of its own it never expires; by default a subscription is deleted after 31 idle days.
            made.expiration_policy = ExpirationPolicy()
            self._act("subscriptions", wanted.name, "create", self._subscriber.create_subscription, made)
            return
        different = [name for name in fields if _differs(made, found, name)]
        for name in _FOR_EVER:
            if name in different:
                now = getattr(found, name)
                what = f"subscription {wanted.name}: its {name} is {now} for ever; delete it, or name another"
                raise clients.PubsubError(f"--config: {what}")
        update = self._subscriber.update_subscription
        self._update("subscriptions", wanted.name, different, update, {"subscription": made})

    def _fields(self, wanted: Subscription) -> dict[str, Any]:
        from google.pubsub_v1.types import DeadLetterPolicy

        fields: dict[str, Any] = {
            "topic": self._path("topics", wanted.topic),
            "enable_message_ordering": wanted.ordered,
        }
        if wanted.ack_deadline is not None:
            fields["ack_deadline_seconds"] = wanted.ack_deadline // SECOND
        if wanted.retention is not None:
            fields["message_retention_duration"] = timedelta(microseconds=wanted.retention)
        if wanted.retain_acked is not None:
            fields["retain_acked_messages"] = wanted.retain_acked
        if wanted.dead_letter_topic is not None:
            topic = self._path("topics", wanted.dead_letter_topic)
            fields["dead_letter_policy"] = DeadLetterPolicy(
                dead_letter_topic=topic, max_delivery_attempts=wanted.attempts
            )
        return fields

    def _path(self, kind: str, name: str) -> str:
        return f"projects/{self._project}/{kind}/{name}"

    def _get(self, kind: str, name: str, ask: Callable[..., Any], request: dict[str, str]) -> Any:
        from google.api_core.exceptions import NotFound

        with self._asking(kind, name):
            try:
                return ask(request=request, retry=None, timeout=clients.ANSWER_SECONDS)
            except NotFound:
                return None

    def _update(
        self, kind: str, name: str, fields: list[str], update: Callable[..., Any], request: dict[str, Any]
    ) -> None:
        if fields:
            request = {**request, "update_mask": {"paths": fields}}
            self._act(kind, name, f"change {', '.join(fields)} of", update, request)
        else:
            self._say(f"unchanged {kind.removesuffix('s')} {name}")

    def _act(self, kind: str, name: str, what: str, do: Callable[..., Any], request: Any) -> None:
        self.done += 1
        if not self._dry_run:
            with self._asking(kind, name):
                do(request=request, retry=None, timeout=clients.ANSWER_SECONDS)
        self._say(f"{'would ' if self._dry_run else ''}{what} {kind.removesuffix('s')} {name}")

    def _asking(self, kind: str, name: str) -> Any:
        # Errors speak of places; a schema is one for them.
        return clients.asking(PubsubAddress(self._project, kind, name, option="--config"))  # type: ignore[arg-type]


def _differs(made: Any, found: Any, name: str) -> bool:
    return bool(getattr(made, name) != getattr(found, name))
