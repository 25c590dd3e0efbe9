"""What sends a run's records to a topic of Pub/Sub: events in CloudEvents' binary mode, ordered by subject."""

from typing import Final

from pipeline.io.outputs import Output
from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.clients import PubsubError
from pipeline.io.pubsub.publisher import MAX_DATA_BYTES, TopicPublisher
from pipeline.io.topics.sender import CONTENT_TYPE
from schemas.instants import instant_text
from schemas.registry import fingerprint

#: CloudEvents' version; attributes are named as its binding for Pub/Sub has it:
#: https://github.com/googleapis/google-cloudevents/blob/main/docs/spec/pubsub.md
_VERSION: Final = "1.0"


class PubsubSender:
    """Ordering key ``subject_id``; letters have none."""

    max_bytes = MAX_DATA_BYTES

    def __init__(self, address: PubsubAddress) -> None:
        """Connects at the first message.

        Raises:
            PubsubError: the environment has no credentials.
        """
        self._address = address
        self._publisher = publisher = TopicPublisher(address)
        self.check, self.flush, self.close = publisher.check, publisher.flush, publisher.close
        self._source = f"//pubsub.googleapis.com/{address.path}"

    def send(self, output: Output, value: bytes, message_id: str, subject: str, time: int) -> None:
        if len(value) > self.max_bytes:
            size, most = f"{len(value):,} bytes", f"a message at most {self.max_bytes:,}"
            what = f"{output.schema_name} {message_id} has {size}, and {most}"
            raise PubsubError(f"{self._address.option}: {self._address.url}: {what}")
        attributes = {
            "ce-specversion": _VERSION,
            "ce-id": message_id,
            "ce-source": self._source,
            "ce-type": output.schema_name,
            "ce-time": instant_text(time),
            "content-type": CONTENT_TYPE,
            "schema": output.schema_name,
            "schema-fingerprint": fingerprint(output.schema).hex(),
        }
        if subject:
            attributes["ce-subject"] = subject
        self._publisher.send(value, key=subject, attributes=attributes)
