# The programs of the node and how they are called. Sourced by node.sh.

# command_of PROGRAM: sets `command` to its command line.
command_of() {
    local etcd=http://127.0.0.1:2379
    case $1 in
        etcd)
            # Nothing of a test cluster survives the machine, so nothing has to be on the disk before it is answered.
            command=(etcd --data-dir "$folder/etcd" --unsafe-no-fsync --log-level warn --listen-client-urls "$etcd"
                --advertise-client-urls "$etcd" --listen-peer-urls http://127.0.0.1:2380) ;;
        containerd)
            command=(containerd --config "$etc/containerd.toml" --log-level warn) ;;
        docker-registry)
            command=(docker-registry serve "$etc/registry.yaml") ;;
        kube-apiserver)
            command=(kube-apiserver --etcd-servers "$etcd" --advertise-address "$inside" --secure-port 6443
                --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged
                --client-ca-file "$pki/ca.crt"
                --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key"
                --service-account-issuer https://kubernetes.default.svc
                --service-account-key-file "$pki/service-accounts.pub"
                --service-account-signing-key-file "$pki/service-accounts.key"
                --service-cluster-ip-range "$services"
                --kubelet-client-certificate "$pki/apiserver-to-kubelet.crt"
                --kubelet-client-key "$pki/apiserver-to-kubelet.key"
                --kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP) ;;
        kube-controller-manager)
            # Alone, it need not elect a leader; with its default of 20 requests a second it takes 4 s longer to be ready.
            command=(kube-controller-manager --kubeconfig "$kubeconfigs/controller-manager" --leader-elect=false
                --use-service-account-credentials --root-ca-file "$pki/ca.crt"
                --service-account-private-key-file "$pki/service-accounts.key"
                --kube-api-qps 500 --kube-api-burst 1000 --flex-volume-plugin-dir "$folder/flex-volumes") ;;
        kube-scheduler)
            command=(kube-scheduler --kubeconfig "$kubeconfigs/scheduler" --leader-elect=false) ;;
        kubelet)
            command=(kubelet --config "$etc/kubelet.yaml" --kubeconfig "$kubeconfigs/kubelet" --hostname-override "$name"
                --node-ip "$inside" --root-dir "$folder/kubelet" --cert-dir "$folder/kubelet-pki") ;;
        kube-proxy)
            # The limits of connection tracking belong to the machine, not to this namespace.
            command=(kube-proxy --kubeconfig "$kubeconfigs/proxy" --hostname-override "$name" --proxy-mode nftables
                --cluster-cidr "$pods" --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0
                --conntrack-tcp-timeout-close-wait 0) ;;
        *) return 1 ;;
    esac
}

# The process of each program that runs.
declare -A process

start() {
    local command
    command_of "$1" || { problem="no program is called $1"; return 1; }
    if [ -n "${process[$1]:-}" ]; then problem="$1 runs already"; return 1; fi
    "${command[@]}" </dev/null >>"$folder/log/$1" 2>&1 &
    process[$1]=$!
}

stop() {
    if [ -z "${process[$1]:-}" ]; then problem="$1 does not run"; return 1; fi
    kill -KILL "${process[$1]}" 2>/dev/null || true # It may have ended by itself.
    wait "${process[$1]}" 2>/dev/null || true # It was killed; that is its exit code.
    unset "process[$1]"
}

# The first program that was started and has ended by itself; succeeds if there is one.
ended() {
    local name
    for name in "${!process[@]}"; do
        kill -0 "${process[$name]}" 2>/dev/null || { echo "$name"; return 0; }
    done
    return 1
}
