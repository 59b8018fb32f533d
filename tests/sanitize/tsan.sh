#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# In the simulator ThreadSanitizer finds a race with every seed, and finds none in the program that hands over by a
# channel: the order of the scheduler's own switches is hidden from it, that of the library's operations is not.
. "$(dirname "$0")/build.bash"

export TSAN_OPTIONS="${TSAN_OPTIONS:-} atexit_sleep_ms=0" # no thread is left that could still find something
libraries -fsanitize=thread
program tests/sanitize/race.c "$scratch/race" -fsanitize=thread
program tests/sanitize/race.c "$scratch/fixed" -fsanitize=thread -DFIXED

blind= wrong=
for seed in {1..20}; do
	out=$("$scratch/race" "$seed" 2>&1)
	case $? in
	66) grep -q 'data race.*race\.c' <<<"$out" || wrong="$wrong seed $seed, race elsewhere:"$'\n'"$out" ;;
	*) blind="$blind $seed" ;;
	esac
	out=$("$scratch/fixed" "$seed" 2>&1) || wrong="$wrong seed $seed, of the fixed program:"$'\n'"$out"
done
nothing 'two tasks that race are seen to, with every seed' "$blind"
nothing 'what a channel hands over is seen as ordered, with every seed' "$wrong"

# The race kernels of tests/bugs: the simulator finds each as a race, and ThreadSanitizer must agree on the same
# schedules, and on the twins. It says so by its exit status.
kernels=$(grep -l 'WEIR_BUG(.*WEIR_SIM_RACE' tests/bugs/*_*[0-9].c)
# shellcheck disable=SC2086 # the names are words
program tests/sanitize/races.c "$scratch/races" -fsanitize=thread -include tests/sanitize/go_on.h $kernels

disagree= seen=0
for name in $("$scratch/races" --list); do
	for seed in {1..20}; do
		out=$("$scratch/races" "$name" bug "$seed" 2>&1)
		[ $? -eq 66 ] && grep -q 'data race' <<<"$out" || disagree="$disagree $name seed $seed"
		seen=$((seen + 1))
	done
	out=$("$scratch/races" "$name" twin {1..20} 2>&1) || disagree="$disagree"$'\n'"the twin of $name: $out"
done
[ "$seen" -ge 200 ] || disagree="$disagree only $seen runs"
nothing 'the race kernels: ThreadSanitizer and the simulator agree' "$disagree"

finish
