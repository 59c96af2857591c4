#!/usr/bin/env bash
# Trains on this machine, on all of its GPUs, all of its TPU chips, or else its CPU.
#
#   launch/local.sh [--dry-run] [arguments of python -m avae_jax.main ...]
#   launch/local.sh --config mnist --workdir runs/mnist
#
# PYTHON names the interpreter (default: python).
set -euo pipefail
# shellcheck source=launch/run.sh
source "$(dirname "${BASH_SOURCE[0]}")/run.sh"

run exec "${PYTHON:-python}" -m avae_jax.main "$@"
