# shellcheck shell=bash
# The cluster's processes: each has a pid file in the run folder and carries the folder's name in its environment,
# so that a stale pid file never points at somebody else's process.

is_ours() { tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | grep -qxF "HOMEOSTAT_CLUSTER_OWNER=$RUN"; }

is_running() { [[ -f $RUN/$1.pid ]] && is_ours "$(<"$RUN/$1.pid")"; }

# start NAME COMMAND...: starts a process in the background unless it runs; its output goes to the log folder.
start() {
    local name=$1
    shift
    is_running "$name" && return
    # The lock's descriptor stays here, or the processes would hold the lock for ever.
    HOMEOSTAT_CLUSTER_OWNER=$RUN setsid "$@" >>"$LOG/$name.log" 2>&1 </dev/null 9>&- &
    echo $! >"$RUN/$name.pid"
    # Between fork and exec it still has this script's environment, and would look like somebody else's.
    until_ok 5 has_begun "$!" || true
}

has_begun() { is_ours "$1" || process_is_gone "$1"; }

# await NAME SECONDS WHAT COMMAND...: waits for a sign of life; says what the process said when it does not come.
await() {
    local name=$1 limit=$2 what=$3
    shift 3
    until_ok "$limit" ended_or "$name" "$@" && is_running "$name" && return
    say "the last lines of $LOG/$name.log:"
    tail -n 15 "$LOG/$name.log" >&2
    is_running "$name" || die "$name ended while waiting for $what"
    die "$what took more than $limit s"
}

ended_or() {
    local name=$1
    shift
    ! is_running "$name" || "$@"
}

# Everything is thrown away afterwards, so nothing needs time to say good-bye.
stop_processes() {
    local file pid pids=()
    for file in "$RUN"/*.pid; do
        [[ -f $file ]] || continue
        pid=$(<"$file")
        is_ours "$pid" && pids+=("$pid")
    done
    ((${#pids[@]})) || return 0
    kill -KILL "${pids[@]}" 2>/dev/null || true
    for pid in "${pids[@]}"; do until_ok 10 process_is_gone "$pid" || die "process $pid does not end"; done
}

status() {
    local file name bad=0
    [[ -d $RUN ]] || die "nothing runs in $RUN"
    for file in "$RUN"/*.pid; do
        [[ -f $file ]] || continue
        name=$(basename "$file" .pid)
        if is_running "$name"; then
            printf '%-20s running, process %s\n' "$name" "$(<"$file")"
        else
            printf '%-20s ended, see %s\n' "$name" "$LOG/$name.log"
            bad=1
        fi
    done
    if api /readyz >/dev/null; then
        printf '%-20s ready on https://127.0.0.1:%s, kubeconfig %s\n' api "$PORT" "$RUN/admin.kubeconfig"
    else
        printf '%-20s not ready\n' api
        bad=1
    fi
    return "$bad"
}
