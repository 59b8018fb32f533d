#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# break_at.sh: --break-at stops a replay in a debugger, in the task that is about to perform a step, with the user's
# function on its stack. The line of the step is the report's. Without a debugger it says how to use one, and goes on.
. "$(dirname "$0")/../meta/cases.bash"
unset "${!WEIR_SIM_@}"
broken=
for program in "$BUILD"/book/*close-is-not-drain/broken; do broken=$program; done
[ -x "$broken" ] || { fail 'the program is there' 'build it first: make all'; finish; }

"$broken" --no-canary --report "$scratch/report" >/dev/null 2>&1
replay=$(sed -n "s/^replay: WEIR_SIM_REPLAY='\([^']*\)'.*/\1/p" "$scratch/report" | tail -n 1)
# the last operation of the table that begins where the program calls it
read -r step line <<<"$(awk '/^The schedule/ { table = 1 }
	table && $1 ~ /^[0-9]+$/ && $3 ~ /^broken\.c:[0-9]+$/ && !/\*\*|starts|woke/ { step = $1; line = $3 }
	END { print step, line }' "$scratch/report")"
nothing 'the report has a replay string and a line to stop at' \
	"$([ -n "$replay" ] && [ -n "${line:-}" ] || cat "$scratch/report")"

# -- without a debugger --

"$broken" --replay "$replay" --break-at "$step" >"$scratch/out" 2>"$scratch/err"
status=$?
nothing 'without a debugger: one line says how, and it fails as it does' "$(
	[ "$status" -eq 1 ] || echo "exit status $status"
	[ "$(grep -c '^weir sim: no debugger' "$scratch/err")" -eq 1 ] || cat "$scratch/err"
	grep -q "gdb --args $broken --replay STRING --break-at $step" "$scratch/err" || cat "$scratch/err"
	grep -qxF "$(head -n 1 "$scratch/report")" "$scratch/err" || echo 'another failure'
)"
"$broken" --break-at "$step" >"$scratch/out" 2>"$scratch/err"
status=$?
nothing 'without a replay it is refused' "$(
	[ "$status" -eq 2 ] || echo "exit status $status"
	grep -q 'wants a replay' "$scratch/err" || cat "$scratch/err"
)"

# -- in gdb --

in_gdb() { # step
	gdb -batch -nx -ex 'set debuginfod enabled off' -ex 'set disable-randomization off' -ex run -ex backtrace \
		-ex continue --args "$broken" --replay "$replay" --break-at "$1" </dev/null >"$scratch/gdb" 2>&1
}
if ! command -v gdb >/dev/null 2>&1; then
	skip 'in a debugger' 'gdb is not installed'
	finish
fi
if ! gdb -batch -nx -ex run --args true </dev/null 2>&1 | grep -q 'exited normally'; then
	skip 'in a debugger' 'gdb cannot run a program here'
	finish
fi
in_gdb "$step"
nothing "it stops at step $step, at $line, and goes on to the failure" "$(
	grep -q 'received signal SIGTRAP' "$scratch/gdb" || echo 'no SIGTRAP'
	grep -q "is about to perform step $step;" "$scratch/gdb" || echo 'another step'
	sed -n '/^#0/,/^[^# ]/p' "$scratch/gdb" | grep -qE "/${line/./\\.}\$| ${line/./\\.}\$" || cat "$scratch/gdb"
	grep -q 'exited with code 01' "$scratch/gdb" || echo 'it did not go on to its end'
	grep -qF "$(head -n 1 "$scratch/report")" "$scratch/gdb" || echo 'another failure'
)"
in_gdb 100000
nothing 'a step that does not come is said' "$(
	grep -q 'the schedule was over before step 100000' "$scratch/gdb" || cat "$scratch/gdb"
	if grep -q SIGTRAP "$scratch/gdb"; then echo 'it stopped'; fi
)"
finish
