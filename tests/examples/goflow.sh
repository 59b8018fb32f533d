#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# goflow.sh: the two samples of the small Go pipeline on real threads: every job has one result of the right kind, a
# cancelled run ends by itself, and the numbers that they print add up.
. "$(dirname "$0")/../meta/cases.bash"
basic=$BUILD/examples/goflow_basic cancel=$BUILD/examples/goflow_cancel
for program in "$basic" "$cancel"; do
	[ -x "$program" ] || { fail 'the program is there' "$program cannot be run: build it first"; finish; }
done

# -- basic --

# what is printed, in the order of the ids, and the sums
awk -v n=12 'BEGIN {
	for (i = 1; i < n; i++) {
		if (i % 5) { print "job " i ": " i * i; good++; continue }
		print "job " i ": failed (user error -10001: " i " is a multiple of five)"
		failed++
	}
	print "job " n ": canceled (deadline)"
	print "received " n " = succeeded " good " + failed " failed " + canceled 1, emitted " n
}' >"$scratch/wanted"
different() { diff "$scratch/wanted" <(sort -t ' ' -k 1,1 -k 2,2n); }

for run in 1 2 3 4 5; do
	"$basic" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
	nothing "run $run: a result for each job, of the right kind" "$(
		[ "$status" -eq 0 ] || echo "exit status $status"
		cat "$scratch/err"
		different <"$scratch/out"
	)"
done
something 'sees a result that is missing' "$(sed 7d "$scratch/out" | different)"

# -- cancel --

# stdin: what goflow_cancel printed; what is wrong with it
wrong() {
	awk '
		/^producer: / { producer = $2 }
		/^sent / { sent = $2; if ($2 != $5 + $8) print "not all that was sent is accounted for: " $0 }
		/ = succeeded / { if ($2 != $5 + $8 + $11) print "not every job has an outcome: " $0 }
		/ = emitted / {
			sub(",", "", $8)
			if ($2 != $5 + $8) print "not every outcome is accounted for: " $0
			if ($5 != $10 || $5 != 3) print "not the three results that were emitted: " $0
		}
		END {
			if (NR != 4) print NR " lines"
			if (producer != "WEIR_EPIPE") print "the producer was released by: " producer
			if (sent < 3) print "three results of " sent + 0 " jobs"
		}'
}
for run in 1 2 3 4 5; do
	"$cancel" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
	nothing "run $run: the endless run ends, and no job has vanished" "$(
		[ "$status" -eq 0 ] || echo "exit status $status"
		cat "$scratch/err"
		wrong <"$scratch/out"
	)"
done
for field in 2 5 8; do
	something "sees a number that is one too high (field $field)" "$(
		awk -v f=$field '/ = emitted / { $f += 1 } { print }' "$scratch/out" | wrong)"
done

finish
