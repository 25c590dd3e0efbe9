#!/bin/sh
# Runs the tests: first those that need no cluster, on all cores; then the live ones, which measure times, by themselves.
#   scripts/run_tests.sh [parts|live] [OPTION ...]   one of the two, or both; options as pytest has them
#   SEGMENTS_SEEDS=all                               every seed of the crash tests, not one
set -eu
cd "$(dirname "$0")/.."
# The tests start hundreds of processes: the project is compiled once, not by each of them.
export PYTHONDONTWRITEBYTECODE=
PRISM=$(scripts/build_prism.sh)
export PRISM
wanted="parts live"
case ${1:-} in
parts | live)
    wanted=$1
    shift
    ;;
esac

NONE_RAN=5 # as pytest says it
status=$NONE_RAN
run() {
    code=0
    .venv/bin/python -m pytest "$@" || code=$?
    if [ "$code" -ne "$NONE_RAN" ] && { [ "$status" -eq "$NONE_RAN" ] || [ "$code" -ne 0 ]; }; then
        status=$code
    fi
}
for part in $wanted; do
    case $part in
    parts) run --live never -n auto --dist loadgroup "$@" ;;
    live)
        # Without Java or Maven the parts have said that this tier does not run.
        if [ "$wanted" = live ] || { command -v java && command -v mvn; } >/dev/null; then
            run --live only "$@"
        fi
        ;;
    esac
done
exit "$status"
