#!/usr/bin/env bash
# Runs an experiment of docs/project/results.md on this machine, or collects what was measured.
#
#   launch/experiment.sh [--dry-run] NAME [--size small|full] [--seed N] [--runs DIR]
#   launch/experiment.sh table1 --size full --seed 0
#   launch/experiment.sh collect
#
# NAME is table1, affine, settling, clock, capacity, volumes, basin, baselines, shift or collect; its
# config is configs/experiments/NAME.py. A second start goes on where the first was interrupted.
# AVAE_DATA names the folder of mnist/ and modelnet10/; PYTHON the interpreter (default: python).
set -euo pipefail
# shellcheck source=launch/run.sh
source "$(dirname "${BASH_SOURCE[0]}")/run.sh"

[ $# -gt 0 ] || fail "no experiment named, wanted table1, affine, ... or collect"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
run exec "${PYTHON:-python}" -m benchmarks.experiments "$@"
