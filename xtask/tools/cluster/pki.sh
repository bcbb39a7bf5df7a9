# The certificates and kubeconfigs of a node, written to $folder/pki and $folder/kubeconfigs. Sourced by node.sh.
#
# Every identity is a certificate of one authority, as kubeadm makes them; the organisation is the group of Kubernetes' RBAC.
# They hold for a week: longer than any run, too short to be of use to anybody.

pki="$folder/pki" kubeconfigs="$folder/kubeconfigs"

# certificate NAME SUBJECT USAGE [ALTERNATIVE-NAMES]
certificate() {
    local alternative=()
    if [ -n "${4:-}" ]; then alternative=(-addext "subjectAltName=$4"); fi
    openssl req -config "$pki/openssl.conf" -x509 -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -days 7 -newkey ec \
        -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -addext "extendedKeyUsage=$3" "${alternative[@]}" \
        -addext keyUsage=critical,digitalSignature -keyout "$pki/$1.key" -out "$pki/$1.crt" 2>"$pki/$1.log"
}

# kubeconfig NAME: the certificate of that name in a file of its own, which can be read from any folder.
kubeconfig() {
    local encoded=(base64 -w 0)
    cat >"$kubeconfigs/$1" <<YAML
apiVersion: v1
kind: Config
current-context: $name
contexts: [{name: $name, context: {cluster: $name, user: $1}}]
clusters:
- name: $name
  cluster: {server: "https://$inside:6443", certificate-authority-data: $("${encoded[@]}" "$pki/ca.crt")}
users:
- name: $1
  user:
    client-certificate-data: $("${encoded[@]}" "$pki/$1.crt")
    client-key-data: $("${encoded[@]}" "$pki/$1.key")
YAML
}

make_pki() {
    mkdir -p "$pki" "$kubeconfigs"
    printf '[req]\ndistinguished_name = name\n[name]\n' >"$pki/openssl.conf"
    openssl req -config "$pki/openssl.conf" -x509 -days 7 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -subj "/CN=$name" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,digitalSignature \
        -keyout "$pki/ca.key" -out "$pki/ca.crt" 2>"$pki/ca.log"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$pki/service-accounts.key"
    openssl pkey -in "$pki/service-accounts.key" -pubout -out "$pki/service-accounts.pub"
    local service=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:localhost
    certificate apiserver /CN=kube-apiserver serverAuth "$service,IP:127.0.0.1,IP:$inside,IP:$first_service"
    certificate kubelet-server "/CN=$name" serverAuth "DNS:$name,IP:$inside"
    certificate apiserver-to-kubelet /O=apiserver-to-kubelet/CN=apiserver-to-kubelet clientAuth
    certificate admin /O=system:masters/CN=admin clientAuth
    certificate kubelet "/O=system:nodes/CN=system:node:$name" clientAuth
    certificate controller-manager /CN=system:kube-controller-manager clientAuth
    certificate scheduler /CN=system:kube-scheduler clientAuth
    certificate proxy /CN=system:kube-proxy clientAuth
    local user
    for user in admin kubelet controller-manager scheduler proxy; do kubeconfig "$user"; done
}
