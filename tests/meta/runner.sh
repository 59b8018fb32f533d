#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# CI/run-tests.sh itself: a program that crashes, hangs, says nothing or contradicts itself is a failure, and the counts
# are right.
. "$(dirname "$0")/cases.bash"

program() { # name, lines of shell
	printf '#!/usr/bin/env bash\n%s\n' "$2" >"$scratch/$1"
	chmod +x "$scratch/$1"
}

expect() { # case, exit status, last line, arguments of the runner...
	local name=$1 status=$2 line=$3 out rc
	shift 3
	out=$(CI/run-tests.sh --timeout 2 --logs "$scratch/logs" "$@" 2>&1)
	rc=$?
	if [ "$rc" -eq "$status" ] && [ "$(printf '%s\n' "$out" | tail -n 1)" = "$line" ]; then
		pass "$name"
	else
		fail "$name" "exit status $rc, wanted $status and: $line"$'\n'"$out"
	fi
}

program plain 'echo 3 passed, 0 failed'
program part 'echo 2 passed, 1 failed; exit 1'
program skips 'echo 1 passed, 0 failed, 4 skipped'
program only_skips 'echo 0 passed, 0 failed, 4 skipped'
program sim 'echo 7 tests, 7 passed, 0 failed'
program check 'echo "100%: Checks: 4, Failures: 0, Errors: 0"; echo "50%: Checks: 4, Failures: 1, Errors: 1"; exit 1'
program nested 'echo 9 passed, 9 failed; echo 1 passed, 0 failed'
program silent 'exit 0'
program none 'echo 0 passed, 0 failed'
program crash 'echo 5 passed, 0 failed; kill -SEGV $$'
program liar 'echo 5 passed, 1 failed; exit 0'
program late 'echo 5 passed, 0 failed; exec tail -f /dev/null'

expect 'a plain summary' 0 '3 passed, 0 failed' "$scratch/plain"
expect 'a failed case' 1 '2 passed, 1 failed' "$scratch/part"
expect 'skipped cases do not count' 0 '1 passed, 0 failed' "$scratch/skips"
expect 'nothing but skipped cases is nothing' 1 '0 passed, 1 failed' "$scratch/only_skips"
expect 'a simulation summary' 0 '7 passed, 0 failed' "$scratch/sim"
expect 'the suites of Check add up' 1 '6 passed, 2 failed' "$scratch/check"
expect 'the last summary counts' 0 '1 passed, 0 failed' "$scratch/nested"
expect 'a silent program has failed' 1 '0 passed, 1 failed' "$scratch/silent"
expect 'a program without a case has failed' 1 '0 passed, 1 failed' "$scratch/none"
expect 'a crash after the summary' 1 '5 passed, 1 failed' "$scratch/crash"
expect 'a failure with exit status 0' 1 '5 passed, 1 failed' "$scratch/liar"
expect 'a program that hangs' 1 '5 passed, 1 failed' "$scratch/late"
expect 'a program that is not there' 1 '0 passed, 1 failed' "$scratch/absent"
expect 'no program at all' 1 '0 passed, 1 failed'
expect 'the sum, one at a time' 1 '11 passed, 4 failed' --jobs 1 "$scratch/plain" "$scratch/part" "$scratch/silent" \
	"$scratch/check"
expect 'the sum, three at a time' 1 '13 passed, 2 failed' --jobs 3 "$scratch/plain" "$scratch/part" "$scratch/silent" \
	"$scratch/sim" "$scratch/nested"

finish
