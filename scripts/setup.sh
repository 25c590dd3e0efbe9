#!/bin/sh
# Makes the project's environment from the committed lock file; nothing outside the project folder (and the package
# caches of uv and pip) is touched.
#   scripts/setup.sh         .venv: the project, its tests and its linters
#   scripts/setup.sh bench   .tools/bench: the peers of `make bench` that are not dependencies of the project
#   scripts/setup.sh pyflink .tools/pyflink: PyFlink, a peer of `make bench-flink`, which pins an old Beam; Python 3.11
# Bytecode is compiled here, on all cores: where PYTHONDONTWRITEBYTECODE is set, Python would compile Beam at every start.
# Needs Python 3.11 to 3.13. uv is used where there is one; otherwise pip fetches it into .tools/uv.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    say "setup: no Python 3.11, 3.12 or 3.13 on PATH. Install one, or name it: make PYTHON=/path/to/python3.11 …"
    return 1
}

# The last that PyFlink 1.19's own pins can be installed for.
find_python_311() {
    for candidate in ${PYTHON:-} python3.11 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    say "setup: no Python 3.11 on PATH, which PyFlink 1.19 needs. Name one: PYTHON=/path/to/python3.11 …"
    return 1
}

# A uv that cannot run (a stale version-manager shim, say) counts as none: --version decides, not the name on PATH.
# PEP 735 groups need uv 0.4.27.
usable_uv() {
    "$1" --version 2>/dev/null | awk '{ split($2, v, "."); found = $1 == "uv" && (v[1] > 0 || v[2] >= 5) } END { exit !found }'
}

find_uv() {
    for candidate in uv .tools/uv/bin/uv; do
        if usable_uv "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    say "setup: no usable uv found; installing one into .tools/uv"
    if "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        "$1" -m venv --clear .tools/uv >&2
        .tools/uv/bin/python -m pip install --quiet 'uv>=0.5,<1' >&2
    elif "$1" -m pip --version >/dev/null 2>&1; then
        "$1" -m pip install --quiet --upgrade --target .tools/uv 'uv>=0.5,<1' >&2
    else
        say "setup: this Python has neither venv with ensurepip nor pip, so uv cannot be fetched."
        say "setup: on Debian and Ubuntu: apt-get install python3-venv; or install uv: https://docs.astral.sh/uv/"
        return 1
    fi
    printf '%s\n' .tools/uv/bin/uv
}

python=$(find_python)
uv=$(find_uv "$python")
mkdir -p .tools
if [ "${1:-}" = bench ]; then
    UV_PROJECT_ENVIRONMENT=.tools/bench "$uv" sync --quiet --frozen --compile-bytecode --python "$python" --only-group bench
elif [ "${1:-}" = pyflink ]; then
    old=$(PYTHON="${PYTHON:-} $python" find_python_311)
    [ -x .tools/pyflink/bin/python ] || "$uv" venv --quiet --python "$old" .tools/pyflink
    "$uv" pip sync --quiet --compile-bytecode --python .tools/pyflink/bin/python --require-hashes tests/bench/flink/requirements.txt
else
    "$uv" sync --quiet --frozen --compile-bytecode --python "$python"
    .venv/bin/python -m compileall -q pipeline transforms segmentation schemas onboarding deploy
fi
