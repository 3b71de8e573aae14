# shellcheck shell=bash
# etcd, kube-apiserver, kube-controller-manager and kube-scheduler, all on loopback.

# api PATH: reads from the apiserver as the administrator.
api() {
    # shellcheck disable=SC2153  # set by the script that sources this file
    curl -sf --max-time 5 --cacert "$PKI/ca.crt" --cert "$PKI/admin.crt" --key "$PKI/admin.key" \
        "https://127.0.0.1:${PORT}$1"
}

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Before anything is touched: a port in use means that another cluster, or another program, is there.
check_ports() {
    local port
    is_running etcd || is_running apiserver || for port in "$PORT" "$ETCD_PORT" "$ETCD_PEER_PORT" "$MANAGER_PORT" \
        "$SCHEDULER_PORT"; do
        port_is_free "$port" || die "port $port of 127.0.0.1 is taken; set HOMEOSTAT_CLUSTER_PORT to another"
    done
}

control_plane() {
    local etcd=http://127.0.0.1:$ETCD_PORT peer=http://127.0.0.1:$ETCD_PEER_PORT
    certificates
    is_running apiserver || say "starting the control plane on https://127.0.0.1:$PORT"
    start etcd etcd --data-dir "$RUN/etcd" --log-level warn --unsafe-no-fsync --auto-compaction-retention 1h \
        --heartbeat-interval 20 --election-timeout 200 \
        --quota-backend-bytes 8589934592 --listen-client-urls "$etcd" --advertise-client-urls "$etcd" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"

    # One line per request once it is answered; watches also when they begin. Tests compare it with the RBAC rules.
    cat >"$RUN/audit-policy.yaml" <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
YAML
    start apiserver "$BIN/kube-apiserver" --etcd-servers "$etcd" --bind-address 127.0.0.1 --secure-port "$PORT" \
        --advertise-address "$LINK_HOST" --service-cluster-ip-range "$SERVICE_CIDR" \
        --tls-cert-file "$PKI/apiserver.crt" --tls-private-key-file "$PKI/apiserver.key" \
        --client-ca-file "$PKI/ca.crt" --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
        --service-account-issuer https://kubernetes.default.svc \
        --service-account-key-file "$PKI/service-accounts.pub" \
        --service-account-signing-key-file "$PKI/service-accounts.key" \
        --kubelet-preferred-address-types InternalIP --kubelet-certificate-authority "$PKI/ca.crt" \
        --kubelet-client-certificate "$PKI/admin.crt" --kubelet-client-key "$PKI/admin.key" --allow-privileged \
        --audit-policy-file "$RUN/audit-policy.yaml" --audit-log-path "$LOG/audit.log" --audit-log-maxsize 4000
    await apiserver 60 "kube-apiserver" api /readyz

    # No --allocate-node-cidrs: it begins with ten seconds of waiting, and the node's CNI has its addresses from us.
    start controller-manager "$BIN/kube-controller-manager" --kubeconfig "$RUN/controller-manager.kubeconfig" \
        --bind-address 127.0.0.1 --port 0 --secure-port "$MANAGER_PORT" --leader-elect=false \
        --kube-api-qps 100 --kube-api-burst 200 \
        --root-ca-file "$PKI/ca.crt" --use-service-account-credentials \
        --service-account-private-key-file "$PKI/service-accounts.key" \
        --cluster-signing-cert-file "$PKI/ca.crt" --cluster-signing-key-file "$PKI/ca.key"
    start scheduler "$BIN/kube-scheduler" --kubeconfig "$RUN/scheduler.kubeconfig" --leader-elect=false \
        --bind-address 127.0.0.1 --port 0 --secure-port "$SCHEDULER_PORT"
}

# Pods are admitted once their namespace has its service account.
await_control_plane() {
    await controller-manager 30 "the default service account" api /api/v1/namespaces/default/serviceaccounts/default
    await scheduler 30 "kube-scheduler" curl -skf --max-time 2 "https://127.0.0.1:$SCHEDULER_PORT/healthz"
}
