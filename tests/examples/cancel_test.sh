#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# cancel_test.sh: the simulation test of README.md passes, in every schedule there is, and fails for the right reason
# when what it tests is taken away: without the cancel, with another time, and with an end that is not closed.
. "$(dirname "$0")/../meta/cases.bash"
program=$BUILD/examples/cancel_test
[ -x "$program" ] || { fail 'the program is there' "$program cannot be run: build it first"; finish; }
unset "${!WEIR_SIM_@}"
test=cancel_releases_a_blocked_sender

nothing 'it names its test' "$("$program" --list | diff - <(echo "$test"))"

# name, arguments: passes, with one test
passes() {
	local name=$1 out status
	shift
	out=$("$program" "$@" 2>&1)
	status=$?
	nothing "$name" "$([ "$status" -eq 0 ] && grep -q '^1 passed, 0 failed' <<<"$out" ||
		printf 'exit status %d\n%s\n' "$status" "$out")"
}
passes 'it passes'
passes 'and with another seed' --seed 7
passes 'and in every schedule there is' --strategy dfs
something 'which are all there are' "$("$program" --strategy dfs | grep -F ', all there are')"

# name, sed script that breaks the test, pattern of the report
broken() {
	local out status
	sed "$2" examples/cancel_test.c >"$scratch/broken.c"
	if cmp -s examples/cancel_test.c "$scratch/broken.c"; then
		fail "$1" "nothing was changed by: $2"
		return
	fi
	out=$("$CC" -std=c17 -g -Iinclude "$scratch/broken.c" "$BUILD/libweir-sim.a" "$BUILD/libweir.a" -pthread -ldl \
		-o "$scratch/broken" 2>&1) || { fail "$1" "$out"; return; }
	out=$("$scratch/broken" 2>&1)
	status=$?
	nothing "$1" "$([ "$status" -eq 1 ] && grep -qE "^FAIL $test: $3" <<<"$out" ||
		printf 'exit status %d\n%s\n' "$status" "$out")"
}
broken 'without the cancel it is a deadlock' '/weir_scope_cancel/d' 'deadlock.* T0 main, T1 sender'
broken 'a time that is not exact is told' 's/, WEIR_MS(5)); \/\* exact/, WEIR_MS(6)); \/* exact/' \
	'assertion.*5000000 is not 6000000'
broken 'an end that is not closed is a leak' '/num_rx_close(&rx)/d' 'leak'

finish
