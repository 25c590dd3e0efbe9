"""Sign-ups and the onboarding funnel (profile, project, three distinct invitees), with drop-outs and slow finishers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.traffic.columns import Events, Floats, Ints, concatenate, events, pick
from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.users import QUALITY, Users
from pipeline.traffic.vocabulary import FIRST_INVITEE, FIRST_SIGNUP, NO_PAYLOAD, PLANS, Name
from segmentation.units import DAY, HOUR, MINUTE, SECOND

_FAST = 0.55
_REACH_PROFILE = 0.85
_REACH_PROJECT = 0.8
_REACH_INVITES = 0.8
#: Shares of users who invite 1, 2, … 6 distinct people once they begin.
_INVITES = (0.1, 0.1, 0.4, 0.2, 0.1, 0.1)
_NEEDED = 3
_INVITES_TWICE = 0.2
_PROJECT_FIRST = 0.15
_SIGNS_UP_TWICE = 0.01
#: Completions that happen exactly a day after the sign-up, or 1 µs later: the two sides of a 24 h deadline.
_ON_THE_DEADLINE = 0.01
_INVITES_LATER = 0.15


@dataclass(frozen=True)
class _Funnel:
    """What each new user does, a row per user."""

    profile: Ints
    project: Ints
    #: A column per invite, ascending.
    invites: npt.NDArray[np.int64]
    has_profile: npt.NDArray[np.bool_]
    has_project: npt.NDArray[np.bool_]
    #: 0..6 distinct people.
    invite_count: Ints


def journey_events(users: Users, random: np.random.Generator, options: TrafficOptions) -> Events:
    """Sign-ups and onboarding steps, in no order; some may lie after the end of the log."""
    new = np.flatnonzero(users.is_new)
    funnel = _draw_funnel(users.joined[new], QUALITY[users.referral[new]], random)
    return concatenate(
        [
            _signups(users, new, random),
            _of(users, new[funnel.has_profile], Name.PROFILE_COMPLETED, funnel.profile[funnel.has_profile]),
            _of(users, new[funnel.has_project], Name.PROJECT_CREATED, funnel.project[funnel.has_project]),
            _invites(users, new, funnel, random),
            _later_work(users, random, options),
        ]
    )


def _draw_funnel(signup: Ints, quality: Floats, random: np.random.Generator) -> _Funnel:
    count = len(signup)
    fast = random.random(count) < _FAST * quality

    def delays(fast_median: int, slow_median: int, columns: int = 1) -> Floats:
        median = np.where(fast, fast_median, slow_median)[:, None]
        return median * random.lognormal(0.0, 0.9, (count, columns)) + SECOND

    offset_profile = delays(30 * MINUTE, 16 * HOUR)[:, 0]
    offset_project = offset_profile + delays(90 * MINUTE, 24 * HOUR)[:, 0]
    offset_invites = offset_project[:, None] + np.cumsum(delays(20 * MINUTE, 5 * HOUR, len(_INVITES)), axis=1)
    swapped = random.random(count) < _PROJECT_FIRST
    offset_profile, offset_project = (
        np.where(swapped, offset_project, offset_profile),
        np.where(swapped, offset_profile, offset_project),
    )
    has_profile = random.random(count) < _REACH_PROFILE * quality
    has_project = has_profile & (random.random(count) < _REACH_PROJECT * quality)
    invites = has_project & (random.random(count) < _REACH_INVITES * quality)
    invite_count = np.where(invites, pick(random, _INVITES, count) + 1, 0)

    exact = random.random(count) < _ON_THE_DEADLINE
    scale = np.where(exact, DAY / offset_invites[:, _NEEDED - 1], 1.0)
    times = (offset_invites * scale[:, None]).astype(np.int64)
    times[exact, _NEEDED - 1] = DAY + random.integers(0, 2, int(exact.sum()))
    # Scaling must not let a later invite fall before the third by rounding.
    times[:, _NEEDED:] = np.maximum(times[:, _NEEDED:], times[:, [_NEEDED - 1]] + 1)
    return _Funnel(
        profile=signup + (offset_profile * scale).astype(np.int64),
        project=signup + (offset_project * scale).astype(np.int64),
        invites=signup[:, None] + times,
        has_profile=has_profile,
        has_project=has_project,
        invite_count=invite_count,
    )


def _signups(users: Users, new: Ints, random: np.random.Generator) -> Events:
    """One sign-up per new user, and for a few a second one, sent again with an id of its own."""
    again = new[random.random(len(new)) < _SIGNS_UP_TWICE]
    who = np.concatenate([new, again])
    when = np.concatenate([users.joined[new], users.joined[again] + random.integers(SECOND, HOUR, len(again))])
    what = FIRST_SIGNUP + users.referral[who] * len(PLANS) + users.plan[who]
    return events(who, Name.SIGNUP, when, users.client[who], what)


def _invites(users: Users, new: Ints, funnel: _Funnel, random: np.random.Generator) -> Events:
    """Invites to distinct people, and for some users the first person once more: not a distinct one."""
    column = np.arange(funnel.invites.shape[1])
    row, nth = np.nonzero(column < funnel.invite_count[:, None])
    first_person = random.integers(0, 3 * len(users) + 1, len(new))
    again = np.flatnonzero((funnel.invite_count > 0) & (random.random(len(new)) < _INVITES_TWICE))
    when_again = funnel.invites[again, 0] + random.integers(SECOND, 6 * HOUR, len(again))
    who = np.concatenate([new[row], new[again]])
    when = np.concatenate([funnel.invites[row, nth], when_again])
    person = np.concatenate([first_person[row] + nth, first_person[again]])
    return events(who, Name.INVITE_SENT, when, users.client[who], FIRST_INVITEE + person)


def _later_work(users: Users, random: np.random.Generator, options: TrafficOptions) -> Events:
    """Users who existed before create projects and invite people too, without a sign-up in the log."""
    old = np.flatnonzero(~users.is_new)
    who = np.repeat(old, np.where(random.random(len(old)) < _INVITES_LATER, random.integers(1, 5, len(old)), 0))
    when = random.integers(options.start, options.end, len(who))
    invites = random.random(len(who)) < 0.6
    person = random.integers(0, 3 * len(users) + 1, len(who))
    return events(
        who,
        np.where(invites, Name.INVITE_SENT, Name.PROJECT_CREATED),
        when,
        users.client[who],
        np.where(invites, FIRST_INVITEE + person, NO_PAYLOAD),
    )


def _of(users: Users, who: Ints, name: Name, when: Ints) -> Events:
    return events(who, name, when, users.client[who], NO_PAYLOAD)
