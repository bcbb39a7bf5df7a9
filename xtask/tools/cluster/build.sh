#!/usr/bin/env bash
# Builds what the test cluster runs and prints the folder it is in; what was built before is only found again.
#
# The folder lies outside of the checkout, because a cold build takes minutes: the programs of Kubernetes under a key of their
# sources, flags and compiler, so that a change makes another folder and nothing is ever stale. Two builds at once take turns.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

# The tag of Kubernetes that the programs say they are. go.mod names the same one, and holds what is linked.
version=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' kubernetes/go.mod)

find_go() {
    command -v go || { [ -x /usr/local/go/bin/go ] && echo /usr/local/go/bin/go; }
}
if ! go=$(find_go); then
    echo "the test cluster is built with Go 1.24 or newer, and \`go\` is neither on the PATH nor in /usr/local/go" >&2
    exit 4
fi

cache="${XDG_CACHE_HOME:-$HOME/.cache}/xtask/cluster"
digest() { cat "$@" | sha256sum | cut -c 1-16; }
programs="$cache/kubernetes-$version-$( (cat build.sh kubernetes/*; "$go" version) | digest -)"
images="$cache/images-$( (cat build.sh image.sh application/*.go application/*/*.go application/go.mod; "$go" version) | digest -)"

# `--where` only looks: it prints the folder if it is there, and ends with 1 otherwise.
if [ "${1:-}" = --where ]; then
    [ -e "$programs/complete" ] && [ -e "$images/complete" ] || exit 1
    echo "$programs"; echo "$images"
    exit
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

build_programs() {
    local bin="$programs/bin" module=k8s.io/component-base/version minor
    minor=$(cut -d . -f 2 <<<"$version")
    rm -rf "$programs"; mkdir -p "$bin"
    echo "building Kubernetes $version into $programs: some minutes, once" >&2
    (cd kubernetes && "$go" build -trimpath -buildvcs=false -o "$bin/kubernetes" -ldflags "-s -w \
        -X $module.gitVersion=$version -X $module.gitMajor=1 -X $module.gitMinor=$minor -X $module.gitTreeState=clean" .)
    local name
    for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl; do
        ln -s kubernetes "$bin/$name"
    done
    touch "$programs/complete"
}

build_images() {
    local scratch
    rm -rf "$images"; mkdir -p "$images"
    scratch=$(mktemp -d)
    (cd application && CGO_ENABLED=0 "$go" build -trimpath -buildvcs=false -ldflags "-s -w" -o "$scratch/" . ./pause)
    ./image.sh xtask.test/pause:1 "$scratch/pause" "$images/pause.tar"
    ./image.sh xtask.test/application:1 "$scratch/application" "$images/application.tar"
    rm -r "$scratch"
    touch "$images/complete"
}

[ -e "$programs/complete" ] || build_programs
[ -e "$images/complete" ] || build_images
echo "$programs"; echo "$images"
