#!/usr/bin/env bash
# Tries launch/slurm.sh on a real Slurm of one node, this machine, made for the purpose.
#
#   apt-get install --no-install-recommends slurm-wlm munge     (Debian, as root)
#   launch/single_node_slurm.sh [--dry-run] WORKDIR [arguments of python -m avae_jax.main ...]
#   launch/single_node_slurm.sh runs/slurm --config digits --config.train.steps=100
#
# To be run as root, where no other Slurm runs. Starts munged, slurmctld and slurmd with a
# configuration in a new directory, submits a job of two tasks, sends it SIGTERM once it has
# trained for a little, sees it go back into the queue and end well, stops everything, and
# leaves the log of the job in WORKDIR/slurm.log. --dry-run prints the configuration.
#
# PYTHON names the interpreter (default: python).
set -euo pipefail
# shellcheck source=launch/run.sh
source "$(dirname "${BASH_SOURCE[0]}")/run.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
workdir=${1:-}
[ -n "$workdir" ] || fail "wanted a work directory"
shift
dir=$(mktemp -d)
node=$(hostname -s)
export SLURM_CONF=$dir/slurm.conf

configuration() {
    cat <<END
ClusterName=single
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued job waits for as long as its credential is valid.
AuthInfo=socket=$dir/munge.socket,cred_expire=10
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$node Default=YES State=UP
END
}

if $dry_run; then
    rmdir "$dir"
    configuration
    exit
fi

for program in munged slurmctld slurmd sbatch; do
    command -v "$program" >/dev/null || fail "$program is not installed, wanted slurm-wlm and munge"
done
[ "$(id -u)" = 0 ] || fail "wanted to be run as root"

daemons=()
stop() {
    # The tasks would outlive the daemons.
    if [ -n "${job:-}" ] && ! has_ended; then scancel --signal=KILL --full "$job" && sleep 2; fi
    kill "${daemons[@]}" 2>/dev/null || true
    wait
    rm -rf "$dir"
}
trap stop EXIT

# How the job stands, in Slurm's own word.
state() {
    scontrol show job "$job" | sed -n 's/.*JobState=\([A-Z]*\).*/\1/p'
}

# Returns once COMMAND succeeds; ends after so many seconds.
await() {
    local seconds=$1
    shift
    until "$@"; do
        sleep 1
        seconds=$((seconds - 1))
        if [ "$seconds" = 0 ]; then
            tail -n 20 "$dir"/*.log "$log" >&2 || true
            echo "$(basename "$0"): waited in vain for: $*" >&2
            exit 1
        fi
    done
}

is_up() { sinfo --noheader --format=%T 2>/dev/null | grep -q idle; }
has_trained() { [ -s "$workdir/metrics.jsonl" ]; }
is_back() { grep -q "preempted, saved after step" "$log" && [ "$(state)" != COMPLETING ]; }
has_ended() { [[ "$(state)" =~ ^(COMPLETED|FAILED|CANCELLED|TIMEOUT)$ ]]; }

mkdir -p "$dir/state" "$dir/spool" "$workdir"
log=$(cd "$workdir" && pwd)/slurm.log
: >"$log"
head -c 1024 /dev/urandom >"$dir/munge.key"
chmod 700 "$dir" && chmod 400 "$dir/munge.key"
configuration >"$SLURM_CONF"
munged --foreground --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" \
    --pid-file="$dir/munged.pid" --log-file="$dir/munged.log" --seed-file="$dir/munged.seed" \
    >/dev/null 2>&1 &
daemons+=($!)
await 20 test -S "$dir/munge.socket"
slurmctld -D >/dev/null 2>&1 &
daemons+=($!)
slurmd -D -N "$node" >/dev/null 2>&1 &
daemons+=($!)
await 60 is_up

submitted=$("$here/slurm.sh" --ntasks=2 --cpus-per-task=1 --output="$log" -- \
    --platform cpu --workdir "$workdir" "$@")
job=${submitted##* }
echo "job $job: two tasks on $node"
await 600 has_trained
scancel --signal=TERM "$job"
await 120 is_back
echo "job $job: told to end, saved, $(state) again"
await 900 has_ended
echo "job $job: $(state)"
tail -n 3 "$log"
[ "$(state)" = COMPLETED ]
