#!/usr/bin/env bash
# Trains with N pods on Kubernetes, as a JobSet (its controller must be installed).
#
#   launch/kubernetes.sh [--dry-run] N [arguments of python -m avae_jax.main ...]
#   IMAGE=registry/avae_jax CLAIM=shared RESOURCE=nvidia.com/gpu=8 \
#       launch/kubernetes.sh 4 --config mnist --workdir /runs/mnist
#
# IMAGE holds Python with avae_jax installed. CLAIM is a persistent volume claim that many pods
# may write to, mounted at /runs, where --workdir must be. RESOURCE=NAME=COUNT is what each pod
# asks for. NAME names the JobSet (default: avae-jax). A pod that is evicted saves and ends;
# whenever one fails all start again, up to RESTARTS times (default: 100), and go on from the
# last checkpoint. --dry-run prints the manifest and the command that it is given to.
set -euo pipefail
# shellcheck source=launch/run.sh
source "$(dirname "${BASH_SOURCE[0]}")/run.sh"

[[ "${1:-}" =~ ^[1-9][0-9]*$ ]] || fail "wanted the number of pods, got '${1:-}'"
[ -n "${IMAGE:-}" ] || fail "IMAGE is not set, wanted a container image with avae_jax"
[ -n "${CLAIM:-}" ] || fail "CLAIM is not set, wanted a persistent volume claim for /runs"
count=$1
name=${NAME:-avae-jax}
shift

# Text as a JSON string, which YAML reads alike.
quoted() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\n'/\\n}
    printf '"%s"' "${text//$'\t'/\\t}"
}

# Kubernetes replaces $(NAME) in arguments; $$ keeps a $ as it is.
arguments() {
    local text
    for text in "$@"; do
        printf ', %s' "$(quoted "${text//\$/\$\$}")"
    done
}

limits=
if [ -n "${RESOURCE:-}" ]; then
    [[ "$RESOURCE" == *=* ]] || fail "RESOURCE=$RESOURCE: wanted NAME=COUNT"
    limits="
              resources:
                limits: {$(quoted "${RESOURCE%=*}"): $(quoted "${RESOURCE##*=}")}"
fi

manifest="apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
metadata:
  name: $(quoted "$name")
spec:
  network:
    enableDNSHostnames: true
  failurePolicy:
    maxRestarts: ${RESTARTS:-100}
  replicatedJobs:
  - name: workers
    replicas: 1
    template:
      spec:
        parallelism: $count
        completions: $count
        completionMode: Indexed
        backoffLimit: 0
        template:
          spec:
            restartPolicy: Never
            terminationGracePeriodSeconds: 120
            containers:
            - name: avae-jax
              image: $(quoted "$IMAGE")
              env:
              - name: PROCESS
                valueFrom:
                  fieldRef:
                    fieldPath: metadata.annotations['batch.kubernetes.io/job-completion-index']
              command: [\"python\", \"-m\", \"avae_jax.main\", \"--multihost\", \
\"--coordinator\", $(quoted "$name-workers-0-0.$name:12421"), \
\"--processes\", \"$count\", \"--process\", \"\$(PROCESS)\"$(arguments "$@")]$limits
              volumeMounts:
              - {name: runs, mountPath: /runs}
            volumes:
            - name: runs
              persistentVolumeClaim: {claimName: $(quoted "$CLAIM")}"

if $dry_run; then
    echo "$manifest"
    run kubectl apply -f -
else
    kubectl apply -f - <<<"$manifest"
fi
