#!/usr/bin/env bash
# Runs fanout as a step of a CI job: finds the baseline, names the folder of the results, and becomes fanout.
#
#   scripts/ci/run.sh SCENARIO [FLAG...]
#
# From the environment, all optional:
#   FANOUT            the program                                       [fanout]
#   FANOUT_OUT        where run.json, junit.xml and the others go       [fanout-results]
#   FANOUT_BASELINE   an earlier run, or a directory of runs, for `run`; skipped where it does not exist
#   FANOUT_COMMAND    run, or ab to compare two settings                [run]
#
# GITHUB_OUTPUT gets `results=FOLDER`; fanout itself appends to GITHUB_STEP_SUMMARY. The exit code is fanout's: 0 passed, 1 could not run,
# 2 bad usage or scenario, 3 a threshold failed, 4 measurement invalid, 130 interrupted. `exec` matters: a CI that cancels a job sends
# SIGINT and, seconds later, SIGTERM to this process. fanout writes what it has measured within 5 s of the first.
set -euo pipefail

if (($# == 0)); then
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
scenario=$1
shift
out=${FANOUT_OUT:-fanout-results}
command=${FANOUT_COMMAND:-run}
arguments=("$command" "$scenario" --out "$out")
if [[ -n ${FANOUT_BASELINE:-} ]]; then
    if [[ $command != run ]]; then
        printf '%s takes no baseline: %s is not used\n' "$command" "$FANOUT_BASELINE" >&2
    elif [[ -e $FANOUT_BASELINE ]]; then
        arguments+=(--baseline "$FANOUT_BASELINE")
    else
        printf 'no baseline at %s: thresholds that compare with one are skipped\n' "$FANOUT_BASELINE" >&2
    fi
fi
if [[ -n ${GITHUB_OUTPUT:-} ]]; then
    printf 'results=%s\n' "$out" >>"$GITHUB_OUTPUT"
fi
exec "${FANOUT:-fanout}" "${arguments[@]}" "$@"
