#!/bin/sh
# The live counterpart of `make run`: starts the local stack, runs the job on Flink, sends simulated traffic into Kafka,
# reads the changes back, and compares the settled ones with those of a run over the same events in a file.
#   KEEP=1   leave the stack running
set -eu
cd "$(dirname "$0")/.."
segments=.venv/bin/segments
demo=build/demo-live
# Topics of this run's own: the stack may hold those of an earlier one.
run=live-$(date +%s)
traffic="--users 150 --days 1 --seed 7 --disorder 10s --duplicates 1% --malformed 0.2%"

rm -rf "$demo" && mkdir -p "$demo"
addresses=$($segments stack up)
printf '%s\n' "$addresses"
KAFKA=$(printf '%s\n' "$addresses" | sed -n 's/^KAFKA=//p')
events=kafka://$KAFKA/$run-events changes=kafka://$KAFKA/$run-changes

job=$($segments run --rules examples/rules.yaml --events "$events" --changes "$changes" --max-disorder 10s --detach |
    sed -n 's/^JOB=//p')
finish() {
    $segments stop --job "$job" || true
    [ -n "${KEEP:-}" ] || $segments stack down
}
trap finish EXIT

# shellcheck disable=SC2086  # the options are words
$segments generate $traffic --rate 300/s --out "$events" --finish
$segments tail --from "$changes" --jsonl "$demo/changes.jsonl" --until-idle 20s
$segments status --job "$job"

# shellcheck disable=SC2086
$segments generate $traffic --out "$demo/events.jsonl" --quiet
$segments run --rules examples/rules.yaml --events "$demo/events.jsonl" --changes "$demo/of-file.jsonl" --quiet
.venv/bin/python scripts/compare_changes.py "$demo/of-file.jsonl" "$demo/changes.jsonl"
