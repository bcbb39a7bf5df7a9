#!/usr/bin/env bash
# Measures `cargo xtask image` against buildah alone, on this machine, with a registry on it.
#
#   xtask/benches/images.sh REGISTRY PYTHON_BASE NODE_BASE
#   xtask/benches/images.sh --json [ROUNDS]    a line for each figure, for `cargo xtask bench`, which keeps them
#
# The bases are names with digests; with `--json` the three are in BENCH_REGISTRY, BENCH_PYTHON_BASE and BENCH_NODE_BASE. A file
# of the backend is changed for the measurement and put back afterwards.
set -euo pipefail
cd "$(dirname "$0")/../.."

# What `--json` says: a figure that was measured, in milliseconds, and one that could not be.
figure() { printf '{"case":"%s","side":"%s","value":%s,"unit":"ms"}\n' "$1" "$2" "$(awk -v s="$3" 'BEGIN { print s * 1000 }')"; }
absent() { printf '{"case":"%s","side":"xtask","absent":"%s"}\n' "nothing changed, both images" "$1"; }

as_lines=false rounds=7
if [ "${1-}" = --json ]; then
    as_lines=true rounds=${2:-$rounds}
    for name in BENCH_REGISTRY BENCH_PYTHON_BASE BENCH_NODE_BASE; do
        if [ -z "${!name-}" ]; then absent "$name is not set"; exit; fi
    done
    if ! command -v buildah >/dev/null; then absent "buildah is not on PATH"; exit; fi
    set -- "$BENCH_REGISTRY" "$BENCH_PYTHON_BASE" "$BENCH_NODE_BASE"
fi
registry=$1 python=$2 node=$3
xtask=target/debug/xtask
cargo build --quiet --locked --package xtask

arguments=(--engine buildah --locked --build-arg "BASE_IMAGE=$python" --build-arg "NODE_IMAGE=$node")
touched=backend/src/__init__.py
restore() { git checkout --quiet -- "$touched"; }
trap restore EXIT

# Runs a command and prints how many seconds it took.
seconds() {
    local start end
    start=$(date +%s.%N)
    "$@" >/tmp/images-bench.log 2>&1 || { cat /tmp/images-bench.log >&2; exit 1; }
    end=$(date +%s.%N)
    awk -v a="$start" -v b="$end" 'BEGIN { printf "%.2f", b - a }'
}
image() { "$xtask" image "$@" --push --registry "$registry" "${arguments[@]}"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
change() { printf '# %s\n' "$(date +%s%N)" >>"$touched"; }
# The command that `image` runs, and a push.
plain() {
    buildah build --isolation chroot --layers --format oci --identity-label=false --timestamp 946684800 \
        --file backend/Dockerfile.prod --build-arg "BASE_IMAGE=$python" \
        ${XTASK_CA_BUNDLE:+--secret "id=ca_bundle,src=$XTASK_CA_BUNDLE"} \
        --tls-verify=false --tag localhost/plain backend
    buildah push --tls-verify=false localhost/plain "docker://$registry/plain:latest"
}

seconds image >/dev/null
seconds plain >/dev/null
unchanged=$(for _ in $(seq "$rounds"); do seconds image; echo; done | median)
# In turn, so that both sides have the same machine.
alone=() bare=() whole=()
for _ in $(seq "$rounds"); do
    change; alone+=("$(seconds plain)")
    change; bare+=("$(seconds image backend --no-smoke)")
    change; whole+=("$(seconds image backend)")
done
a=$(printf '%s\n' "${alone[@]}" | median)
if $as_lines; then
    figure "nothing changed, both images" xtask "$unchanged"
    figure "one file changed, not tried" xtask "$(printf '%s\n' "${bare[@]}" | median)"
    figure "one file changed, not tried" buildah "$a"
    figure "one file changed, tried" xtask "$(printf '%s\n' "${whole[@]}" | median)"
    figure "one file changed, tried" buildah "$a"
    exit
fi
echo "nothing changed, both components:      $unchanged s"
echo "one file changed, buildah alone:       $a s"
for side in bare whole; do
    declare -n times=$side
    b=$(printf '%s\n' "${times[@]}" | median)
    ratio=$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", b / a }')
    if [ "$side" = bare ]; then what="without a try:      "; else what="all of it:          "; fi
    echo "one file changed, $what $b s, $ratio times that"
done
grep -o '"event":"step-finished"[^}]*' target/xtask/events.jsonl | sed 's/.*"step":"\([^"]*\)".*"duration_ms":\([0-9.]*\).*/  \1 \2 ms/'
echo "layers of the backend upon its base:"
jq -r '.[] | select(.is_base | not) | "  \(.size) \(.made_by)"' target/xtask/images/backend.layers.json 2>/dev/null || cat target/xtask/images/backend.layers.json
