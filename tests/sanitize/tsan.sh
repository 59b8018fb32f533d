#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# In the simulator ThreadSanitizer finds a race with every seed, and finds none in the program that hands over by a
# channel: the order of the scheduler's own switches is hidden from it, that of the library's operations is not.
. "$(dirname "$0")/build.bash"

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

finish
