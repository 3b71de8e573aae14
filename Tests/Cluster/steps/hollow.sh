# shellcheck shell=bash
# Hollow nodes: kubelets without containers, for many pods on a small machine.

hollow() {
    local wanted=$1 i
    [[ $wanted =~ ^[0-9]+$ ]] || die "hollow takes the number of nodes, not \"$wanted\""
    say "starting hollow nodes up to $wanted"
    for ((i = 1; i <= wanted; i++)); do
        start "hollow-$i" "$BIN/kubemark" --morph kubelet --name "hollow-$i" --kubeconfig "$RUN/hollow.kubeconfig" \
            --node-labels "homeostat.dev/hollow=true" \
            --kubelet-port $((PORT + 1000 + 2 * i)) --kubelet-read-only-port $((PORT + 1001 + 2 * i))
    done
    for ((i = 1; i <= wanted; i++)); do
        await "hollow-$i" 60 "node hollow-$i" node_is_ready "hollow-$i"
    done
}
