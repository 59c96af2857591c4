# shellcheck shell=bash
# Sourced by the launchers, without arguments.
#
# A first argument --dry-run is taken from the launcher's; `run COMMAND ...` then prints the
# command line, quoted for a shell, instead of running it. `fail TEXT` ends with status 2.

dry_run=false
if [ "${1:-}" = --dry-run ]; then
    dry_run=true
    shift
fi

line() {
    printf '%q ' "$@" | sed 's/ $//'
}

run() {
    if $dry_run; then
        line "$@"
        echo
    else
        "$@"
    fi
}

fail() {
    echo "$(basename "$0"): $1" >&2
    exit 2
}
