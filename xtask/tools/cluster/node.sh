#!/usr/bin/env bash
# The node itself: the first process of its namespaces. Started by up.sh; ends, and with it everything, when standard input ends.
#
# Once pods can run it says `ready NUMBER`. Then it answers each line of standard input by one line, `done` or `failed: …`:
#   stop PROGRAM      kill it, as a crash would: etcd, kube-apiserver, kubelet, …
#   start PROGRAM     start it again with what it had on disk
#   import ARCHIVE    give containerd the images of an archive (of OCI or of `docker save`)
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
folder=$1 programs=$2 images=$3

exec 4<>"$folder/number"
echo >"$folder/born"
read -r -t 20 number <&4
exec 4<&-
name="xtask-node$number"
inside="10.77.$number.1"
pods="10.244.$number.0/24"
services="10.96.$number.0/24" first_service="10.96.$number.1"

. "$here/pki.sh"
. "$here/files.sh"
. "$here/programs.sh"

fail() {
    echo "failed: $*"
    exit 1
}

# until_ok SECONDS COMMAND…: repeats it until it succeeds.
until_ok() {
    local end=$((SECONDS + $1)) dead
    shift
    until "$@" >/dev/null 2>>"$folder/log/node"; do
        if dead=$(ended); then fail "$dead has ended: $(tail -n 1 "$folder/log/$dead")"; fi
        if [ "$SECONDS" -ge "$end" ]; then fail "\`$*\` did not succeed: $(tail -n 1 "$folder/log/node")"; fi
        sleep 0.1
    done
}

prepare_mounts() {
    # Mounts that a kubelet makes must be seen by containerd and by containers that share them.
    mount --make-rshared /
    mount -t tmpfs none /run
    mkdir -p "$folder/log" "$folder/lib" "$folder/pods-log" "$folder/sysctl"
    # What programs of the node write outside of the folders they are given belongs to the node all the same.
    mount --bind "$folder/lib" /var/lib
    mount --bind "$folder/pods-log" /var/log
    # A kubelet wants other values in the kernel than a workstation has. It finds them here and leaves the kernel alone.
    local setting
    for setting in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1 vm/panic_on_oom=0 \
        kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
        local file="/proc/sys/${setting%=*}" copy="$folder/sysctl/${setting//\//.}"
        [ -e "$file" ] || continue
        echo "${setting#*=}" >"$copy"
        mount --bind "$copy" "$file"
    done
}

prepare_network() {
    ip link set lo up
    ip addr add "$inside/24" dev node0
    ip link set node0 up
    # Where a Service leads is decided after the kernel has found some way for the packet.
    ip route add "$services" dev node0
    echo 1 >/proc/sys/net/ipv4/ip_forward
}

# One cgroup in each hierarchy, below which the kubelet makes those of pods.
prepare_cgroups() {
    local hierarchy file
    for hierarchy in /sys/fs/cgroup/*/; do
        mkdir -p "$hierarchy$name" 2>/dev/null || continue # A hierarchy may be mounted read-only.
        for file in cpuset.cpus cpuset.mems; do
            if [ -e "$hierarchy$file" ]; then cat "$hierarchy$file" >"$hierarchy$name/$file"; fi
        done
    done
}

import() {
    ctr --namespace k8s.io images import "$1" >/dev/null
}

PATH="$programs/bin:$PATH"
export KUBECACHEDIR="$folder/kubectl" KUBECONFIG="$kubeconfigs/admin"

prepare_mounts
prepare_network
prepare_cgroups
make_pki
write_files

start etcd
start containerd
start docker-registry
start kube-apiserver
until_ok 30 ctr version
for archive in "$images"/*.tar; do import "$archive" || fail "could not import $archive"; done
until_ok 60 kubectl get --raw /readyz
until_ok 10 kubectl apply -f "$etc/roles.yaml"
for program in kube-controller-manager kube-scheduler kubelet kube-proxy; do start "$program"; done
until_ok 60 kubectl wait --for=condition=Ready --timeout=1s "node/$name"
until_ok 30 kubectl get serviceaccount default
until_ok 30 kubectl get configmap kube-root-ca.crt
echo "ready $number"

while read -r verb argument; do
    problem=""
    case $verb in
        start | stop) "$verb" "$argument" || true ;; # They set `problem`.
        import) import "$argument" 2>"$folder/log/import" || problem=$(tail -n 1 "$folder/log/import") ;;
        *) problem="no command is called $verb" ;;
    esac
    if [ -n "$problem" ]; then echo "failed: $problem"; else echo "done"; fi
done
