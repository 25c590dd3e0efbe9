"""Everyday use: sessions in each user's own daily rhythm, heavy-tailed; and reports at full hours."""

import numpy as np

from pipeline.traffic import vocabulary as words
from pipeline.traffic.columns import Codes, Events, Ints, concatenate, events, pick, zipf_weights
from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.users import Users, is_weekend
from pipeline.traffic.vocabulary import Name
from segmentation.units import DAY, HOUR, SECOND

_WEEKEND_SESSIONS = 0.55
_SPREAD_HOURS = 2.5
_INTERACTIONS = (Name.PAGE_VIEW, Name.FEATURE_CLICK, Name.FEATURE_USED)
_INTERACTION_SHARES = (0.68, 0.23, 0.09)
_MEAN_GAP_SECONDS = 40.0
_MOST_INTERACTIONS = 150
_OTHER_CLIENT = 0.1
_SCHEDULES = 0.02


def engagement_events(users: Users, random: np.random.Generator, options: TrafficOptions) -> Events:
    """Sessions with their page views and features, in no order; some may lie after the end of the log."""
    who, when = _sessions(users, random)
    switched = random.random(len(who)) < _OTHER_CLIENT
    client = np.where(switched, np.int8(0), users.client[who]).astype(np.int8)
    return concatenate(
        [
            events(who, Name.SESSION_START, when, client, words.NO_PAYLOAD),
            _interactions(who, when, client, random),
            _scheduled_reports(users, random, options),
        ]
    )


def _sessions(users: Users, random: np.random.Generator) -> tuple[Ints, Ints]:
    """User and start (µs) of every session."""
    first_day = users.joined // DAY
    day_count = np.maximum(-(-users.leaves // DAY) - first_day, 0)
    who = np.repeat(np.arange(len(users)), random.poisson(users.sessions_per_day * day_count))
    day = first_day[who] + (random.random(len(who)) * day_count[who]).astype(np.int64)
    hour = (users.peak_hour[who] + random.normal(0.0, _SPREAD_HOURS, len(who))) % 24
    when = day * DAY + (hour * HOUR).astype(np.int64)
    away = (when >= users.away_from[who]) & (when < users.away_until[who])
    rests = is_weekend(when) & (random.random(len(who)) >= _WEEKEND_SESSIONS)
    kept = (when >= users.joined[who]) & (when < users.leaves[who]) & ~away & ~rests

    # A new user looks around at once, and who was away comes back when the absence ends.
    new = np.flatnonzero(users.is_new)
    back = np.flatnonzero(users.away_until > users.away_from)
    welcome = users.joined[new] + random.integers(SECOND, 60 * SECOND, len(new))
    return np.concatenate([who[kept], new, back]), np.concatenate([when[kept], welcome, users.away_until[back]])


def _interactions(session_user: Ints, session_start: Ints, client: Codes, random: np.random.Generator) -> Events:
    """What happens within the sessions: gaps are exponential, lengths lognormal."""
    lengths = np.minimum(random.lognormal(1.3, 0.9, len(session_user)).astype(np.int64), _MOST_INTERACTIONS)
    session = np.repeat(np.arange(len(session_user)), lengths)
    gaps = (random.exponential(_MEAN_GAP_SECONDS, len(session)) * SECOND).astype(np.int64) + 1
    elapsed = np.cumsum(gaps)
    before = np.concatenate([[0], elapsed])[np.cumsum(lengths) - lengths]
    name = np.array(_INTERACTIONS, np.int8)[pick(random, _INTERACTION_SHARES, len(session))]
    path = words.FIRST_PATH + pick(random, zipf_weights(len(words.PATHS), 1.1), len(session))
    # The last feature belongs to schedules alone.
    feature = words.FIRST_FEATURE + pick(random, zipf_weights(len(words.FEATURES) - 1, 1.1), len(session))
    return events(
        session_user[session],
        name,
        session_start[session] + elapsed - before[session],
        client[session],
        np.where(name == Name.PAGE_VIEW, path, feature),
    )


def _scheduled_reports(users: Users, random: np.random.Generator, options: TrafficOptions) -> Events:
    """Reports that some users have made daily at a full hour: events of many users exactly on the edges of windows."""
    chosen = np.flatnonzero(random.random(len(users)) < _SCHEDULES)
    hour = random.integers(5, 10, len(chosen)) * HOUR
    days = np.arange(options.start // DAY, -(-options.end // DAY), dtype=np.int64) * DAY
    when = (hour[:, None] + days).ravel()
    who = np.repeat(chosen, len(days))
    away = (when >= users.away_from[who]) & (when < users.away_until[who])
    active = (when >= users.joined[who]) & (when < users.leaves[who]) & ~away
    who, when = who[active], when[active]
    return events(who, Name.FEATURE_USED, when, np.zeros(len(who), np.int8), words.SCHEDULED_REPORT)
