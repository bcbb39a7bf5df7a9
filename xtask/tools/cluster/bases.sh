#!/usr/bin/env bash
# bases.sh REGISTRY: pushes what the images of this repository are built upon to a registry on this machine, and prints both
# references with their digests: Python's first, then Node's.
#
# For machines that reach no registry of public images: Debian by debootstrap, with its own Python, and with the Node that is
# installed here. They are made once, and kept in buildah's storage under a key of this file and of Node's version. Needs root,
# buildah, debootstrap, node and npm.
set -euo pipefail
registry=$1
here=$(readlink -f "$0")
suite=bookworm

for program in buildah debootstrap node npm; do
    command -v "$program" >/dev/null || { echo "not installed: $program" >&2; exit 4; }
done
key=$( (cat "$here"; node --version) | sha256sum | cut -c 1-16)

cache="${XDG_CACHE_HOME:-$HOME/.cache}/xtask/cluster"
mkdir -p "$cache/packages"
exec 9>"$cache/bases.lock"
flock 9

scratch=""
remove() { [ -z "$scratch" ] || rm -rf --one-file-system "$scratch"; }
trap remove EXIT

# make NAME PACKAGES: a Debian with these packages, prepared by the function NAME.
make() {
    local image="localhost/xtask.test/$1:$key" container
    if buildah inspect --type image "$image" >/dev/null 2>&1; then return; fi
    scratch=$(mktemp -d)
    echo "building a base with $1: a minute or two, once" >&2
    debootstrap --variant=minbase ${2:+--include="$2"} --cache-dir="$cache/packages" "$suite" "$scratch/root" >"$scratch/log" 2>&1 ||
        { tail -n 5 "$scratch/log" >&2; exit 1; }
    rm -rf "$scratch"/root/var/cache/apt/archives/*.deb "$scratch"/root/var/lib/apt/lists/*
    "$1" "$scratch/root"
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$scratch/root" / >/dev/null
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit --quiet --rm --timestamp 946684800 "$container" "$image" >/dev/null
    remove
    scratch=""
}

python() { ln -sf python3 "$1/usr/bin/python"; }

node_of_this_machine() {
    local npm
    npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
    install -D "$(readlink -f "$(command -v node)")" "$1/usr/local/bin/node"
    mkdir -p "$1/usr/local/lib/node_modules"
    cp -r "$npm" "$1/usr/local/lib/node_modules/npm"
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
}

make python python3,python3-venv >&2
make node_of_this_machine "" >&2

# push NAME: the reference with its digest.
push() {
    local digest
    digest=$(mktemp)
    buildah push --quiet --tls-verify=false --digestfile "$digest" "localhost/xtask.test/$1:$key" \
        "docker://$registry/base/$1:$key" >&2
    echo "$registry/base/$1@$(cat "$digest")"
    rm "$digest"
}
push python
push node_of_this_machine
