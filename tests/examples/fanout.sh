#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# fanout.sh: the fan-out on real threads. Latencies here are nothing or an hour, so that which answer is first is no
# question of speed, and a replica that was not stopped would be noticed.
. "$(dirname "$0")/../meta/cases.bash"
program=$BUILD/examples/fanout
[ -x "$program" ] || { fail 'the program is there' "$program cannot be run: build it first"; finish; }
hour=3600000

# name, status, wanted stdout (pattern of the whole), wanted stderr (pattern), arguments
asks() {
	local name=$1 status=$2 out=$3 err=$4 got
	shift 4
	"$program" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	got=$?
	nothing "$name" "$(
		[ "$got" -eq "$status" ] || echo "exit status $got instead of $status"
		[[ $(<"$scratch/out") =~ ^$out$ ]] || cat "$scratch/out"
		[[ $(<"$scratch/err") =~ ^$err$ ]] || cat "$scratch/err"
	)"
}

stopped='ms: stopped \(user: another replica was first\)'
expired='ms: stopped \(parent: deadline passed\)'
nl=$'\n'

asks 'the quick one wins, the others are stopped at once' 0 \
	"replica 0, $hour $stopped${nl}replica 1, 0 ms: won${nl}replica 2, $hour $stopped${nl}"\
"1 won, 0 late, 0 failed, 2 stopped${nl}hello from the one that took 0 ms" '' $hour $hour 0 $hour
asks 'a failure is passed over' 0 \
	"replica 0, -1 ms: failed${nl}replica 1, 30 ms: won${nl}replica 2, $hour $stopped${nl}"\
"1 won, 0 late, 1 failed, 1 stopped${nl}hello from the one that took 30 ms" '' $hour -1 30 $hour
asks 'the limit ends it' 1 \
	"replica 0, $hour $expired${nl}replica 1, $hour $expired${nl}0 won, 0 late, 0 failed, 2 stopped" \
	'weir: WEIR_ETIMEOUT: no answer within the limit' 5 $hour $hour
asks 'all have failed: nobody waits for the limit' 1 \
	"replica 0, -1 ms: failed${nl}replica 1, -2 ms: failed${nl}0 won, 0 late, 2 failed, 0 stopped" \
	'weir: user error -10001: none of 2 replicas has an answer' $hour -1 -2
for run in 1 2 3; do
	asks "run $run: of answers in the same instant one wins, the others are late or stopped" 0 \
		".*1 won, [0-9] late, 0 failed, [0-9] stopped${nl}hello from the one that took 0 ms" '' \
		$hour 0 0 0 0 0 0
	nothing "run $run: and all are accounted for" "$(awk '/ won, / && $1 + $3 + $5 + $7 != 6' "$scratch/out")"
done

usage='usage: fanout LIMIT LATENCY\.\.\. .*'
asks 'no arguments' 2 '' "$usage"
asks 'no replica' 2 '' "$usage" 10
asks 'a limit that is no number' 2 '' "$usage" soon 1
asks 'a limit below 0' 2 '' "$usage" -1 1
asks 'a latency that is no number' 2 '' "$usage" 10 1x
asks 'a latency of more than an hour' 2 '' "$usage" 10 $((hour + 1))
# shellcheck disable=SC2046
asks 'too many replicas' 2 '' "$usage" 10 $(seq 65)

finish
