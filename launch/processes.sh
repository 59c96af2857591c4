#!/usr/bin/env bash
# Trains with N processes on this machine that work together as those of N hosts do.
#
#   launch/processes.sh [--dry-run] N [arguments of python -m avae_jax.main ...]
#   launch/processes.sh 2 --config digits --workdir runs/digits
#
# For trying out what a cluster will do; on CPUs unless --platform says otherwise. One
# process drives all GPUs of a machine: to use them, launch/local.sh is enough. SIGTERM and
# SIGINT reach all processes as SIGTERM, at which they save and end. The exit status is that
# of the first process, in their order, that failed.
#
# PYTHON names the interpreter (default: python), PORT where process 0 listens (default: 12421).
set -euo pipefail
# shellcheck source=launch/run.sh
source "$(dirname "${BASH_SOURCE[0]}")/run.sh"

[[ "${1:-}" =~ ^[1-9][0-9]*$ ]] || fail "wanted the number of processes, got '${1:-}'"
count=$1
shift

command=("${PYTHON:-python}" -m avae_jax.main --platform cpu --multihost
    --coordinator "localhost:${PORT:-12421}" --processes "$count")
pids=()

ended() {
    local status=0
    wait "$1" || status=$?
    # A signal to this script ends the waiting before the process.
    while kill -0 "$1" 2>/dev/null; do
        status=0
        wait "$1" || status=$?
    done
    return "$status"
}

trap 'kill -TERM "${pids[@]}" 2>/dev/null || true' INT TERM
for ((k = 0; k < count; k++)); do
    if $dry_run; then
        run "${command[@]}" --process "$k" "$@"
    else
        "${command[@]}" --process "$k" "$@" &
        pids+=($!)
    fi
done

status=0
for pid in ${pids[@]+"${pids[@]}"}; do
    code=0
    ended "$pid" || code=$?
    [ "$status" != 0 ] || status=$code
done
exit "$status"
