#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Everything that is checked, in one go: each step is a target of the Makefile, and can be run by hand with make. Ends
# with the sum of their counts, `N passed, N failed`. A step that fails without saying how many counts as one failure,
# and so does a step that is still running after its time; the steps after it run all the same. On two idle cores all of
# it takes less than half an hour; the times below are for what hangs, and the budget for all of them together.
set -u
cd "$(dirname "$0")/.." || exit 2

cores=$(nproc 2>/dev/null || echo 1)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
budget=$((75 * 60)) # seconds
passed=0 failed=0 summary=()

step() { # minutes, target, and `whole` where the target counts as one case
	local start=$SECONDS rc line p=0 f=0 limit=$(($1 * 60)) left=$((budget - SECONDS))
	[ "$limit" -le "$left" ] || limit=$((left > 1 ? left : 1))
	printf '\n== make %s\n' "$2"
	timeout -k 30 "$limit" make -j"$cores" --no-print-directory "$2" 2>&1 | tee "$work/out"
	rc=${PIPESTATUS[0]}
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$work/out" | tail -n 1)
	[ -z "$line" ] || read -r p _ f _ <<<"$line"
	if [ "${3:-}" = whole ] && [ "$rc" -eq 0 ]; then
		p=1 line=whole
	fi
	if [ "$f" -eq 0 ] && { [ "$rc" -ne 0 ] || [ -z "$line" ]; }; then
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f))
	summary+=("$(printf '%-13s %6d passed %4d failed %5d s' "$2" "$p" "$f" $((SECONDS - start)))")
}

step 15 test
SAMPLE=8 step 5 mutants
step 3 explore-atomics
step 5 stress
step 15 coverage
step 10 ubsan
step 12 asan
step 25 tsan
step 8 helgrind
step 8 memcheck
step 2 layers
step 2 format-check
step 4 demo whole
step 8 clang
step 8 portable
step 8 musl
step 8 cross

printf '\n== summary\n'
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
