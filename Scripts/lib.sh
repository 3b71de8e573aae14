# shellcheck shell=bash
# What the project's scripts share. Source it after `set -euo pipefail`.

# The packages of Debian 12 that each job needs.
# shellcheck disable=SC2034  # read by the scripts that source this file
{
    BUILD_PACKAGES=(libcurl4-openssl-dev libssl-dev libyaml-dev libmicrohttpd-dev zlib1g-dev pkg-config)
    CLUSTER_PACKAGES=(
        etcd-server containerd runc containernetworking-plugins iptables conntrack ebtables ethtool socat iproute2
        util-linux procps openssl curl ca-certificates umoci
    )
    # The charts are rendered by a Go program on the libraries that helm itself uses, as Debian has them.
    CHART_PACKAGES=(
        golang-go golang-github-masterminds-sprig-dev golang-github-xeipuuv-gojsonschema-dev
        golang-github-gobwas-glob-dev golang-k8s-sigs-yaml-dev
    )
    EXIT_SKIPPED=77
}

SCRIPT_NAME=${0##*/}

# say TEXT...: tells on standard error what happens; standard output is for results.
say() { printf '%s: %s\n' "$SCRIPT_NAME" "$*" >&2; }

# die TEXT...: ends the script as failed.
die() {
    say "$*"
    exit 1
}

# skip TEXT...: ends the script as "cannot be done on this machine", which is not a failure.
skip() {
    say "skipped: $*"
    exit "$EXIT_SKIPPED"
}

# quietly LOG COMMAND...: runs a command with its output in a file, and shows that file's end when it fails.
quietly() {
    local log=$1 status=0
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >>"$log" 2>&1 || status=$?
    ((status == 0)) || tail -n 20 "$log" >&2
    return "$status"
}

# is_debian_12: whether the packages and sources the scripts rely on are this machine's own.
is_debian_12() { [[ -r /etc/os-release ]] && (. /etc/os-release && [[ ${ID:-} == debian && ${VERSION_ID:-} == 12 ]]); }

# require_cluster_host: skips unless this is root on Debian 12.
require_cluster_host() {
    is_debian_12 || skip "the local Kubernetes needs Debian 12; this is $(. /etc/os-release && echo "${PRETTY_NAME:-unknown}")"
    ((EUID == 0)) || skip "the local Kubernetes needs root; run the script with sudo"
}

# missing_packages NAME...: prints those that are not installed.
missing_packages() {
    local name
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || printf '%s\n' "$name"
    done
}

# install_packages NAME...: installs those that are missing from the machine's own package sources. No service starts.
install_packages() {
    command -v dpkg-query >/dev/null || die "cannot install $*: this is not a Debian system"
    local missing
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    ((EUID == 0)) || die "cannot install packages without root; run: sudo apt-get install ${missing[*]}"
    say "installing ${missing[*]}"
    (
        # Debian starts a service when its package is installed unless this file says no.
        policy=/usr/sbin/policy-rc.d
        if [[ ! -e $policy ]]; then
            trap 'rm -f "$policy"' EXIT
            printf '#!/bin/sh\nexit 101\n' >"$policy"
            chmod +x "$policy"
        fi
        log=$(mktemp)
        export DEBIAN_FRONTEND=noninteractive
        quietly "$log" apt-get -o DPkg::Lock::Timeout=600 update -qq &&
            quietly "$log" apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "${missing[@]}" ||
            exit 1
        rm -f "$log"
    ) || die "cannot install ${missing[*]}"
}

# install_client: kubectl, of Debian unless the machine has another.
install_client() { command -v kubectl >/dev/null || install_packages kubernetes-client; }

# install_prometheus: the program only; who needs one starts it with a configuration of its own.
install_prometheus() { command -v prometheus >/dev/null || install_packages prometheus; }

# install_python: Python with virtual environments.
install_python() { python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3 python3-venv; }

# until_ok SECONDS COMMAND...: repeats a command until it succeeds; fails when the time is over.
until_ok() {
    local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
    shift
    until "$@" >/dev/null 2>&1; do
        ((${EPOCHREALTIME/[.,]/} < deadline)) || return 1
        sleep 0.05
    done
}

# at_exit COMMAND: adds a command that runs when the script ends, in whatever way; the last added runs first.
AT_EXIT=()
at_exit() {
    AT_EXIT+=("$1")
    trap run_at_exit EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# The commands find the script's exit status in EXIT_STATUS.
run_at_exit() {
    EXIT_STATUS=$?
    local i
    trap '' INT TERM HUP # a second Ctrl-C does not leave things half taken down
    trap - EXIT
    for ((i = ${#AT_EXIT[@]} - 1; i >= 0; i--)); do eval "${AT_EXIT[i]}" || true; done
    exit "$EXIT_STATUS"
}

# stop_process PID [SECONDS]: asks a process to end, and ends it when it has not after that time (default 5).
stop_process() {
    kill "$1" 2>/dev/null || return 0
    until_ok "${2:-5}" process_is_gone "$1" || kill -KILL "$1" 2>/dev/null || true
}

# process_is_gone PID: true too for one that ended and waits for its parent.
process_is_gone() {
    local state
    state=$(awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null) || return 0
    [[ -z $state || $state == Z ]]
}

# start_prometheus CLUSTER-RUN CLUSTER-PORT FOLDER [INTERVAL [PORT]]: a Prometheus on loopback that scrapes the pods of
# a local cluster; it ends with the script. Sets PROMETHEUS to its address, PROMETHEUS_PID to its process, and
# DISCOVERY_PID to the one that tells it of the pods. Both are out of reach of the terminal's Ctrl-C, so that they end
# in the order of at_exit.
#
# Port 0, the default, takes a free one.
start_prometheus() {
    local run=$1 server=https://127.0.0.1:$2 folder=$3 interval=${4:-2s} port=${5:-0} parts
    parts=$(dirname "${BASH_SOURCE[0]}")/../Tests/Cluster
    install_prometheus
    install_python
    ((port != 0)) || port=$(free_port)
    mkdir -p "$folder"
    sed "s#@INTERVAL@#$interval#g; s#@FOLDER@#$folder#g" "$parts/prometheus.yaml" >"$folder/prometheus.yaml"
    setsid "$parts/discover-pods" "$server" "$run/pki" "$folder/targets.json" 2>"$folder/discover-pods.log" </dev/null &
    # shellcheck disable=SC2034  # read by the scripts that source this file
    DISCOVERY_PID=$!
    at_exit "stop_process $DISCOVERY_PID"
    setsid prometheus --config.file "$folder/prometheus.yaml" --storage.tsdb.path "$folder/data" \
        --web.listen-address "127.0.0.1:$port" --scrape.discovery-reload-interval 1s --log.level warn \
        >"$folder/prometheus.log" 2>&1 </dev/null &
    PROMETHEUS_PID=$!
    PROMETHEUS=http://127.0.0.1:$port
    at_exit "stop_process $PROMETHEUS_PID"
    wait_until 30 "Prometheus" curl -sf --max-time 2 "$PROMETHEUS/-/ready" || {
        tail -n 10 "$folder/prometheus.log" >&2
        die "Prometheus does not start; see $folder/prometheus.log"
    }
}

# prometheus_value QUERY: the first value of an instant query, or nothing.
prometheus_value() {
    curl -sf --max-time 5 --data-urlencode "query=$1" "$PROMETHEUS/api/v1/query" |
        sed -n 's/.*"value":\[[^,]*,"\([^"]*\)".*/\1/p'
}

# free_port: a port of 127.0.0.1 that nobody has now.
free_port() {
    local port
    for _ in {1..50}; do
        port=$((20000 + RANDOM % 10000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || {
            printf '%s' "$port"
            return
        }
    done
    die "no port of 127.0.0.1 is free"
}

# wait_until SECONDS WHAT COMMAND...: repeats a command until it succeeds, and says what it waits for.
wait_until() {
    local limit=$1 what=$2
    shift 2
    until_ok "$limit" "$@" && return
    say "waited $limit s in vain for $what"
    return 1
}

# seconds_since MICROSECONDS: time since a value of now_us, with one decimal.
now_us() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }
seconds_since() {
    local tenths=$((($(now_us) - $1) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# pack_image ROOT NAME OUT USER ENTRYPOINT...: makes an OCI archive of a folder, the same bytes for the same content.
#
# Times are fixed, names sorted, owners root: whoever packs the same files gets the same digest.
pack_image() {
    local root=$1 name=$2 out=$3 user=$4 layout word epoch=1970-01-01T00:00:00Z options=()
    shift 4
    for word in "$@"; do options+=(--config.entrypoint "$word"); done
    layout=$(mktemp -d)
    find "$root" -exec touch -h -d "$epoch" {} +
    mkdir -p "$(dirname "$out")"
    # umoci's tags hold neither "/" nor ":"; the full name, put in afterwards, is what a node looks an image up by.
    # shellcheck disable=SC2015  # whichever step fails, the layout goes
    umoci init --layout "$layout/image" &&
        umoci new --image "$layout/image:it" &&
        umoci insert --image "$layout/image:it" --history.created "$epoch" --history.created_by homeostat "$root" / &&
        umoci config --image "$layout/image:it" --no-history --created "$epoch" --config.user "$user" \
            "${options[@]}" &&
        umoci gc --layout "$layout/image" &&
        sed -i "s#\"\(org.opencontainers.image.ref.name\)\":\"it\"#\"\1\":\"$name\",\"io.containerd.image.name\":\"$name\"#" \
            "$layout/image/index.json" &&
        tar --sort=name --mtime="$epoch" --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX \
            -cf "$out.part" -C "$layout/image" . || {
        rm -rf "$layout"
        die "cannot pack \"$name\" from $root"
    }
    mv "$out.part" "$out"
    rm -rf "$layout"
}
