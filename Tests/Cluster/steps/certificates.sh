# shellcheck shell=bash
# The cluster's keys and certificates, and a kubeconfig for everyone who talks to the apiserver.

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# issue NAME SUBJECT ALTERNATIVE-NAMES
issue() {
    new_key "$PKI/$1.key"
    openssl req -new -key "$PKI/$1.key" -subj "$2" -out "$PKI/$1.csr"
    openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 365 \
        -out "$PKI/$1.crt" -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=clientAuth,serverAuth\n' "$3") \
        2>/dev/null
    rm "$PKI/$1.csr"
}

# kubeconfig NAME SERVER
kubeconfig() {
    cat >"$RUN/$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
current-context: homeostat-local
clusters:
- name: homeostat-local
  cluster:
    server: $2
    certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")
contexts:
- name: homeostat-local
  context: {cluster: homeostat-local, user: $1}
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 "$PKI/$1.crt")
    client-key-data: $(base64 -w0 "$PKI/$1.key")
YAML
}

certificates() {
    [[ ! -e $PKI/complete ]] || return 0
    say "making certificates"
    rm -rf "$PKI"
    (
        umask 077
        mkdir "$PKI"
        new_key "$PKI/ca.key"
        openssl req -x509 -new -key "$PKI/ca.key" -subj /CN=homeostat-local-ca -days 365 -out "$PKI/ca.crt"
        local names=DNS:localhost
        names+=,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
        issue apiserver /CN=kube-apiserver "$names,IP:127.0.0.1,IP:$LINK_HOST,IP:$KUBERNETES_IP"
        issue admin /O=system:masters/CN=admin DNS:admin
        issue controller-manager /CN=system:kube-controller-manager DNS:controller-manager
        issue scheduler /CN=system:kube-scheduler DNS:scheduler
        issue proxy /CN=system:kube-proxy DNS:proxy
        issue node1 /O=system:nodes/CN=system:node:node1 "DNS:node1,IP:$LINK_NODE"
        issue hollow /O=system:masters/CN=hollow-nodes DNS:hollow
        new_key "$PKI/service-accounts.key"
        openssl pkey -in "$PKI/service-accounts.key" -pubout -out "$PKI/service-accounts.pub"
        local user
        for user in admin controller-manager scheduler hollow; do kubeconfig "$user" "https://127.0.0.1:$PORT"; done
        for user in proxy node1; do kubeconfig "$user" "https://$LINK_HOST:$PORT"; done
        : >"$PKI/complete"
    )
}
