"""The words of the simulated product as small codes: event names, clients, and the property sets of events."""

from collections.abc import Sequence
from enum import IntEnum


class Name(IntEnum):
    """Event names by code; the member's name in lower case is the name on the wire."""

    SIGNUP = 0
    PROFILE_COMPLETED = 1
    PROJECT_CREATED = 2
    INVITE_SENT = 3
    SESSION_START = 4
    PAGE_VIEW = 5
    FEATURE_CLICK = 6
    FEATURE_USED = 7


NAMES = tuple(name.name.lower() for name in Name)
CLIENTS = ("web", "ios", "android")

#: None: the property is absent; partner-x: a value that rules with a closed list do not know.
REFERRAL_SOURCES = ("organic", "paid", "referral", "social", "partner-x", None)
PLANS = ("free", "pro", "team")
PATHS = (
    "/home", "/projects", "/projects/board", "/search", "/inbox", "/settings", "/projects/files", "/team", "/reports",
    "/calendar", "/billing", "/help", "/integrations", "/templates", "/profile", "/activity", "/archive", "/changelog",
    "/labs", "/api",
)  # fmt: skip
FEATURES = (
    "comment", "assign", "upload", "filter", "mention", "export", "share", "automation", "dashboard", "timeline",
    "import", "scheduled_report",
)  # fmt: skip

#: Properties in the order of their columns in a CSV file.
PROPERTIES = ("referral_source", "plan", "invitee", "path", "feature")


def _signups() -> list[dict[str, str]]:
    return [
        {"plan": plan} if source is None else {"referral_source": source, "plan": plan}
        for source in REFERRAL_SOURCES
        for plan in PLANS
    ]


#: Property sets by payload code: none, then paths, features, sign-ups. Codes from `FIRST_INVITEE` on name an invitee.
PAYLOADS: Sequence[dict[str, str]] = (
    {},
    *({"path": path} for path in PATHS),
    *({"feature": feature} for feature in FEATURES),
    *_signups(),
)
NO_PAYLOAD = 0
FIRST_PATH = 1
FIRST_FEATURE = FIRST_PATH + len(PATHS)
FIRST_SIGNUP = FIRST_FEATURE + len(FEATURES)
FIRST_INVITEE = len(PAYLOADS)
SCHEDULED_REPORT = FIRST_FEATURE + FEATURES.index("scheduled_report")


def payload(code: int) -> dict[str, str]:
    """The properties that a payload code stands for."""
    return {"invitee": f"p{code - FIRST_INVITEE:06d}"} if code >= FIRST_INVITEE else dict(PAYLOADS[code])


def user_id(number: int) -> str:
    """The id of the user with this number, such as ``u000123``."""
    return f"u{number:06d}"
