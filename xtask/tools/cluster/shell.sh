#!/usr/bin/env bash
# shell.sh [COMMAND…]: a node by hand. COMMAND, or a shell, runs with a kubectl that speaks to it; the node goes when it ends.
set -euo pipefail
trap : INT # It is for the command; what is to be done after it is done.
here=$(dirname "$(readlink -f "$0")")
built=$("$here/build.sh")
mapfile -t built <<<"$built"
scratch=$(mktemp -d)
folder="$scratch/node"

coproc NODE { exec "$here/up.sh" "$folder" "${built[@]}"; }
process=$NODE_PID commands=${NODE[1]} # Bash forgets them when the node ends.
answer=""
read -r -t 180 answer <&"${NODE[0]}" || true
code=1
if [[ $answer == ready* ]]; then
    number=${answer#ready }
    echo "the node is up: pods in 10.244.$number.0/24, Services in 10.96.$number.0/24, logs in $folder/log" >&2
    code=0
    KUBECONFIG="$folder/kubeconfigs/admin" PATH="${built[0]}/bin:$PATH" "${@:-${SHELL:-bash}}" || code=$?
else
    echo "${answer:-the node did not come up}" >&2
fi
exec {commands}>&-
wait "$process" || true # It says itself what went wrong.
rmdir "$scratch"
exit "$code"
