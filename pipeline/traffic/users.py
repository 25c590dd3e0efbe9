"""Who the simulated users are: when and from where they join, how keen they are, when they are away or leave."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.traffic.columns import Codes, Floats, Ints, pick
from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.vocabulary import CLIENTS, PLANS
from segmentation.units import DAY, HOUR

#: Users who signed up before the log begins.
_EXISTED_BEFORE = 0.3
_SOURCE_SHARES = (0.42, 0.24, 0.12, 0.16, 0.03, 0.03)
#: By referral source: how well its users convert, stay and engage, compared with organic ones.
QUALITY = np.array([1.0, 0.85, 1.12, 0.7, 0.9, 0.95])
_PLAN_SHARES = (0.7, 0.2, 0.1)
_CLIENT_SHARES = (0.6, 0.22, 0.18)
_WEEKEND_SIGNUPS = 0.55
_LOYAL = 0.35
_MEDIAN_STAY_DAYS = 6.0
_AWAY = 0.25


@dataclass(frozen=True)
class Users:
    """Users by number: first those who existed before the log, then the others in the order of their sign-up."""

    is_new: npt.NDArray[np.bool_]
    #: The sign-up, or the start of the log for those who existed before; µs.
    joined: Ints
    #: Index into `vocabulary.REFERRAL_SOURCES`.
    referral: Ints
    #: Index into `vocabulary.PLANS`.
    plan: Ints
    #: The client mostly used, index into `vocabulary.CLIENTS`.
    client: Codes
    #: The hour of the day (UTC) around which the user is active.
    peak_hour: Floats
    #: Mean sessions a day while active: heavy-tailed.
    sessions_per_day: Floats
    #: No activity from here on; µs.
    leaves: Ints
    #: No activity within [away_from, away_until); equal where never away; µs.
    away_from: Ints
    away_until: Ints

    def __len__(self) -> int:
        return len(self.joined)


def draw_users(options: TrafficOptions, random: np.random.Generator) -> Users:
    """The users of a log."""
    count = options.users
    existing = round(count * _EXISTED_BEFORE)
    is_new = np.arange(count) >= existing
    joined = np.full(count, options.start, np.int64)
    joined[existing:] = _signup_times(options, count - existing, random)
    referral = pick(random, _SOURCE_SHARES, count)
    quality = QUALITY[referral]
    leaves = _leaving_times(options, joined, quality, random)
    away_from, away_until = _absences(options, joined, is_new, random)
    leaves[away_until > away_from] = options.end
    return Users(
        is_new=is_new,
        joined=joined,
        referral=referral,
        plan=pick(random, _PLAN_SHARES[: len(PLANS)], count),
        client=pick(random, _CLIENT_SHARES[: len(CLIENTS)], count).astype(np.int8),
        peak_hour=random.normal(14.5, 3.5, count) % 24,
        sessions_per_day=np.minimum(quality * random.lognormal(-0.6, 1.1, count), 20.0),
        leaves=leaves,
        away_from=away_from,
        away_until=away_until,
    )


def is_weekend(times: Ints) -> npt.NDArray[np.bool_]:
    """Whether each instant (µs) lies on a Saturday or Sunday in UTC; the epoch was a Thursday."""
    weekend: npt.NDArray[np.bool_] = (times // DAY + 3) % 7 >= 5
    return weekend


def _signup_times(options: TrafficOptions, count: int, random: np.random.Generator) -> Ints:
    """Sorted sign-ups: more by day than by night, fewer at weekends, slowly growing."""
    hours = options.start + np.arange(options.days * 24, dtype=np.int64) * HOUR
    daily = 1 + 0.8 * np.cos((hours % DAY / HOUR - 15) / 24 * 2 * np.pi)
    weekly = np.where(is_weekend(hours), _WEEKEND_SIGNUPS, 1.0)
    growth = np.linspace(1.0, 1.2, len(hours))
    within = random.integers(0, HOUR, count)
    return np.sort(hours[pick(random, daily * weekly * growth, count)] + within)


def _leaving_times(options: TrafficOptions, joined: Ints, quality: Floats, random: np.random.Generator) -> Ints:
    stay = (random.exponential(_MEDIAN_STAY_DAYS / np.log(2), len(joined)) * quality * DAY).astype(np.int64)
    loyal = random.random(len(joined)) < _LOYAL * quality
    return np.where(loyal, options.end, np.minimum(joined + stay, options.end))


def _absences(
    options: TrafficOptions, joined: Ints, is_new: npt.NDArray[np.bool_], random: np.random.Generator
) -> tuple[Ints, Ints]:
    """Some users are away for days and come back; some who existed before are away already when the log begins."""
    span = options.end - joined
    length = np.minimum((2 + random.lognormal(1.0, 0.7, len(joined))) * DAY, span * 0.6).astype(np.int64)
    away_from = joined + (random.random(len(joined)) * (span - length) * 0.8).astype(np.int64)
    dormant = ~is_new & (random.random(len(joined)) < 0.4)
    away_from = np.where(dormant, joined, away_from)
    length[random.random(len(joined)) >= _AWAY] = 0
    return away_from, away_from + length
