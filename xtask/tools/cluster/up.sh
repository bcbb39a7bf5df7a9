#!/usr/bin/env bash
# up.sh FOLDER PROGRAMS IMAGES: a Kubernetes of one node, for as long as standard input is open.
#
# FOLDER is made and removed. On standard output comes `ready NUMBER` once pods can run, or `failed: …`; then, for each line
# on standard input, one answer (node.sh says which). Standard input is a pipe that the tests hold: when their process ends,
# however it ends, the pipe closes and everything goes. While it comes up it does not look at the pipe: that takes seconds,
# and has an end by itself.
#
# Everything runs in namespaces of its own for processes, mounts and network. Ending the first process of the namespace ends
# all others; mounts, links and addresses go with the last of them. Only cgroups have no such end: they are removed here.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
programs=$2 images=$3
mkdir -m 700 "$1" # It holds the keys of the cluster.
folder=$(realpath "$1")

# An interrupted terminal is for whoever holds the pipe; whether the node goes is said by the pipe alone. (A trap that does
# nothing, not one that ignores: pods would inherit that and be deaf to SIGTERM.)
trap : INT HUP TERM

mkfifo "$folder/born" "$folder/number"
exec 3<&0

# The signal at the parent's death ends the node also where this script is killed, and `--kill-child` passes it on. In a
# session of its own the node does not hear a terminal either.
setpriv --pdeathsig KILL setsid unshare --pid --mount --net --fork --kill-child=KILL --mount-proc \
    bash "$here/node.sh" "$folder" "$programs" "$images" <&3 &
node=$!

# Everything that two nodes could fight about has a number in its name or address. It is ours while this script holds the
# lock, so until everything of that number has been removed. The link may still be there of a node whose script was killed.
number=""
if read -r -t 20 _ <>"$folder/born"; then
    for candidate in $(seq 0 99); do
        exec {lock}>"/run/xtask-node$candidate.lock"
        if flock --nonblock "$lock" &&
            ip link add "xtask-node$candidate" type veth peer name node0 netns "$node" 2>>"$folder/network.log"; then
            number=$candidate
            break
        fi
        exec {lock}>&-
    done
fi

name="xtask-node$number"
remove_cgroups() {
    local hierarchy
    for hierarchy in /sys/fs/cgroup/*/; do
        # A process that was just killed may still be counted for a moment.
        for _ in $(seq 100); do
            [ -d "$hierarchy$name" ] || break
            find "$hierarchy$name" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05
        done
    done
}

if [ -n "$number" ]; then
    remove_cgroups # of a node whose up.sh was killed
    outside="10.77.$number.254" inside="10.77.$number.1"
    ip addr add "$outside/24" dev "$name"
    ip link set "$name" up
    # Pods and Services answer this machine, and nothing else: inside there is no route that leads further.
    ip route add "10.244.$number.0/24" via "$inside"
    ip route add "10.96.$number.0/24" via "$inside"
    echo "$number" 1<>"$folder/number" # The node holds it open; `<>` does not wait for a node that has died.
else
    echo "no network for the node: $(tail -n 1 "$folder/network.log" 2>/dev/null)" >&2
    kill -KILL "$node"
fi

while true; do # A signal ends `wait`, too.
    code=0
    wait "$node" || code=$?
    kill -0 "$node" 2>/dev/null || break
done
if [ "$code" -ne 0 ]; then tail -n 3 "$folder"/log/* | cut -c 1-300 >&2 || true; fi # A node that came up ends with 0.
if [ -n "$number" ]; then
    ip link del "$name" 2>/dev/null || true # It may be gone already.
    remove_cgroups
fi
rm -rf --one-file-system "$folder"
exit "$code"
