"""A fake Cloud Storage: a real HTTP server on this machine that knows as much of the JSON API as a launch uses."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_OBJECT = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o/([^/]+)")
_BUCKET = re.compile(r"/storage/v1/b/([^/]+)")
_UPLOAD = re.compile(r"/(?:resumable/)?upload/storage/v1/b/([^/]+)/o")


@dataclass
class CloudStorageFake:
    """Objects by gs://BUCKET/NAME."""

    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def account(self) -> str:
        """A service account's key file whose tokens are given out here."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "a-project",
                "client_email": "fake@a-project.iam.gserviceaccount.com",
                "private_key": private,
                "token_uri": f"{self.url}/token",
            }
        )


class _Handler(BaseHTTPRequestHandler):
    fake: CloudStorageFake

    def do_GET(self) -> None:
        found = _OBJECT.fullmatch(urlsplit(self.path).path)
        if found is None:
            bucket = _BUCKET.fullmatch(urlsplit(self.path).path)
            self._answer(404 if bucket is None else 200, {"name": bucket[1]} if bucket else {})
            return
        name = f"gs://{found[1]}/{unquote(found[2])}"
        if name not in self.fake.objects:
            self._answer(404, {"error": {"code": 404, "message": f"No such object: {name}"}})
        elif "alt=media" in self.path:
            self._send(200, self.fake.objects[name], "application/octet-stream")
        else:
            self._answer(200, {"name": unquote(found[2]), "bucket": found[1]})

    def do_POST(self) -> None:
        if self.path == "/token":
            self._body()
            self._answer(200, {"access_token": "fake", "expires_in": 3600, "token_type": "Bearer"})
            return
        parts = urlsplit(self.path)
        found = _UPLOAD.fullmatch(parts.path)
        body = self._body()
        if found is None:
            self._answer(404, {})
            return
        query = parse_qs(parts.query)
        name = (query.get("name") or [json.loads(body or b"{}").get("name", "")])[0]
        upload = str(len(self.fake.uploads))
        self.fake.uploads[upload] = f"gs://{found[1]}/{name}"
        self.fake.objects[self.fake.uploads[upload]] = b""
        self._answer(200, {}, {"Location": f"{self.fake.url}/upload/{upload}"})

    def do_PUT(self) -> None:
        name = self.fake.uploads[self.path.rpartition("/")[2]]
        self.fake.objects[name] += self._body()
        if self.headers["Content-Range"].endswith("/*"):
            end = len(self.fake.objects[name]) - 1
            self._answer(308, {}, {"Range": f"bytes=0-{end}"})
        else:
            data = self.fake.objects[name]
            digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
            self._answer(200, {"name": name, "size": str(len(data)), "crc32c": _crc32c(data), "md5Hash": digest})

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, code: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._send(code, json.dumps(content).encode(), "application/json", headers or {})

    def _send(self, code: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            "x-goog-hash": f"crc32c={_crc32c(data)}",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def _crc32c(data: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


@contextmanager
def cloud_storage(objects: dict[str, bytes]) -> Iterator[CloudStorageFake]:
    """Runs one as long as the context lasts."""
    fake = CloudStorageFake(dict(objects))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": fake}))
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
