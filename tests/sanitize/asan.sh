#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# In the simulator AddressSanitizer sees what happens to memory of tasks, on stacks that are not threads' stacks.
. "$(dirname "$0")/build.bash"

libraries -fsanitize=address
program tests/sanitize/memory.c "$scratch/memory" -fsanitize=address

says() { # name, what, text that must be there
	local out
	out=$("$scratch/memory" "$2" 2>&1)
	if grep -q -e "$3" <<<"$out"; then pass "$1"; else fail "$1" "$out"; fi
}

says 'a stack that overflows is a crash of the task' overflow '^crash: .*ran over the end of its stack'
says 'memory used after its release' release 'AddressSanitizer: use-after-poison'
says 'memory used after its free' freed 'AddressSanitizer: use-after-poison'
says 'a byte written behind a block' behind 'AddressSanitizer: use-after-poison'
# shellcheck disable=SC2015
out=$("$scratch/memory" held 2>&1) && pass 'what only a parked task holds is no leak' ||
	fail 'what only a parked task holds is no leak' "$out"
out=$("$scratch/memory" clean 2>&1) && pass 'a clean program is clean' || fail 'a clean program is clean' "$out"
out=$(ASAN_OPTIONS=detect_stack_use_after_return=1 "$scratch/memory" clean 2>&1) &&
	pass 'and with fake stacks' || fail 'and with fake stacks' "$out"

finish
