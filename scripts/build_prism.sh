#!/bin/sh
# Prints the path of Beam's Prism runner, building it first where that is needed and possible.
#   PRISM set                 that binary, or an error
#   built before              the cached binary
#   Go on PATH                built from the Go module proxy into the cache (some minutes, once)
#   otherwise                 nothing is printed: the tests leave the Prism tier out and say so
# With REQUIRE_SERVICES=1 the last case is an error.
set -eu

# The runner of the SDK that the lock file pins: uv.lock has the version on the line after the name.
lock=$(dirname "$0")/../uv.lock
version=v$(awk -F '"' 'beam { print $2; exit } $0 == "name = \"apache-beam\"" { beam = 1 }' "$lock")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/segment-pipeline
binary=$cache/prism-$version/prism

say() { printf '%s\n' "prism: $*" >&2; }

missing() {
    say "$1; the Prism tier of the tests does not run"
    [ "${REQUIRE_SERVICES:-0}" != 1 ] || { say "REQUIRE_SERVICES=1 makes that an error"; exit 1; }
    exit 0
}

if [ -n "${PRISM:-}" ]; then
    [ -x "$PRISM" ] || { say "PRISM=$PRISM is not a program"; exit 1; }
    printf '%s\n' "$PRISM"
    exit 0
fi
if [ ! -x "$binary" ]; then
    go version >/dev/null 2>&1 || missing "no prism binary and no Go to build it with"
    say "building $version into $(dirname "$binary") (some minutes, once)"
    mkdir -p "$cache"
    staging=$(mktemp -d "$cache/build.XXXXXX")
    trap 'rm -rf "$staging"' EXIT
    # In a folder of its own: a go.mod further up would decide about the dependencies.
    (cd "$staging" && GOBIN=$staging go install "github.com/apache/beam/sdks/v2/go/cmd/prism@$version" >&2) ||
        missing "go install failed"
    mkdir -p "$(dirname "$binary")"
    mv "$staging/prism" "$binary"
fi
printf '%s\n' "$binary"
