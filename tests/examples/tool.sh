#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tool.sh: the weir tool, and the options that every program of simulation tests has, by the example of cancel_test:
# what they select, what they refuse, and that a report can be written to a file and replayed.
. "$(dirname "$0")/../meta/cases.bash"
unset "${!WEIR_SIM_@}"
weir=$BUILD/weir tests=$BUILD/examples/cancel_test broken=
for program in "$BUILD"/book/*close-is-not-drain/broken; do broken=$program; done
for program in "$weir" "$tests" "$broken"; do
	[ -x "$program" ] || { fail 'the program is there' "$program cannot be run: build it first"; finish; }
done

# name, status, stdout (pattern), stderr (pattern), command: empty patterns stand for no output
runs() {
	local name=$1 status=$2 out=$3 err=$4 got
	shift 4
	"$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	got=$?
	nothing "$name" "$(
		[ "$got" -eq "$status" ] || echo "exit status $got instead of $status"
		if [ -n "$out" ]; then grep -qE -e "$out" "$scratch/out" || echo "no $out"; else cat "$scratch/out"; fi
		if [ -n "$err" ]; then grep -qE -e "$err" "$scratch/err" || echo "no $err"; else cat "$scratch/err"; fi
	)"
}

# -- the tool --

runs 'weir: says how it is used' 2 '' '^usage: weir COMMAND' "$weir"
runs 'weir --help' 0 '^usage: weir COMMAND' '' "$weir" --help
runs 'weir help' 0 '^  sim ' '' "$weir" help
runs 'weir --version' 0 '^weir [0-9]+\.[0-9]+\.[0-9]+$' '' "$weir" --version
runs 'weir fly: no such command' 2 '' '^weir: unknown command "fly"$' "$weir" fly
runs 'weir sim: says how it is used' 2 '' '^usage: weir sim list' "$weir" sim
runs 'weir sim --help' 0 '^usage: weir sim list' '' "$weir" sim --help
runs 'weir sim fly: no such command' 2 '' '^weir sim: unknown command "fly"$' "$weir" sim fly
runs 'weir sim replay: of what?' 2 '' 'wants one replay string' "$weir" sim replay
runs 'weir sim list' 0 '^[a-z_]+ +[^ ]' '' "$weir" sim list
"$weir" sim list | sed 's/ .*//' >"$scratch/names"
"$weir" sim run --list >"$scratch/listed"
nothing 'weir sim run --list has the same names' "$(diff "$scratch/names" "$scratch/listed")"
runs 'weir sim run: all of them' 0 "^$(wc -l <"$scratch/names") passed, 0 failed$" '' "$weir" sim run --schedules 20
runs 'weir sim run NAME: one' 0 '^1 passed, 0 failed$' '' "$weir" sim run --schedules 20 "$(tail -n 1 "$scratch/names")"
runs 'weir sim replay: of another program' 2 '' 'is no replay string of a test here' \
	"$weir" sim replay 's1.no_such_scenario.0000:-'
runs 'weir sim replay: no replay string' 2 '' '"nonsense" is no replay string' "$weir" sim replay nonsense

# -- the options of test programs --

runs '--help' 0 '--schedules N' '' "$tests" --help
runs '--list' 0 '^cancel_releases_a_blocked_sender$' '' "$tests" --list
runs 'an option that is none' 2 '' 'unknown option --fast' "$tests" --fast
runs 'a test that is none' 2 '' 'no such test; --list names them' "$tests" none
for option in seed schedules at-most steps wall max-steps jobs; do
	runs "--$option wants a number" 2 '' "--$option 1x: wants a number" "$tests" "--$option" 1x
	runs "--$option wants a value" 2 '' "--$option .nothing.: wants a value" "$tests" "--$option"
done
runs '--seed is not negative' 2 '' '--seed -1: wants a number' "$tests" --seed -1
runs 'a strategy that is none' 2 '' 'could not run: WEIR_EINVAL' "$tests" --strategy luck
runs 'from the environment' 2 '' '--schedules many: wants a number' env WEIR_SIM_SCHEDULES=many "$tests"
runs '--schedules' 0 'explored 17 schedules' '' "$tests" --schedules 17 --no-canary
runs '--schedules from the environment' 0 'explored 18 schedules' '' env WEIR_SIM_SCHEDULES=18 "$tests"
runs '--at-most' 0 'explored 16 schedules' '' "$tests" --schedules 17 --at-most 16 --no-canary
runs '--at-most is no more' 0 'explored 17 schedules' '' "$tests" --schedules 17 --at-most 18 --no-canary
runs '--at-most from the environment' 0 'explored 9 schedules' '' env WEIR_SIM_AT_MOST=9 "$tests"
runs '--strategy and --seed' 0 'all there are' '' "$tests" --strategy dfs --seed 3
runs '--wall' 0 '^1 passed' '' "$tests" --wall 100 --schedules 10
runs '--max-steps' 0 'ended by --max-steps' '' "$tests" --max-steps 500
progress='^[a-z_]+: [0-9]+ schedules, [0-9]+/s, [0-9]+ orders, [0-9]+ new per 1000, [0-9.]+ s$'
runs '--wall ends a search' 0 'ended by --wall' "$progress" \
	"$tests" --wall 1 --schedules 1000000000 --progress
runs '--wall ends processes' 0 'ended by --wall' '^[a-z_]+: [0-9]+ schedules, [0-9]+/s, [0-9]+ orders' \
	"$tests" --wall 1 --schedules 1000000000 --progress --jobs 2
runs '--strategy ipb' 0 'all there are' '' "$tests" --strategy ipb
runs '--strategy dfs0: the bound is told' 0 'with no preemption and no early timer was run' '' "$tests" --strategy dfs0
runs '--strategy dfs: how many there may be' 0 ', of about [0-9]' '' "$tests" --strategy dfs --schedules 2
runs '--jobs' 0 'all there are, .*2 processes' '' "$tests" --strategy dfs --jobs 2
runs '--jobs 65' 2 '' 'wants a number of 1 to 64' "$tests" --jobs 65
runs 'orders are counted' 0 ' [0-9]+ orders' '' "$tests"
runs '--no-count: they are not' 0 'steps$' '' "$tests" --no-count
runs '--pairs' 0 '^ +[a-z_]+\.c:[0-9]+ always before [a-z_]+\.c:[0-9]+: [0-9]+ times$' '' \
	"$weir" sim run --schedules 50 --pairs pipeline_normal_end
runs '--all-pairs' 0 ' always before ' '' "$weir" sim run --schedules 50 --all-pairs pipeline_normal_end
runs '--need-sometimes: where there are none' 0 '^1 passed' '' "$tests" --need-sometimes
runs '--from: of another test' 2 '' 'is no replay string of a test here' "$tests" --from s1.other.0000:-
runs '--from: malformed' 2 '' 'could not run: WEIR_EINVAL' "$tests" --from s1.cancel_releases_a_blocked_sender.0000:-@x
runs '--from' 0 'all there are' '' "$tests" --strategy dfs --from s1.cancel_releases_a_blocked_sender.0000:-@3
runs 'what a pass does not say' 0 '^not explored: orders that only weak memory allows .*beyond the budget' '' "$tests"
runs '--steps' 1 '^0 passed, 1 failed$' 'step limit' "$tests" --steps 3

# -- a report, and its replay --

runs '--report' 1 '^0 passed, 1 failed$' '^FAIL ' "$broken" --report "$scratch/report"
replay=$(sed -n "s/^replay: WEIR_SIM_REPLAY='\([^']*\)'.*/\1/p" "$scratch/report" | tail -n 1)
nothing 'the file says how to replay it' "$([ -n "$replay" ] || cat "$scratch/report")"
first=$(head -n 1 "$scratch/report")
runs '--replay: it fails in the same way' 1 '^0 passed, 1 failed$' '^FAIL ' "$broken" --replay "$replay"
nothing '--replay: with the same first line' "$(grep -qxF "$first" "$scratch/err" || cat "$scratch/err")"
runs 'WEIR_SIM_REPLAY: likewise' 1 '^0 passed, 1 failed$' '^FAIL ' env WEIR_SIM_REPLAY="$replay" "$broken"
runs '--report: where nothing can be written' 1 '^0 passed, 1 failed$' 'cannot write the report to /nowhere/report' \
	"$broken" --report /nowhere/report

finish
