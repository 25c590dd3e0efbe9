"""A plain Python keyed loop, as a sensible engineer would write it first.

One pass over the lines: typed decoding with msgspec, duplicates dropped by a set of (user, event id), a dict entry per
user with hourly sums of weights, the onboarding journey and the first-touch referral source; at the end every user's
rolling score, journey and source are written. It has no percentile, no memberships over time, no change log, no dead
letters, no rules, no bounded state and no engine. It is what those cost that the comparison shows.

Run: python -m tests.bench.plain_loop EVENTS.jsonl OUT.jsonl
"""

import sys
from collections import defaultdict
from pathlib import Path

import msgspec

HOUR = 3_600_000_000
WINDOW_HOURS = 7 * 24
DEADLINE = 24 * HOUR
WEIGHTS = {"page_view": 1, "feature_click": 3}


class Properties(msgspec.Struct, gc=False):
    """The properties that the loop reads."""

    referral_source: str | None = None
    invitee: str | None = None


class Event(msgspec.Struct, gc=False):
    """A line of the log; ``occurred_at`` in microseconds."""

    event_id: str
    user_id: str
    name: str
    occurred_at: int
    properties: Properties | None = None


class User:
    """Everything known of one user, in any arrival order."""

    __slots__ = ("first_touch", "hours", "invitees", "profile", "project", "referral_source", "signup")

    def __init__(self) -> None:
        self.hours: dict[int, int] = defaultdict(int)
        self.signup: int | None = None
        self.profile: int | None = None
        self.project: int | None = None
        self.invitees: dict[str, int] | None = None
        self.first_touch: int | None = None
        self.referral_source: str | None = None

    def update(self, event: Event) -> None:
        """Takes one event that was not seen before."""
        time, name, properties = event.occurred_at, event.name, event.properties
        weight = WEIGHTS.get(name, 0)
        if weight:
            self.hours[time // HOUR] += weight
        elif name == "signup":
            self.signup = earlier(self.signup, time)
        elif name == "profile_completed":
            self.profile = earlier(self.profile, time)
        elif name == "project_created":
            self.project = earlier(self.project, time)
        elif name == "invite_sent" and properties is not None and properties.invitee is not None:
            if self.invitees is None:
                self.invitees = {}
            self.invitees[properties.invitee] = earlier(self.invitees.get(properties.invitee), time)
        if (
            properties is not None
            and properties.referral_source is not None
            and (self.first_touch is None or time < self.first_touch)
        ):
            self.first_touch, self.referral_source = time, properties.referral_source

    def journey(self) -> str:
        """Status of the onboarding journey; three different people must have been invited."""
        if self.signup is None:
            return "not_started"
        if self.profile is None or self.project is None or self.invitees is None or len(self.invitees) < 3:
            return "in_progress"
        done = max(self.profile, self.project, sorted(self.invitees.values())[2])
        return "completed_in_time" if done - self.signup <= DEADLINE else "completed_late"


def earlier(known: int | None, time: int) -> int:
    """The lesser of a time and one that may not be known yet."""
    return time if known is None or time < known else known


def read_users(events: Path) -> tuple[dict[str, User], int]:
    """All users of a log and the hour of its last event."""
    decode = msgspec.json.Decoder(Event).decode
    seen: set[tuple[str, str]] = set()
    users: dict[str, User] = {}
    last = 0
    with events.open("rb") as lines:
        for line in lines:
            event = decode(line)
            key = (event.user_id, event.event_id)
            if key in seen:
                continue
            seen.add(key)
            user = users.get(event.user_id)
            if user is None:
                user = users[event.user_id] = User()
            user.update(event)
            if event.occurred_at > last:
                last = event.occurred_at
    return users, last // HOUR


def write_users(users: dict[str, User], last_hour: int, out: Path) -> None:
    """A line per user with the rolling score of the window that ends with the last hour."""
    encode = msgspec.json.Encoder().encode
    with out.open("wb") as lines:
        for user_id, user in users.items():
            score = sum(weight for hour, weight in user.hours.items() if last_hour - WINDOW_HOURS < hour <= last_hour)
            lines.write(encode((user_id, score, user.journey(), user.referral_source)) + b"\n")


def main() -> None:
    """Reads the log named first and writes the users to the file named second."""
    users, last_hour = read_users(Path(sys.argv[1]))
    write_users(users, last_hour, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
