"""A fake Secret Manager: a real gRPC server on this machine, with the service's own interface and some secrets."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import google_crc32c
import grpc
from google.cloud.secretmanager_v1 import (
    AccessSecretVersionRequest,
    AccessSecretVersionResponse,
    SecretManagerServiceClient,
)
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

_SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"


@dataclass
class SecretManagerFake:
    """What it knows, what it refuses, and what it was asked."""

    secrets: dict[str, bytes]
    refused: dict[str, grpc.StatusCode] = field(default_factory=dict)
    damaged: bool = False  #: whether checksums don't fit
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def access(self, request: AccessSecretVersionRequest, context: grpc.ServicerContext) -> AccessSecretVersionResponse:
        """Answers as the service does; a refusal that is temporary is one only once."""
        self.asked.append(request.name)
        code = self.refused.get(request.name)
        if code is grpc.StatusCode.UNAVAILABLE:
            del self.refused[request.name]
        if code is None and request.name not in self.secrets:
            code = grpc.StatusCode.NOT_FOUND
        if code is not None:
            context.abort(code, f"{code.name.lower()} says the fake")
        data = self.secrets[request.name]
        checksum = google_crc32c.value(data) ^ self.damaged
        return AccessSecretVersionResponse(name=request.name, payload={"data": data, "data_crc32c": checksum})

    def client(self) -> SecretManagerServiceClient:
        """The real client, led here."""
        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        return SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))


@contextmanager
def secret_manager(secrets: dict[str, bytes]) -> Iterator[SecretManagerFake]:
    """Runs one as long as the context lasts."""
    fake = SecretManagerFake(secrets)
    method = grpc.unary_unary_rpc_method_handler(
        fake.access,
        request_deserializer=AccessSecretVersionRequest.deserialize,
        response_serializer=AccessSecretVersionResponse.serialize,
    )
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"AccessSecretVersion": method}),))
    fake.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield fake
    finally:
        server.stop(None).wait()
