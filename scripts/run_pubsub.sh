#!/bin/sh
# `make run` live on Pub/Sub: starts an emulator where PUBSUB_EMULATOR_HOST names none, runs the pipeline on Prism, sends
# simulated traffic, reads the changes back, and compares the settled ones with those of a run over the same events in a
# file.
#   KEEP=1   leave the emulator running
set -eu
cd "$(dirname "$0")/.."
segments=.venv/bin/segments
demo=build/demo-pubsub
# A project of this run's own: the emulator may hold those of an earlier one.
project=demo-$(date +%s)
events=pubsub://$project/topics/events
traffic="--users 150 --days 1 --seed 7 --disorder 10s --duplicates 1% --malformed 0.2%"

rm -rf "$demo" && mkdir -p "$demo"
PRISM=$(REQUIRE_SERVICES=1 scripts/build_prism.sh)
export PRISM
started=
run=
finish() {
    [ -z "$run" ] || kill "$run" 2>/dev/null || true
    [ -z "$started" ] || [ -n "${KEEP:-}" ] || .venv/bin/python -m deploy.pubsub_emulator down
}
trap finish EXIT
if [ -z "${PUBSUB_EMULATOR_HOST:-}" ]; then
    started=yes
    PUBSUB_EMULATOR_HOST=$(.venv/bin/python -m deploy.pubsub_emulator up | sed -n 's/^PUBSUB_EMULATOR_HOST=//p')
    export PUBSUB_EMULATOR_HOST
fi
echo "PUBSUB_EMULATOR_HOST=$PUBSUB_EMULATOR_HOST"

$segments topics create --config examples/topics.yaml --project "$project"
$segments run --rules examples/rules.yaml --events "pubsub://$project/subscriptions/segments-events" \
    --changes "pubsub://$project/topics/changes" >"$demo/run.log" 2>&1 &
run=$!
# shellcheck disable=SC2086  # the options are words
$segments generate $traffic --rate 300/s --out "$events" --finish
# Settling waits for the subscription's ack deadline and five seconds more.
$segments tail --from "pubsub://$project/subscriptions/changes-reader" --jsonl "$demo/changes.jsonl" --until-idle 30s
kill -0 "$run" || { cat "$demo/run.log" >&2; exit 1; }
kill -INT "$run"
wait "$run" || true
run=

# shellcheck disable=SC2086
$segments generate $traffic --out "$demo/events.jsonl" --quiet
$segments run --rules examples/rules.yaml --events "$demo/events.jsonl" --changes "$demo/of-file.jsonl" --quiet
.venv/bin/python scripts/compare_changes.py "$demo/of-file.jsonl" "$demo/changes.jsonl"
