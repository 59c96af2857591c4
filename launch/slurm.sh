#!/usr/bin/env bash
# Submits a training job to Slurm.
#
#   launch/slurm.sh [--dry-run] [options of sbatch ...] -- [arguments of python -m avae_jax.main ...]
#   launch/slurm.sh --nodes=4 --ntasks-per-node=8 --gpus-per-node=8 --time=4:00:00 -- \
#       --config mnist --workdir /shared/runs/mnist
#
# One task for each GPU (JAX gives a task one), or one for each node without GPUs; JAX learns
# from Slurm how many there are and where. --workdir must be on a disk that all nodes share.
# Two minutes before the time limit, and when Slurm preempts the job, training saves and ends
# with status 143; the job then goes back into the queue and later continues from there.
#
# PYTHON names the interpreter on the nodes (default: python).
set -euo pipefail
# shellcheck source=launch/run.sh
source "$(dirname "${BASH_SOURCE[0]}")/run.sh"

options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
done
[ $# -gt 0 ] || fail "wanted -- between the options of sbatch and the arguments of training"
shift

step=$(line srun --kill-on-bad-exit=1 "${PYTHON:-python}" -m avae_jax.main --multihost "$@")
script="status=0
$step || status=\$?
if [ \"\$status\" = 143 ]; then scontrol requeue \"\$SLURM_JOB_ID\"; fi
exit \"\$status\""
run exec sbatch --job-name=avae_jax --requeue --open-mode=append --signal=TERM@120 \
    ${options[@]+"${options[@]}"} --wrap "$script"
