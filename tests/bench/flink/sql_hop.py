"""The peer in Flink SQL: HOP windows of seven days, sliding by the hour, a count per user.

All of it runs in the JVM, in the SQL planner's generated code; the window function shares one pane an hour among the
168 windows. It writes every user's count every hour, drops no duplicates and knows no population.

Runs in the environment of `scripts/setup.sh pyflink`; see `submit`.

Run: flink run -py sql_hop.py KAFKA TOPIC GROUP NAME
"""

import sys

from pyflink.table import EnvironmentSettings, TableEnvironment

EVENTS = """
CREATE TABLE events (
  user_id STRING,
  occurred_at BIGINT,
  happened AS TO_TIMESTAMP_LTZ(occurred_at / 1000, 3),
  WATERMARK FOR happened AS happened - INTERVAL '10' SECOND
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '{kafka}',
  'properties.group.id' = '{group}',
  'topic' = '{topic}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.idle-timeout' = '5 s',
  'format' = 'json'
)
"""
COUNTS = """
CREATE TABLE counts (user_id STRING, window_end TIMESTAMP(3), events BIGINT) WITH ('connector' = 'blackhole')
"""
COUNT = """
INSERT INTO counts
SELECT user_id, window_end, COUNT(*)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(happened), INTERVAL '1' HOUR, INTERVAL '7' DAY))
GROUP BY user_id, window_start, window_end
"""


def main() -> None:
    """Submits the job; its arguments are the brokers, the topic, the consumer group and the job's name."""
    kafka, topic, group, name = sys.argv[1:]
    table = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    table.get_config().set("table.local-time-zone", "UTC").set("pipeline.name", name)
    table.execute_sql(EVENTS.format(kafka=kafka, topic=topic, group=group))
    table.execute_sql(COUNTS)
    table.execute_sql(COUNT)


if __name__ == "__main__":
    main()
