/* SPDX-License-Identifier: MIT
 *
 * check.h - the part of Check (https://libcheck.github.io/check/) that the suites of weir use, in one header: for
 * targets that have no Check of their own (CI/port.sh: musl, aarch64 under an emulator). Everywhere else the suites
 * are built with the real one; `make test` and this must agree about them.
 *
 * Like Check it runs each test in a process of its own: a test that crashes, aborts or hangs is one failed test, and
 * what one test leaves behind no other test sees.
 *
 * C1  A test passes if its process ends by itself with status 0, or by the signal that was asked for, and in no other
 *     way: the status is that of the last statement of the child, and every failed assertion ends the child before.
 * C2  The summary is the line that Check prints, so the same runner reads it; a test that could not be started counts
 *     as an error.
 * C3  The child is ended by its alarm: the time limit needs nobody who watches.
 *
 * Everything is static and for one thread: suites are built, run and freed by main. A failed assertion may come from
 * any thread of the child; it ends the process either way. */
#ifndef WEIR_TESTS_PORT_CHECK_H
#define WEIR_TESTS_PORT_CHECK_H

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CK_PORT_UNUSED __attribute__((unused))
#define CK_PORT_TESTS 256
#define CK_PORT_CASES 128
#define CK_PORT_SECONDS 4 /* Check's own default */

typedef void ck_port_fn(int index);

struct ck_port_test {
	const char *name;
	ck_port_fn *fn;
	int signal, from, to; /* runs with each index in [from, to) */
};

typedef struct TCase {
	const char *name;
	unsigned seconds;
	void (*setup)(void);
	void (*teardown)(void);
	size_t n;
	struct ck_port_test tests[CK_PORT_TESTS];
} TCase;

typedef struct Suite {
	const char *name;
	size_t n;
	TCase *cases[CK_PORT_CASES];
} Suite;

typedef struct SRunner {
	Suite *suite;
	int run, failures, errors;
} SRunner;

enum print_output { CK_SILENT, CK_MINIMAL, CK_NORMAL, CK_VERBOSE, CK_ENV };

/* ---- building a suite ---- */

static CK_PORT_UNUSED void *ck_port_zeroed(size_t bytes)
{
	void *mem = calloc(1, bytes);
	if (!mem)
		abort();
	return mem;
}

static CK_PORT_UNUSED Suite *suite_create(const char *name)
{
	Suite *suite = ck_port_zeroed(sizeof(*suite));
	suite->name = name;
	return suite;
}

static CK_PORT_UNUSED TCase *tcase_create(const char *name)
{
	TCase *tcase = ck_port_zeroed(sizeof(*tcase));
	tcase->name = name;
	tcase->seconds = CK_PORT_SECONDS;
	return tcase;
}

static CK_PORT_UNUSED void suite_add_tcase(Suite *suite, TCase *tcase)
{
	if (suite->n == CK_PORT_CASES)
		abort();
	suite->cases[suite->n++] = tcase;
}

static CK_PORT_UNUSED void tcase_set_timeout(TCase *tcase, double seconds)
{
	tcase->seconds = (unsigned)(seconds + 0.999); /* alarm(0) would be no limit */
}

static CK_PORT_UNUSED void tcase_add_checked_fixture(TCase *tcase, void (*setup)(void), void (*teardown)(void))
{
	tcase->setup = setup;
	tcase->teardown = teardown;
}

static CK_PORT_UNUSED void ck_port_add(TCase *tcase, const char *name, ck_port_fn *fn, int sig, int from, int to)
{
	if (tcase->n == CK_PORT_TESTS)
		abort();
	tcase->tests[tcase->n++] = (struct ck_port_test){name, fn, sig, from, to};
}

#define tcase_add_test(tcase, fn) ck_port_add(tcase, #fn, fn, 0, 0, 1)
#define tcase_add_test_raise_signal(tcase, fn, sig) ck_port_add(tcase, #fn, fn, sig, 0, 1)
#define tcase_add_loop_test(tcase, fn, from, to) ck_port_add(tcase, #fn, fn, 0, from, to)

#define START_TEST(name) static void name(CK_PORT_UNUSED int _i)
#define END_TEST

/* ---- running it ---- */

static CK_PORT_UNUSED SRunner *srunner_create(Suite *suite)
{
	SRunner *runner = ck_port_zeroed(sizeof(*runner));
	runner->suite = suite;
	return runner;
}

static CK_PORT_UNUSED void ck_port_child(const TCase *tcase, const struct ck_port_test *test, int index)
{
	alarm(tcase->seconds); /* C3 */
	if (tcase->setup)
		tcase->setup();
	test->fn(index);
	if (tcase->teardown)
		tcase->teardown();
	fflush(stdout);
	_exit(0); /* C1 */
}

static CK_PORT_UNUSED void ck_port_run_one(SRunner *runner, const TCase *tcase, const struct ck_port_test *test,
					   int index)
{
	int status = 0;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		ck_port_child(tcase, test, index);
	runner->run++;
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		runner->errors++;
		printf("%s:%s:%d: cannot be started\n", tcase->name, test->name, index);
	} else if (WIFSIGNALED(status) ? WTERMSIG(status) != test->signal : WEXITSTATUS(status) > 1) {
		runner->errors++;
		printf("%s:%s:%d: ended by %s %d\n", tcase->name, test->name, index,
		       WIFSIGNALED(status) ? "signal" : "status",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	} else if (!WIFSIGNALED(status) && (WEXITSTATUS(status) != 0 || test->signal != 0)) {
		runner->failures++;
		printf("%s:%s:%d: failed%s\n", tcase->name, test->name, index,
		       test->signal ? ", the signal did not come" : "");
	}
}

static CK_PORT_UNUSED void srunner_run_all(SRunner *runner, enum print_output how)
{
	(void)how;
	for (size_t c = 0; c < runner->suite->n; c++) {
		const TCase *tcase = runner->suite->cases[c];
		for (size_t t = 0; t < tcase->n; t++)
			for (int i = tcase->tests[t].from; i < tcase->tests[t].to; i++)
				ck_port_run_one(runner, tcase, &tcase->tests[t], i);
	}
	int passed = runner->run - runner->failures - runner->errors;
	printf("%d%%: Checks: %d, Failures: %d, Errors: %d\n", runner->run ? passed * 100 / runner->run : 0,
	       runner->run, runner->failures, runner->errors); /* C2 */
}

static CK_PORT_UNUSED int srunner_ntests_failed(const SRunner *runner)
{
	return runner->failures + runner->errors;
}

static CK_PORT_UNUSED int srunner_ntests_run(const SRunner *runner)
{
	return runner->run;
}

static CK_PORT_UNUSED void srunner_free(SRunner *runner)
{
	for (size_t c = 0; c < runner->suite->n; c++)
		free(runner->suite->cases[c]);
	free(runner->suite);
	free(runner);
}

/* ---- assertions ---- */

static CK_PORT_UNUSED __attribute__((noreturn, format(printf, 3, 4))) void ck_port_fail(const char *file, int line,
											const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	printf("%s:%d: ", file, line);
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	_exit(1); /* C1 */
}

#define ck_abort_msg(...) ck_port_fail(__FILE__, __LINE__, __VA_ARGS__)
#define ck_assert_msg(cond, ...) ((cond) ? (void)0 : ck_abort_msg(__VA_ARGS__))
#define ck_assert(cond) ck_assert_msg(cond, "%s", #cond)

#define CK_PORT_NUMBERS(type, format, a, op, b)                                                                 \
	do {                                                                                                    \
		type _ck_a = (a), _ck_b = (b);                                                                  \
		ck_assert_msg(_ck_a op _ck_b, "%s %s %s: %" format " and %" format, #a, #op, #b, _ck_a, _ck_b); \
	} while (0)
#define ck_assert_int_eq(a, b) CK_PORT_NUMBERS(intmax_t, PRIdMAX, a, ==, b)
#define ck_assert_int_ne(a, b) CK_PORT_NUMBERS(intmax_t, PRIdMAX, a, !=, b)
#define ck_assert_int_lt(a, b) CK_PORT_NUMBERS(intmax_t, PRIdMAX, a, <, b)
#define ck_assert_int_le(a, b) CK_PORT_NUMBERS(intmax_t, PRIdMAX, a, <=, b)
#define ck_assert_int_gt(a, b) CK_PORT_NUMBERS(intmax_t, PRIdMAX, a, >, b)
#define ck_assert_int_ge(a, b) CK_PORT_NUMBERS(intmax_t, PRIdMAX, a, >=, b)
#define ck_assert_uint_eq(a, b) CK_PORT_NUMBERS(uintmax_t, PRIuMAX, a, ==, b)
#define ck_assert_uint_ne(a, b) CK_PORT_NUMBERS(uintmax_t, PRIuMAX, a, !=, b)
#define ck_assert_uint_lt(a, b) CK_PORT_NUMBERS(uintmax_t, PRIuMAX, a, <, b)
#define ck_assert_uint_le(a, b) CK_PORT_NUMBERS(uintmax_t, PRIuMAX, a, <=, b)
#define ck_assert_uint_gt(a, b) CK_PORT_NUMBERS(uintmax_t, PRIuMAX, a, >, b)
#define ck_assert_uint_ge(a, b) CK_PORT_NUMBERS(uintmax_t, PRIuMAX, a, >=, b)

#define CK_PORT_POINTERS(a, op, b)                                                               \
	do {                                                                                     \
		const void *_ck_a = (a), *_ck_b = (b);                                           \
		ck_assert_msg(_ck_a op _ck_b, "%s %s %s: %p and %p", #a, #op, #b, _ck_a, _ck_b); \
	} while (0)
#define ck_assert_ptr_eq(a, b) CK_PORT_POINTERS(a, ==, b)
#define ck_assert_ptr_ne(a, b) CK_PORT_POINTERS(a, !=, b)
#define ck_assert_ptr_null(a) CK_PORT_POINTERS(a, ==, NULL)
#define ck_assert_ptr_nonnull(a) CK_PORT_POINTERS(a, !=, NULL)

#define CK_PORT_STRINGS(a, op, b)                                                                                    \
	do {                                                                                                         \
		const char *_ck_a = (a), *_ck_b = (b);                                                               \
		ck_assert_msg(_ck_a &&_ck_b &&strcmp(_ck_a, _ck_b) op 0, "%s %s %s: \"%s\" and \"%s\"", #a, #op, #b, \
			      _ck_a ? _ck_a : "(null)", _ck_b ? _ck_b : "(null)");                                   \
	} while (0)
#define ck_assert_str_eq(a, b) CK_PORT_STRINGS(a, ==, b)
#define ck_assert_str_ne(a, b) CK_PORT_STRINGS(a, !=, b)

#define ck_assert_mem_eq(a, b, n) ck_assert_msg(memcmp(a, b, n) == 0, "%s and %s differ", #a, #b)

#endif
