# shellcheck shell=bash
# One node with real pods: containerd, kubelet and kube-proxy in namespaces of their own.

# in_node COMMAND...: runs a command where the node lives.
in_node() { nsenter --target "$(<"$RUN/node-init")" --mount --net --pid -- "$@"; }

# What does not need the apiserver: namespaces, network and containerd, started while the control plane comes up.
prepare_node() {
    if ! is_running node || [[ ! -f $RUN/node/complete ]]; then make_namespaces; fi
    mkdir -p "$RUN/containerd" "$RUN/cni"
    cat >"$RUN/cni/10-bridge.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "pods", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "subnet": "$NODE_CIDR", "dataDir": "/var/lib/cni/addresses",
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
JSON
    # restrict_oom_score_adj: root of a container or a small virtual machine may not be allowed to lower the score.
    cat >"$RUN/containerd/config.toml" <<TOML
version = 2
root = "$RUN/containerd/root"
state = "/run/containerd"
[grpc]
  address = "$CONTAINERD"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$RUN/cni"
TOML
    start containerd nsenter --target "$(<"$RUN/node-init")" --mount --net --pid -- \
        containerd --config "$RUN/containerd/config.toml"
}

make_namespaces() {
    say "making the node's namespaces, with addresses in $NET.0.0/16"
    check_addresses
    modprobe -qa overlay br_netfilter veth 2>/dev/null || true # a kernel without modules has them, or has not
    ! is_running node || stop_processes # one that did not come to its end last time
    # The first process adopts and reaps what its children leave behind, like a pod's. When it ends, the kernel ends
    # all others, unmounts what they mounted, and takes bridges, links and iptables rules with them.
    start node unshare --mount --net --pid --fork --kill-child --mount-proc "$BIN/pause"
    until_ok 5 node_init || die "cannot make namespaces; see $LOG/node.log"

    local mounts=$RUN/node/var
    mkdir -p "$mounts/new" "$mounts/work"
    in_node mount -t tmpfs tmpfs /run
    in_node mount -t overlay -o "lowerdir=/var,upperdir=$mounts/new,workdir=$mounts/work" overlay /var
    in_node mkdir -p /run/netns /run/lock

    ip link del "$LINK" 2>/dev/null || true
    ip link add "$LINK" type veth peer name uplink netns "$(<"$RUN/node-init")"
    ip addr add "$LINK_HOST/30" dev "$LINK"
    ip link set "$LINK" up
    in_node sh -e <<SH
ip link set lo up
ip addr add $LINK_NODE/30 dev uplink
ip link set uplink up
# A service's address needs a route before kube-proxy's rules see the packet; what they leave over is refused.
ip link add services type bridge
ip link set services up
ip route add $SERVICE_CIDR dev services
iptables -A FORWARD -o services -j REJECT --reject-with icmp-net-unreachable
iptables -A OUTPUT -o services -j REJECT --reject-with icmp-net-unreachable
sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
SH
    ip route add "$POD_CIDR" via "$LINK_NODE" dev "$LINK"
    ip route add "$SERVICE_CIDR" via "$LINK_NODE" dev "$LINK"
    # From the link to the apiserver, which listens on loopback.
    sysctl -qw "net.ipv4.conf.$LINK.route_localnet=1"
    apiserver_rule -D 2>/dev/null || true
    apiserver_rule -A
    : >"$RUN/node/complete"
}

node_init() { pgrep --parent "$(<"$RUN/node.pid")" | head -n 1 >"$RUN/node-init" && [[ -s $RUN/node-init ]]; }

check_addresses() {
    local route
    route=$(ip -4 route show | awk -v net="^${NET//./\\.}\\." -v link="$LINK" '$1 ~ net && $0 !~ "dev " link')
    [[ -z $route ]] || die "addresses in $NET.0.0/16 are in use ($route); set HOMEOSTAT_CLUSTER_NET to others"
}

# apiserver_rule -A|-D: the only rule outside the node's namespaces.
apiserver_rule() {
    iptables -w -t nat "$1" PREROUTING -i "$LINK" -d "$LINK_HOST" -p tcp --dport "$PORT" \
        -j DNAT --to-destination "127.0.0.1:$PORT"
}

load_images() {
    local file
    (($#)) || die "load takes the archives to load"
    [[ -S $CONTAINERD ]] || die "the cluster has no node; start one with: $0 up"
    for file in "$@"; do
        [[ -r $file ]] || die "cannot load \"$file\": there is no such file"
        in_node ctr -a "$CONTAINERD" -n k8s.io images import - <"$file" >>"$LOG/images.log" 2>&1 ||
            die "cannot load \"$file\"; see $LOG/images.log"
    done
}

# The kubelet finds its cgroups below one of the cluster's own, in whichever hierarchy the machine has.
make_cgroups() {
    local root=/sys/fs/cgroup hierarchy controller file
    if [[ -f $root/cgroup.controllers ]]; then
        for controller in $(<"$root/cgroup.controllers"); do
            printf '+%s' "$controller" >"$root/cgroup.subtree_control" 2>/dev/null || true
        done
        mkdir -p "$root/$CGROUP"
        return
    fi
    for hierarchy in "$root"/*/; do [[ -L ${hierarchy%/} ]] || mkdir -p "$hierarchy$CGROUP"; done
    # A new cpuset is empty, and no process fits into it.
    for file in cpuset.cpus cpuset.mems; do
        [[ ! -f $root/cpuset/$file ]] || cat "$root/cpuset/$file" >"$root/cpuset/$CGROUP/$file"
    done
}

node() {
    is_running kubelet || say "starting the node"
    await containerd 20 containerd in_node ctr -a "$CONTAINERD" version
    load_images "$CACHE/pause.tar"
    make_cgroups
    mkdir -p "$RUN/kubelet"
    : >"$RUN/resolv.conf"
    cat >"$RUN/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: false}
  x509: {clientCAFile: $PKI/ca.crt}
authorization: {mode: AlwaysAllow}
address: $LINK_NODE
healthzBindAddress: 127.0.0.1
tlsCertFile: $PKI/node1.crt
tlsPrivateKeyFile: $PKI/node1.key
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [$NET.128.10]
resolvConf: $RUN/resolv.conf
volumePluginDir: $RUN/kubelet/volume-plugins
maxPods: 250
serializeImagePulls: false
nodeStatusUpdateFrequency: 2s
# Of the five requests a second that it has by default, the states of many pods that start at once would wait for seconds.
kubeAPIQPS: 50
kubeAPIBurst: 100
eventRecordQPS: 50
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%}
YAML
    local nsenter=(nsenter --target "$(<"$RUN/node-init")" --mount --net --pid --)
    start kubelet "${nsenter[@]}" "$BIN/kubelet" --config "$RUN/kubelet.yaml" --kubeconfig "$RUN/node1.kubeconfig" \
        --hostname-override node1 --node-ip "$LINK_NODE" --root-dir "$RUN/kubelet" --cert-dir "$PKI" \
        --container-runtime remote --container-runtime-endpoint "unix://$CONTAINERD"
    start proxy "${nsenter[@]}" "$BIN/kube-proxy" --kubeconfig "$RUN/proxy.kubeconfig" --hostname-override node1 \
        --proxy-mode iptables --cluster-cidr "$POD_CIDR" --conntrack-max-per-core 0 \
        --conntrack-tcp-timeout-established 0 --conntrack-tcp-timeout-close-wait 0 \
        --metrics-bind-address 127.0.0.1:10249 --healthz-bind-address 127.0.0.1:10256
}

await_node() {
    await kubelet 60 "the node" node_is_ready node1
    await proxy 30 "kube-proxy" in_node curl -sf --max-time 2 http://127.0.0.1:10256/healthz
}

# node_is_ready NAME
node_is_ready() { api "/api/v1/nodes/$1" | tr -d ' \n' | grep -q '"type":"Ready","status":"True"'; }

# What is left once the node's first process has ended.
remove_node() {
    local leftover
    [[ -d $RUN/node ]] || return 0
    while apiserver_rule -D 2>/dev/null; do :; done
    ip link del "$LINK" 2>/dev/null || true
    until_ok 10 remove_cgroups || say "cannot remove the control groups named $CGROUP below /sys/fs/cgroup"
    leftover=$(awk -v run="$RUN/" 'index($5, run) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
    [[ -z $leftover ]] || xargs -r -n 1 umount -l <<<"$leftover"
}

remove_cgroups() {
    find /sys/fs/cgroup -depth -type d -path "*/$CGROUP*" -exec rmdir {} + 2>/dev/null
    [[ -z $(find /sys/fs/cgroup -maxdepth 2 -type d -name "$CGROUP") ]]
}
