"""A broker that lets nobody in without a password and a certificate: SASL_SSL, with a CA of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy.local import health, processes
from deploy.local.broker import broker_command, broker_configuration, prepare_broker
from deploy.local.downloads import kafka_jars
from deploy.local.java import find_java
from deploy.local.layout import Ports, Settings
from deploy.local.parts import Part, await_answer, launch
from deploy.local.ports import HOST, free_port
from deploy.local.stack import to_stderr

USERNAME: Final = "ann"
PASSWORD: Final = "open-sesame-42 ;$'=#"
#: What a program needs to be let in, in its environment.
CREDENTIALS: Final = {"SEGMENTS_KAFKA_USERNAME": USERNAME, "SEGMENTS_KAFKA_PASSWORD": PASSWORD}

_LOGIN = "org.apache.kafka.common.security"
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class SecuredBroker:
    """A broker with two listeners: one that is secured, and one for the tools of these tests."""

    secured: str  #: ``host:port``
    plain: str  #: likewise; without TLS and password
    ca: Path  #: the certificate of whoever signed the broker's, PEM
    other_ca: Path  #: that of somebody else

    def url(self, topic: str, mechanism: str = "PLAIN", **parameters: str) -> str:
        """The address of a topic at the secured listener as options take it."""
        login = {"security.protocol": "SASL_SSL", "sasl.mechanism": mechanism, "ssl.ca.location": str(self.ca)}
        query = "&".join(f"{name}={value}" for name, value in (login | parameters).items())
        return f"kafka://{self.secured}/{topic}?{query}"


@contextmanager
def secured_broker(folder: Path) -> Iterator[SecuredBroker]:
    """Runs a broker with all its files in a folder."""
    kafka, controller, secured = (free_port(preferred) for preferred in (29_092, 29_093, 29_094))
    settings = Settings(
        java=find_java(), kafka_jars=str(kafka_jars(to_stderr)), ports=Ports(kafka=kafka, controller=controller)
    )
    found = SecuredBroker(f"{HOST}:{secured}", f"{HOST}:{kafka}", folder / "ca.pem", folder / "other-ca.pem")
    _make_certificates(found.ca, folder / "server.pem")
    _make_certificates(found.other_ca, folder / "other-server.pem")
    (folder / "conf").mkdir()
    prepare_broker(folder, settings)
    _secure(folder, settings, secured)
    part = Part(
        "broker",
        found.secured,
        (kafka, controller, secured),
        lambda token: broker_command(folder, settings, token),
        lambda _: health.broker_answers(kafka),
    )
    process = launch(folder, part, {})
    try:
        await_answer(folder, part, process)
        _let_in(found)
        yield found
    finally:
        processes.stop_all([process], 20)


def _secure(folder: Path, settings: Settings, port: int) -> None:
    """Writes the configuration once more, with a secured listener."""
    usual = broker_configuration(folder, settings)
    listener = "listener.name.sasl_ssl."
    values = usual | {
        "listeners": f"{usual['listeners']},SASL_SSL://{HOST}:{port}",
        "advertised.listeners": f"{usual['advertised.listeners']},SASL_SSL://{HOST}:{port}",
        "listener.security.protocol.map": f"{usual['listener.security.protocol.map']},SASL_SSL:SASL_SSL",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "server.pem"),
        f"{listener}plain.sasl.jaas.config": (
            f'{_LOGIN}.plain.PlainLoginModule required user_{USERNAME}="{PASSWORD}";'
        ),
        f"{listener}scram-sha-512.sasl.jaas.config": f"{_LOGIN}.scram.ScramLoginModule required;",
    }
    lines = [f"{key}={value}\n" for key, value in values.items()]
    (folder / "conf" / "server.properties").write_text("".join(lines))


def _let_in(broker: SecuredBroker) -> None:
    """SCRAM's users are kept by the broker itself."""
    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    client = AdminClient({"bootstrap.servers": broker.plain})
    asked = client.alter_user_scram_credentials([UserScramCredentialUpsertion(USERNAME, how, PASSWORD.encode())])
    asked[USERNAME].result(60)


def _make_certificates(ca: Path, server: Path) -> None:
    """Writes the certificate of a new CA, and the key and the certificate of a server that it vouches for."""
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("tests' own CA")
    of_ca = _certificate(issuer, issuer, ca_key).add_extension(x509.BasicConstraints(True, 0), critical=True)
    of_server = _certificate(_name("broker"), issuer, server_key).add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False
    )
    ca.write_bytes(of_ca.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM))
    key = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    server.write_bytes(key + of_server.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM))


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    unsigned = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return unsigned.serial_number(x509.random_serial_number()).not_valid_before(now - _DAY).not_valid_after(now + _DAY)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
