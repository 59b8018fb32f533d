#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Which lines of src/ and sim/ the tests run. Builds everything once more with counters in BUILD, runs what `make
# covered` names, and prints a table of the files, and then each line that nothing ran, with its code.
#
#   BUILD/html/index.html    the same to read; BUILD/lines.info is lcov's
#   CI/coverage.exempt       lines that cannot be run, with the reason; they are counted apart
#
# Fails if a test fails, if fewer than 95 % of the other lines are run, or if an exemption is of no line any more.
# Counters are written when a program exits. Those that end by a signal, or by _exit in a child, write theirs through
# flush.c below; the part of a program that is killed is lost.
# Ends with `N passed, N failed`. Without lcov, which CI/deps.sh is asked for first, it is skipped with a message.
set -u
cd "$(dirname "$0")/.." || exit 2

build=${BUILD:-build/coverage}
least=95
passed=0 failed=0
: "${CC:=gcc}"

case_of() { # name, what is wrong with it
	if [ -z "$2" ]; then
		passed=$((passed + 1))
		echo "ok    $1"
	else
		failed=$((failed + 1))
		printf 'FAIL  %s\n%s\n' "$1" "$2" | sed '2,$s/^/      /'
	fi
}

finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}

command -v lcov >/dev/null 2>&1 || CI/deps.sh
for tool in lcov genhtml gcov gcc; do
	if ! command -v "$tool" >/dev/null 2>&1; then
		echo "coverage: $tool is not installed: nothing was measured"
		echo '0 passed, 0 failed, 1 skipped'
		exit 0
	fi
done

# -- counters that survive --

mkdir -p "$build" || exit 2
cat >"$build/flush.c" <<'C'
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

void __gcov_dump(void);
void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));

/* The handler is gone when it runs; the signal comes again when it returns. */
static void on_end(int sig)
{
	__gcov_dump();
	raise(sig);
}

/* A program that has its own handler, as the simulator has while it runs tasks, replaces this one. */
__attribute__((constructor)) static void flush_init(void)
{
	static const int ends[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &(struct sigaction){.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND}, NULL);
}

void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}
C
gcc -std=c17 -D_GNU_SOURCE -O1 -fPIC -c "$build/flush.c" -o "$build/flush.o" || exit 2
flags='-O0 -g --coverage -fprofile-update=prefer-atomic'
linked="--coverage -Wl,--wrap=_exit $(realpath "$build/flush.o")"

# how a program ends, and whether what it did before is counted
flushes() { # statement
	local dir=$build/flush
	rm -rf "$dir"
	mkdir -p "$dir"
	printf '#include <stdlib.h>\n#include <unistd.h>\nint main(void)\n{\n\t%s;\n}\n' "$1" >"$dir/ends.c"
	# shellcheck disable=SC2086
	(cd "$dir" && gcc $flags -c ends.c && gcc ends.o $linked -o ends) || echo 'does not build'
	(ulimit -c 0; "$dir/ends") >/dev/null 2>&1
	(cd "$dir" && gcov -t ends.c 2>/dev/null) | grep -q '^ *1: *5:' || echo 'its lines are not counted'
}
case_of 'a program that aborts is counted' "$(flushes 'abort()' 2>/dev/null)"
case_of 'a program that leaves by _exit is counted' "$(flushes '_exit(1)')"

# -- build and run --

find "$build" -name '*.gcda' -delete
if WEIR_NO_INSTALL=1 make --no-print-directory BUILD="$build" CC=gcc WERROR= CFLAGS="$flags" LDFLAGS="$linked" covered \
	>"$build/covered.log" 2>&1; then
	tests=
else
	tests=$(grep -vE '^ok |^    \| ok |^  [A-Z]+ ' "$build/covered.log" | tail -n 100)
fi
case_of "the tests pass: $(grep -E '^[0-9]+ passed' "$build/covered.log" | tail -n 1)" "$tests"

# Of a file that no program ran, or was linked with, there are no counters: --initial knows its lines.
collect() { # file, options
	lcov --quiet --capture --directory "$build/obj" --base-directory . --no-external --output-file "$@"
}
{
	collect "$build/none.info" --initial && collect "$build/run.info" &&
		lcov --quiet --add-tracefile "$build/none.info" --add-tracefile "$build/run.info" \
			--output-file "$build/all.info" &&
		lcov --quiet --extract "$build/all.info" "$PWD/src/*" "$PWD/sim/*" --output-file "$build/lines.info"
} >"$build/lcov.log" 2>&1 || { cat "$build/lcov.log"; case_of 'lcov reads the counters' 'it failed'; finish; }
genhtml --quiet --legend --output-directory "$build/html" --prefix "$PWD" --title weir "$build/lines.info" \
	>>"$build/lcov.log" 2>&1

# -- the table, and the lines --

# lines.info, coverage.exempt -> "exempt FILE:LINE", "missed FILE LINE CODE", "file FILE LINES RUN EXEMPT",
# "stale EXEMPTION"
classify() {
	awk -v root="$PWD/" '
	FNR == NR && /^SF:/ { file = substr($0, 4); sub("^" root, "", file); next }
	FNR == NR && /^DA:/ { split(substr($0, 4), part, ","); count[file, part[1] + 0] = part[2]; next }
	FNR == NR && /^end_of_record/ { files[++n_files] = file; next }
	FNR == NR || /^#/ || /^[[:space:]]*$/ { next }
	{
		split($0, half, "\t")
		at = index(half[1], ":")
		exempt_file[++n] = substr(half[1], 1, at - 1)
		pattern[n] = substr(half[1], at + 1)
		if (!at || pattern[n] == "" || half[2] == "") print "stale", "no file:pattern, tab and reason in: " $0
		stale[n] = $0
	}
	END {
		for (i = 1; i <= n_files; i++) {
			file = files[i]
			line = lines = run = spared = 0
			while ((getline code <(root file)) > 0) {
				line++
				for (j = 1; j <= n; j++)
					if (exempt_file[j] == file && code ~ pattern[j]) delete stale[j]
				if (!((file, line) in count)) continue
				lines++
				if (count[file, line] > 0) { run++; continue }
				excused = 0
				for (j = 1; j <= n; j++)
					if (exempt_file[j] == file && code ~ pattern[j]) excused = 1
				spared += excused
				if (!excused) print "missed\t" file "\t" line "\t" code
			}
			print "file\t" file "\t" lines "\t" run "\t" spared
		}
		for (j in stale) print "stale\t" stale[j]
	}' "$1" "$2"
}
classify "$build/lines.info" CI/coverage.exempt >"$build/classified"

echo
awk -F '\t' '
	function row(name, lines, run, spared) {
		rest = lines > spared ? lines - spared : 1
		printf "%-32s %6d %6d %6d %6.1f %%\n", name, lines, run, spared, 100 * run / rest
	}
	BEGIN { printf "%-32s %6s %6s %6s %8s\n", "file", "lines", "run", "exempt", "of rest" }
	$1 == "file" { row($2, $3, $4, $5); lines += $3; run += $4; spared += $5 }
	END { row("all", lines, run, spared); }' "$build/classified" | tee "$build/table"
echo
awk -F '\t' '$1 == "missed" {
	if ($2 != file || $3 != last + 1) { printf "%s:%d\n", $2, $3 }
	printf "%7d  %s\n", $3, substr($0, length($1 $2 $3) + 4)
	file = $2
	last = $3
}' "$build/classified" | tee "$build/missed"
echo

case_of "at least $least % of the lines are run" "$(awk -v least=$least '
	$1 == "all" { seen = $2; if ($(NF - 1) < least) print $(NF - 1) " % are" }
	END { if (seen < 1000) print "only " seen + 0 " lines were looked at" }' "$build/table")"
case_of 'every exemption is of a line there is' "$(sed -n 's/^stale\t//p' "$build/classified")"
finish
