# The configuration files of the node's programs, written to $folder/etc. Sourced by node.sh.

etc="$folder/etc"

write_files() {
    mkdir -p "$etc/cni" "$etc/registry/_default"

    # `restrict_oom_score_adj`: without CAP_SYS_RESOURCE, as in a container, runc must not lower the score, or no pod starts.
    cat >"$etc/containerd.toml" <<TOML
version = 2
root = "$folder/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "xtask.test/pause:1"
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "$etc/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "$etc/registry"
TOML

    # Whatever the registry of an image is called, the node's own is asked for it: nothing else can be reached from here. So
    # `ghcr.io/owner/name@sha256:…` runs as it is written, once it was pushed to the node's registry as `owner/name`.
    cat >"$etc/registry/_default/hosts.toml" <<TOML
server = "http://127.0.0.1:5000"
[host."http://127.0.0.1:5000"]
capabilities = ["pull", "resolve"]
TOML
    cat >"$etc/registry.yaml" <<YAML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $folder/registry}, delete: {enabled: true}}
http: {addr: "0.0.0.0:5000", secret: test}
YAML

    cat >"$etc/cni/10-ptp.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "$name", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {
    "type": "host-local", "subnet": "$pods", "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "/run/cni"}}]}
JSON

    : >"$etc/resolv.conf" # There are no names to resolve and nobody to ask.
    # Images are never collected: the machine's disk may well be fuller than the 85 % at which a kubelet begins to.
    cat >"$etc/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$name
failCgroupV1: false
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
evictionHard: {memory.available: 50Mi, nodefs.available: "1%", imagefs.available: "1%"}
imageGCHighThresholdPercent: 100
makeIPTablesUtilChains: false
maxPods: 250
resolvConf: $etc/resolv.conf
serializeImagePulls: false
shutdownGracePeriod: 0s
tlsCertFile: $pki/kubelet-server.crt
tlsPrivateKeyFile: $pki/kubelet-server.key
YAML

    # What kubeadm binds too: the API server reads logs and reaches pods through the kubelet; kube-proxy reads Services.
    cat >"$etc/roles.yaml" <<YAML
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: apiserver-to-kubelet}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:kubelet-api-admin"}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: apiserver-to-kubelet}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: proxy}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:node-proxier"}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: "system:kube-proxy"}]
YAML
}
