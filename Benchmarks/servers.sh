# shellcheck shell=bash
# An etcd and a kube-apiserver of the benchmarks' own, on loopback. Source it after Scripts/lib.sh; it sets RUN, a new
# folder for everything, and `end` ends all that was started and removes it.

# shellcheck disable=SC2034  # read by the steps
{
    BIN=${HOMEOSTAT_CACHE:-$HOME/.cache/homeostat}/kubernetes-1.20.2/bin
    PORT=${HOMEOSTAT_BENCH_PORT:-17443}
    RUN=$(mktemp -d)
    PKI=$RUN/pki
    LOG=$RUN/log
}
for step in certificates control-plane processes; do
    # shellcheck disable=SC1090
    source "$ROOT/Tests/Cluster/steps/$step.sh"
done

# stop NAME: ends one that `start` started.
stop() {
    [[ ! -f $RUN/$1.pid ]] || stop_process "$(<"$RUN/$1.pid")"
    rm -f "$RUN/$1.pid"
}

end() {
    local name
    for name in embedded apiserver etcd; do stop "$name"; done
    rm -rf "$RUN"
}

install_servers() {
    command -v etcd >/dev/null || install_packages etcd-server
    [[ -x $BIN/kube-apiserver ]] || "$ROOT/Tests/Cluster/cluster" build
}

# serve [ETCD-ARGUMENTS...]: no controller manager, scheduler or audit log beside them: nothing but what is measured
# should ask for anything.
serve() {
    local etcd=http://127.0.0.1:$((PORT + 1)) peer=http://127.0.0.1:$((PORT + 2)) port
    for port in "$PORT" $((PORT + 1)) $((PORT + 2)); do
        port_is_free "$port" || die "port $port of 127.0.0.1 is taken; set HOMEOSTAT_BENCH_PORT to another"
    done
    mkdir -p "$PKI" "$LOG"
    new_key "$PKI/ca.key"
    openssl req -x509 -new -key "$PKI/ca.key" -subj /CN=homeostat-bench-ca -days 30 -out "$PKI/ca.crt"
    issue apiserver /CN=kube-apiserver DNS:localhost,IP:127.0.0.1
    issue admin /O=system:masters/CN=admin DNS:admin
    new_key "$PKI/service-accounts.key"
    openssl pkey -in "$PKI/service-accounts.key" -pubout -out "$PKI/service-accounts.pub"
    kubeconfig admin "https://127.0.0.1:$PORT"
    printf '%s\n' "https://127.0.0.1:$PORT" >"$RUN/server"

    start etcd etcd --data-dir "$RUN/etcd" --log-level warn "$@" --quota-backend-bytes 8589934592 \
        --listen-client-urls "$etcd" --advertise-client-urls "$etcd" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
    start apiserver "$BIN/kube-apiserver" --etcd-servers "$etcd" --bind-address 127.0.0.1 --secure-port "$PORT" \
        --advertise-address 127.0.0.1 --endpoint-reconciler-type none --service-cluster-ip-range 10.96.0.0/16 \
        --tls-cert-file "$PKI/apiserver.crt" --tls-private-key-file "$PKI/apiserver.key" \
        --client-ca-file "$PKI/ca.crt" --authorization-mode Node,RBAC \
        --service-account-issuer https://kubernetes.default.svc \
        --service-account-key-file "$PKI/service-accounts.pub" \
        --service-account-signing-key-file "$PKI/service-accounts.key"
    await apiserver 60 "kube-apiserver" api /readyz
}
