#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs test programs and scripts, and counts their cases.
#
#   CI/run-tests.sh [--jobs N] [--timeout SECONDS] [--logs FOLDER] [--with COMMAND] PROGRAM...
#
# --with puts a command with its options before each program (valgrind): where it is not installed, all are skipped.
#
# One line for each program that passed, the whole output of each that did not, and at the end `N passed, N failed`. The
# counts are of cases, read from the summary that every program prints:
#   N passed, N failed [, N skipped]                     scripts and real-thread programs; the last such line counts
#   N tests, N passed, N failed                          simulation tests; likewise
#   100%: Checks: N, Failures: N, Errors: N              Check suites; added up
# A program also fails, as one more case, if it prints no summary, if the summary counts no case, if its exit status and
# its summary disagree, or if it is still running after the time limit. A run without a single case is a failure.
set -u

jobs=${JOBS:-$(nproc 2>/dev/null || echo 1)}
limit=${TEST_TIMEOUT:-300}
logs= with=()
while [ $# -gt 0 ]; do
	case $1 in
	--jobs) jobs=$2; shift 2 ;;
	--timeout) limit=$2; shift 2 ;;
	--logs) logs=$2; shift 2 ;;
	--with) eval "with=($2)"; shift 2 ;;
	--) shift; break ;;
	-*) echo "run-tests.sh: unknown option $1" >&2; exit 2 ;;
	*) break ;;
	esac
done

if [ ${#with[@]} -gt 0 ] && ! command -v "${with[0]}" >/dev/null 2>&1; then
	echo "${with[0]} is not installed: nothing was run"
	echo "0 passed, 0 failed, $# skipped"
	exit 0
fi

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM
[ -n "$logs" ] || logs=$work/logs
mkdir -p "$logs" || exit 2

# stdin: the output of a program; stdout: passed, failed, skipped, or nothing where there is no summary
summary() {
	awk '
	/^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?\.?$/ { plain = 1; p = $1; f = $3; s = (NF > 4) ? $5 : 0 }
	/^[0-9]+ tests, [0-9]+ passed, [0-9]+ failed/ { plain = 1; p = $3; f = $5; s = 0 }
	/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
		check = 1; cp += $3 - $5 - $7; cf += $5 + $7
	}
	END {
		if (plain) print p + 0, f + 0, s + 0
		else if (check) print cp + 0, cf + 0, 0
	}'
}

log_of() { # number, program
	printf '%s/%03d-%s.log' "$logs" "$1" "$(printf '%s' "${2#"${BUILD:-build}"/}" | tr '/ ' '__')"
}

run_one() { # number, program: writes its log and, into $work/NUMBER, "passed failed skipped seconds why"
	local n=$1 program=$2 log rc counts p=0 f=0 s=0 why='' start=$SECONDS
	log=$(log_of "$n" "$program")
	case $program in */*) ;; *) program=./$program ;; esac
	CK_VERBOSITY=normal timeout -k 10 "$limit" ${with[@]+"${with[@]}"} "$program" >"$log" 2>&1 </dev/null
	rc=$?
	counts=$(summary <"$log")
	if [ -n "$counts" ]; then
		read -r p f s <<<"$counts"
	fi
	if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
		why="still running after $limit s"
	elif [ -z "$counts" ]; then
		why="exit status $rc, no summary"
	elif [ $((p + f + s)) -eq 0 ]; then
		why='no case ran'
	elif [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		why="exit status $rc though no case failed"
	elif [ "$rc" -eq 0 ] && [ "$f" -ne 0 ]; then
		why='exit status 0 though a case failed'
	fi
	if [ -n "$why" ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	printf '%s %s %s %s %s\n' "$p" "$f" "$s" $((SECONDS - start)) "$why" >"$work/$n.part"
	mv "$work/$n.part" "$work/$n" # whole, or not there
}

passed=0 failed=0 skipped=0
report_one() { # number, program: what the user sees, in the order of the command line
	local p f s seconds why
	read -r p f s seconds why <"$work/$1" || { p=0 f=1 s=0 seconds=0 why='was not run'; }
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if [ "$f" -eq 0 ]; then
		[ "$s" -eq 0 ] && s= || s=", $s skipped"
		printf 'ok    %-52s %5d passed%s  (%d s)\n' "$2" "$p" "$s" "$seconds"
	else
		printf 'FAIL  %-52s %5d passed, %d failed  (%d s)%s\n' "$2" "$p" "$f" "$seconds" "${why:+: $why}"
		sed 's/^/    | /' "$(log_of "$1" "$2")"
	fi
}

programs=("$@")
reported=0
report_ready() { # up to the first that is still running
	while [ -e "$work/$reported" ]; do
		report_one "$reported" "${programs[$reported]}"
		reported=$((reported + 1))
	done
}

for ((i = 0; i < ${#programs[@]}; i++)); do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n # whichever is done first makes room
		report_ready
	done
	run_one "$i" "${programs[$i]}" &
done
wait
for (( ; reported < ${#programs[@]}; reported++)); do
	report_one "$reported" "${programs[$reported]}"
done

[ "$skipped" -eq 0 ] || echo "$skipped skipped: see $logs"
if [ $((passed + failed)) -eq 0 ]; then
	echo 'no test ran'
	failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
