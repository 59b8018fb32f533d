#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# squares.sh: the first program of README.md prints the 100 squares, each once, in some order, and nothing else, and
# says so with its exit status.
. "$(dirname "$0")/../meta/cases.bash"
program=$BUILD/examples/squares
[ -x "$program" ] || { fail 'the program is there' "$program cannot be run: build it first"; finish; }

awk 'BEGIN { for (i = 0; i < 100; i++) print i * i }' >"$scratch/wanted"

# Real threads: each run is another order.
for run in 1 2 3 4 5; do
	"$program" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
	sort -n "$scratch/out" >"$scratch/sorted"
	nothing "run $run: the 100 squares, exit status 0, nothing on stderr" "$(
		[ "$status" -eq 0 ] || echo "exit status $status"
		cat "$scratch/err"
		diff "$scratch/wanted" "$scratch/sorted"
	)"
done

# The comparison above sees a square that is missing, and one that is there twice.
sed 50d "$scratch/wanted" >"$scratch/less"
something 'sees a square that is missing' "$(diff "$scratch/wanted" "$scratch/less")"
sed 50p "$scratch/wanted" >"$scratch/more"
something 'sees a square that is there twice' "$(diff "$scratch/wanted" "$scratch/more")"

finish
