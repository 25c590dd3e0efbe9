#!/bin/sh
# Prints the path of the Pub/Sub emulator, building it first where that is needed and possible.
#   built before from the same sources   the cached binary
#   Go on PATH                           built into the cache; its modules come from the Go module proxy
#   otherwise                            nothing is printed: the tests leave the Pub/Sub tier out and say so
# With REQUIRE_SERVICES=1 the last case is an error.
set -eu

sources=$(dirname "$0")/../tests/pubsub_emulator
cache=${XDG_CACHE_HOME:-$HOME/.cache}/segment-pipeline
state=$(cat "$sources"/*.go "$sources/go.mod" "$sources/go.sum" | cksum | tr ' ' -)
binary=$cache/pubsub-emulator-$state/pubsub_emulator

say() { printf '%s\n' "pubsub emulator: $*" >&2; }

missing() {
    say "$1; the Pub/Sub tier of the tests does not run"
    [ "${REQUIRE_SERVICES:-0}" != 1 ] || { say "REQUIRE_SERVICES=1 makes that an error"; exit 1; }
    exit 0
}

if [ ! -x "$binary" ]; then
    go version >/dev/null 2>&1 || missing "no Go to build it with (PUBSUB_EMULATOR_HOST names one that runs)"
    say "building it into $(dirname "$binary") (once)"
    mkdir -p "$cache"
    staging=$(mktemp -d "$cache/build.XXXXXX")
    trap 'rm -rf "$staging"' EXIT
    (cd "$sources" && go build -buildvcs=false -o "$staging/pubsub_emulator" . >&2) || missing "go build failed"
    mkdir -p "$(dirname "$binary")"
    mv "$staging/pubsub_emulator" "$binary"
fi
printf '%s\n' "$binary"
