#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What `make demo` shows: a pipeline on real threads, the simulator over the scenarios that come with it, and the
# simulator finding a bug that is planted. Fails if a count is wrong, a scenario fails, or the bug is not found.
set -u
cd "$(dirname "$0")/.." || exit 2

build=${BUILD:-build}
schedules=${SCHEDULES:-2000}
begin=$SECONDS
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT

heading() {
	printf '\n== %s\n\n' "$1"
}

stop() {
	printf '\ndemo: %s\n' "$1" >&2
	exit 1
}

heading '1. A pipeline: the words of this repository, counted by tasks on threads'
BUILD=$build CI/check-wordfreq.sh || stop 'the count is wrong'

heading "2. The simulator: shutdown, in up to $schedules different schedules for each scenario"
"$build/weir" sim run --schedules "$schedules" || stop 'a scenario failed that should not'

heading '3. A planted bug: closing a channel is not draining it'
broken=$(ls -d docs/book/*close-is-not-drain/broken.c 2>/dev/null | head -n 1)
[ -n "$broken" ] || stop 'there is no planted bug to find'
chapter=$(basename "$(dirname "$broken")")
echo "The program is $broken: it is wrong on purpose."
"$build/book/$chapter/broken" >"$log" 2>&1 </dev/null
status=$?
sed 's/^/    /' "$log"
[ "$status" -ne 0 ] || stop "the planted bug was NOT found in $broken"
[ "$status" -lt 126 ] || stop "$broken did not end with a report (exit status $status)"
[ -s "$log" ] || stop "the bug was found in $broken, but nothing was reported"
echo
echo "This failure was expected: the simulator found the bug (exit status $status), and the replay line repeats it."
fixed=$build/book/$chapter/fixed
if [ -x "$fixed" ]; then
	"$fixed" >"$log" 2>&1 </dev/null || { cat "$log"; stop "docs/book/$chapter/fixed.c fails too"; }
	echo "The repaired program, docs/book/$chapter/fixed.c, passes:"
	tail -n 1 "$log" | sed 's/^/    /'
fi

heading "All as it should be, in $((SECONDS - begin)) s"
