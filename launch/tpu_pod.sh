#!/usr/bin/env bash
# Trains on a Cloud TPU slice, from making it to deleting it; needs gcloud, logged in.
#
#   launch/tpu_pod.sh [--dry-run] create               make the slice now
#   launch/tpu_pod.sh [--dry-run] queue                ask for a preemptible one, to come when free
#   launch/tpu_pod.sh [--dry-run] status               how far the request is
#   launch/tpu_pod.sh [--dry-run] install              copy this repository to all workers and install it
#   launch/tpu_pod.sh [--dry-run] run [arguments ...]  python -m avae_jax.main --multihost on all workers
#   launch/tpu_pod.sh [--dry-run] collect FROM TO      copy FROM, as worker 0 sees it, to TO here
#   launch/tpu_pod.sh [--dry-run] delete               delete slice and request, without asking
#
#   NAME=avae ZONE=us-west4-a TYPE=v5litepod-16 launch/tpu_pod.sh create
#   NAME=avae ZONE=us-west4-a launch/tpu_pod.sh run --config mnist --workdir /shared/runs/mnist
#
# NAME and ZONE are wanted always, TYPE (the accelerator type) by create and queue; VERSION is
# the runtime version (default: v2-alpha-tpuv5-lite, that of v5e). The project is gcloud's own.
# --workdir must be on a disk that all workers share, such as a mounted Filestore. After a
# preemption: queue, install and run again; the same arguments go on from the last checkpoint.
set -euo pipefail
# shellcheck source=launch/run.sh
source "$(dirname "${BASH_SOURCE[0]}")/run.sh"

[ -n "${NAME:-}" ] || fail "NAME is not set, wanted the name of the slice"
[ -n "${ZONE:-}" ] || fail "ZONE is not set, wanted the zone of the slice"
version=${VERSION:-v2-alpha-tpuv5-lite}
vm=(gcloud compute tpus tpu-vm)
queued=(gcloud compute tpus queued-resources)
zone=(--zone "$ZONE")

require_type() {
    [ -n "${TYPE:-}" ] || fail "TYPE is not set, wanted an accelerator type such as v5litepod-16"
}

everywhere() {
    run "${vm[@]}" ssh "$NAME" "${zone[@]}" --worker=all --command "$1"
}

action=${1:-}
[ $# -eq 0 ] || shift
case $action in
    create)
        require_type
        run "${vm[@]}" create "$NAME" "${zone[@]}" --accelerator-type "$TYPE" --version "$version"
        ;;
    queue)
        require_type
        run "${queued[@]}" create "$NAME" "${zone[@]}" --node-id "$NAME" \
            --accelerator-type "$TYPE" --runtime-version "$version" --spot
        ;;
    status)
        run "${queued[@]}" describe "$NAME" "${zone[@]}"
        ;;
    install)
        top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
        archive=$(mktemp --suffix=.tar.gz)
        trap 'rm -f "$archive"' EXIT
        run git -C "$top" archive --format=tar.gz --output "$archive" HEAD
        run "${vm[@]}" scp "$archive" "$NAME:avae_jax.tar.gz" "${zone[@]}" --worker=all
        everywhere "mkdir -p avae_jax && tar -xzf avae_jax.tar.gz -C avae_jax && cd avae_jax \
&& python3 -m venv .venv && .venv/bin/pip install -q -e . 'jax[tpu]'"
        ;;
    run)
        everywhere "cd avae_jax && $(line .venv/bin/python -m avae_jax.main --platform tpu --multihost "$@")"
        ;;
    collect)
        [ $# -eq 2 ] || fail "collect: wanted FROM and TO, got $# arguments"
        run "${vm[@]}" scp --recurse "$NAME:$1" "$2" "${zone[@]}" --worker=0
        ;;
    delete)
        if $dry_run || "${queued[@]}" describe "$NAME" "${zone[@]}" >/dev/null 2>&1; then
            # --force deletes the slice with the request.
            run "${queued[@]}" delete "$NAME" "${zone[@]}" --force --quiet
        else
            run "${vm[@]}" delete "$NAME" "${zone[@]}" --quiet
        fi
        ;;
    *)
        fail "'$action': wanted create, queue, status, install, run, collect or delete"
        ;;
esac
