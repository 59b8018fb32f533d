#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# stack_test.sh: the linearizability test of a user's own stack passes, and with the lock let go in the middle of a pop
# it fails as it says: the history in columns, the pop that no order explains, what the model would have given, and a
# replay line that shows it again.
. "$(dirname "$0")/../meta/cases.bash"
program=$BUILD/examples/stack_test
[ -x "$program" ] || { fail 'the program is there' "$program cannot be run: build it first"; finish; }
unset "${!WEIR_SIM_@}"
test=the_stack_is_linearizable

out=$("$program" 2>&1)
nothing 'it passes' "$([ $? -eq 0 ] && grep -q '^1 passed, 0 failed' <<<"$out" || echo "$out")"

"$CC" -std=c17 -g -DBROKEN -Iinclude examples/stack_test.c "$BUILD/libweir-sim.a" "$BUILD/libweir.a" -pthread -ldl \
	-o "$scratch/broken" 2>"$scratch/errors"
nothing 'the broken one builds' "$(cat "$scratch/errors")"
out=$("$scratch/broken" 2>&1)
status=$?
nothing 'and is found' "$([ "$status" -eq 1 ] || echo "exit status $status: $out")"

# pattern: the report has it
shows() {
	nothing "the report shows: $1" "$(grep -qE -- "$1" <<<"$out" || echo "$out")"
}
shows "^FAIL $test: linearizability at step [0-9]+: no order of 9 operations explains"
shows '^  No order of the operations explains (pop\(\)|push\([0-9]+\)) -> [0-9]+ of T[1-3] user \(bounded stack\)\.'
shows ' step  T1 user +T2 user'
shows ' <-- fits nowhere$'
shows '^  Everything before it is explained'
shows '^  What the model would have given:'
shows '^      [0-9]+, with [0-9]+ on the stack'

replay=$(sed -n "s/^replay: WEIR_SIM_REPLAY='\([^']*\)'.*/\1/p" <<<"$out" | head -n 1)
again=$(WEIR_SIM_REPLAY=$replay "$scratch/broken" "$test" 2>&1)
nothing 'the replay fails alike' "$(
	[ -n "$replay" ] || echo 'no replay line'
	diff <(grep '^FAIL' <<<"$out") <(grep '^FAIL' <<<"$again")
)"

finish
