"""SQL for memberships: the conditions at every tick, then the state of every user from tick to tick, then the changes.

A unit is an exclusive group, or a segment that is in none. Its table has a row per user and tick with one BOOLEAN
column "in_segment('x')" per segment; units are settled in topological order, so that later ones can read those columns.
"""

from tests.oracle.rules import PlainRules, literal, parse_duration, result_column, segments_in, to_sql


def unit_name(number: int) -> str:
    """The table of the unit at that place in `rules.units`."""
    return f"unit_{number}"


def conditions(rules: PlainRules, number: int) -> str:
    """Per segment of the unit: `enter` (`when` is TRUE) and `stay` (`until` is FALSE; without it: `when` is TRUE)."""
    unit = rules.units[number]
    texts = [rules.segments[name][key] for name in unit for key in ("when", "until") if key in rules.segments[name]]
    wanted = {s for text in texts for s in segments_in(text)}
    joins = [unit_name(i) for i in range(number) if wanted & set(rules.units[i])]
    columns = []
    for i, name in enumerate(unit):
        segment = rules.segments[name]
        when = f"(({to_sql(segment['when'])}) IS TRUE)"
        stay = f"(({to_sql(segment['until'])}) IS FALSE)" if "until" in segment else when
        columns.append(f"{when} AS enter{i}, {stay} AS stay{i}")
    return f"""CREATE TABLE conditions_{number} AS SELECT __user, __tick, {", ".join(columns)}
        FROM rows {" ".join(f"JOIN {table} USING (__user, __tick)" for table in joins)}"""


def states(rules: PlainRules, number: int) -> str:
    """The unit's memberships at every tick: `held` comes from the tick before, `since` is the tick of entry."""
    unit = [rules.segments[name] for name in rules.units[number]]
    # A member holds while it stays or dwells, another if it enters.
    holds = [
        f"""CASE WHEN m.in{i} THEN c.stay{i} OR c.__tick - m.since{i} < {parse_duration(segment.get("min_dwell", "0s"))}
            ELSE c.enter{i} END AS holds{i}"""
        for i, segment in enumerate(unit)
    ]
    wins, since = [], []
    for i, segment in enumerate(unit):
        higher = [f"holds{j}" for j, other in enumerate(unit) if j != i and other["priority"] > segment["priority"]]
        wins.append(f"{' AND NOT '.join([f'holds{i}', *higher])} AS wins{i}")
        since.append(f"CASE WHEN NOT wins{i} THEN NULL WHEN in{i} THEN since{i} ELSE __tick END")
    k = range(len(unit))
    initial = ", ".join(f"FALSE AS in{i}, NULL::BIGINT AS since{i}" for i in k)
    result = ", ".join(f"in{i} AS {result_column(name)}" for i, name in enumerate(rules.units[number]))
    return f"""CREATE TABLE {unit_name(number)} AS
        WITH RECURSIVE member AS (
          SELECT __user, min(__tick) - {rules.tick} AS __tick, {initial} FROM grid GROUP BY __user
          UNION ALL
          SELECT __user, __tick, {", ".join(f"wins{i}, {since[i]}" for i in k)}
          FROM (SELECT *, {", ".join(wins)}
                FROM (SELECT c.__user, c.__tick, {", ".join(f"m.in{i}, m.since{i}" for i in k)}, {", ".join(holds)}
                      FROM member m JOIN conditions_{number} c
                        ON c.__user = m.__user AND c.__tick = m.__tick + {rules.tick})))
        SELECT __user, __tick, {result} FROM member SEMI JOIN ticks ON __tick = tick"""


def memberships(rules: PlainRules) -> str:
    """Creates `memberships`: (__user, segment, __tick), a row for each tick at which the user is in the segment."""
    selects = [
        f"SELECT __user, {literal(name)} AS segment, __tick FROM {unit_name(number)} WHERE {result_column(name)}"
        for number, unit in enumerate(rules.units)
        for name in unit
    ]
    return "CREATE VIEW memberships AS " + " UNION ALL ".join(selects)


def changes(rules: PlainRules) -> str:
    """Creates `changes`: entered at a tick with membership after one without, exited the other way round."""
    return f"""CREATE TABLE changes AS
        WITH around AS (SELECT *, lag(__tick) OVER w AS before, lead(__tick) OVER w AS after FROM memberships
                        WINDOW w AS (PARTITION BY segment, __user ORDER BY __tick)),
        found AS (SELECT __user, segment, 'ENTERED' AS action, __tick AS effective_at FROM around
                  WHERE before IS DISTINCT FROM __tick - {rules.tick}
                  UNION ALL
                  SELECT __user, segment, 'EXITED', __tick + {rules.tick} FROM around
                  WHERE after IS DISTINCT FROM __tick + {rules.tick} AND __tick < (SELECT max(tick) FROM ticks))
        SELECT u.user_id, s.subject_id, segment, action, effective_at,
          row_number() OVER (PARTITION BY u.user_id ORDER BY effective_at, action = 'ENTERED', segment) AS sequence,
          left(sha256(concat_ws('|', s.subject_id, segment, action, effective_at)), 32) AS change_id
        FROM found JOIN users u USING (__user) JOIN subjects s USING (user_id)"""
