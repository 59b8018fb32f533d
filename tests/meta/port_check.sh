#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/port/check.h, with which the suites are built where there is no Check, comes to the same verdicts as Check: each
# suite below is run with both, and with both the summary must be the one that is written here.
. "$(dirname "$0")/cases.bash"

cat >"$scratch/head.c" <<'C'
#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int set, none; /* none: 0, which the compiler is not told */
static void setup(void) { set = 7; none = getenv("HOME") == (char *)1; }
static void teardown(void) { ck_assert_int_ne(set, 9); }
C
cat >"$scratch/tail.c" <<'C'
int main(void)
{
	Suite *suite = suite_create("s");
	TCase *tc = tcase_create("c");
	SRunner *runner = srunner_create(suite);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 1);
	suite_add_tcase(suite, tc);
	ADD;
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
C

warn='-std=c17 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -Wno-unused-function -pthread'
kits=('tests/port/check.h|-Itests/port|')
if command -v pkg-config >/dev/null 2>&1 && pkg-config --exists check; then
	kits+=("Check|$(pkg-config --cflags check)|$(pkg-config --libs check)")
else
	skip 'the verdicts of Check' 'Check is not installed'
fi

# name, summary, how the test is added, body
verdict() {
	local entry kit cflags libs said status wanted
	printf '%s\n#define ADD %s\nSTART_TEST(t)\n{\n%s\n}\nEND_TEST\n%s\n' "$(cat "$scratch/head.c")" "$3" "$4" \
		"$(cat "$scratch/tail.c")" >"$scratch/suite.c"
	for entry in "${kits[@]}"; do
		IFS='|' read -r kit cflags libs <<<"$entry"
		# shellcheck disable=SC2086 # flags are words
		said=$("$CC" $warn "$scratch/suite.c" $cflags -o "$scratch/suite" $libs 2>&1) ||
			{ fail "$1 ($kit)" "$said"; continue; }
		said=$("$scratch/suite" 2>/dev/null)
		status=$?
		[[ $2 == *'Failures: 0, Errors: 0' ]] && wanted=0 || wanted=1
		nothing "$1 ($kit)" "$([ "$status" -eq "$wanted" ] && grep -qF "$2" <<<"$said" ||
			printf 'exit status %d\n%s\n' "$status" "$said")"
	done
}

one='tcase_add_test(tc, t)'
good='Checks: 1, Failures: 0, Errors: 0'
bad='Checks: 1, Failures: 1, Errors: 0'
died='Checks: 1, Failures: 0, Errors: 1'
verdict 'a test that passes' "100%: $good" "$one" 'ck_assert_int_eq(set, 7); ck_assert_str_eq("a", "a");'
verdict 'two numbers that differ' "0%: $bad" "$one" 'ck_assert_int_eq(set, 8);'
verdict 'a number below zero is not a large one' "$good" "$one" \
	'ck_assert_int_lt(-1, set); ck_assert_uint_gt(UINT64_MAX, 7);'
verdict 'a large number is not below zero' "$bad" "$one" 'ck_assert_uint_lt(UINT64_MAX, 7);'
verdict 'two texts that differ' "$bad" "$one" 'ck_assert_str_eq("a", "b");'
verdict 'a text that is not there' "$bad" "$one" 'ck_assert_str_eq(none ? "a" : NULL, "b");'
verdict 'bytes that differ' "$bad" "$one" 'ck_assert_mem_eq("abc", "abd", 3);'
verdict 'a pointer that is not null' "$bad" "$one" 'ck_assert_ptr_null(&set);'
verdict 'a condition that does not hold' "$bad" "$one" 'ck_assert(set == 8);'
verdict 'a failure with a text' "$bad" "$one" 'ck_abort_msg("no %d", set);'
verdict 'a teardown that fails' "$bad" "$one" 'set = 9;'
verdict 'a crash' "$died" "$one" 'raise(SIGSEGV);'
verdict 'an exit in the middle' "$died" "$one" 'exit(3);'
verdict 'a signal that was asked for' "$good" 'tcase_add_test_raise_signal(tc, t, SIGABRT)' 'abort();'
verdict 'another signal than that' "$died" 'tcase_add_test_raise_signal(tc, t, SIGABRT)' 'raise(SIGSEGV);'
verdict 'a signal that does not come' "$bad" 'tcase_add_test_raise_signal(tc, t, SIGABRT)' 'set = 8;'
verdict 'a loop with one index that fails' '75%: Checks: 4, Failures: 1, Errors: 0' \
	'tcase_add_loop_test(tc, t, 2, 6)' 'ck_assert_int_ne(_i, 4);'
verdict 'a test that never ends' "$died" "$one" 'for (;;) pause();'

finish
