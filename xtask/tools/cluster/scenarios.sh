#!/usr/bin/env bash
# scenarios.sh [FILTER…]: plays the scenarios of xtask/tests/it/deploy one after the other, on an idle machine, and prints their
# table. It is in target/xtask/scenarios.md as well. Without a filter that is all of them but the one with the windows that people
# have, which takes most of an hour: `XTASK_TEST_SCENARIOS=all scenarios.sh`.
set -euo pipefail
root=$(dirname "$(readlink -f "$0")")/../../..
cd "$root"
table=$(realpath -m target/xtask/scenarios.md)
mkdir -p "$(dirname "$table")"
{
    echo "| scenario | outcome | exit code | time | requests | dropped |"
    echo "|---|---|---|---|---|---|"
} >"$table"
code=0
XTASK_TEST_CLUSTER=1 XTASK_TEST_SCENARIOS="${XTASK_TEST_SCENARIOS:-1}" XTASK_TEST_TABLE="$table" \
    cargo test --locked --package xtask --test it -- "${@:-deploy::}" --test-threads=1 >&2 || code=$?
cat "$table"
exit "$code"
