/* SPDX-License-Identifier: MIT
 *
 * Addresses to file:line: the line that made the call, through wrappers that weir's macros have made; and a text in
 * every other case, with a tool that is missing, silent, or talks nonsense. */
#include "sim/engine.h"

#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANY 1200 /* more than one command line */

/* The address that an operation called here would record. The barrier keeps two calls from becoming one. */
static __attribute__((noinline)) const void *here(void)
{
	__asm__ volatile("" ::: "memory");
	return __builtin_return_address(0);
}

/* Made like the typed wrappers: an inline function whose code stands on the line that says DECLARE. */
#define PROBE_DECLARE(name)                        \
	WEIR_INLINE const void *name##_send(void)  \
	{                                          \
		const void *site = here();         \
		__asm__ volatile("" : "+r"(site)); \
		return site;                       \
	}
PROBE_DECLARE(probe)

/* The site of a call, and its line. */
#define SITE_AND_LINE(call, line) ((line) = __LINE__, (call))

static bool tool_exists(void)
{
	return system("{ command -v addr2line || command -v llvm-addr2line; } >/dev/null 2>&1") == 0;
}

static void expect_line(const char *text, int line)
{
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "test_site.c:%d", line);
	if (tool_exists())
		ck_assert_str_eq(text, wanted);
	else
		ck_assert_ptr_nonnull(strstr(text, "+0x"));
}

/* Not where this program is linked statically. */
static bool c_library_is_apart(void)
{
	Dl_info mine, theirs;
	return dladdr((const void *)(uintptr_t)&here, &mine) && dladdr((const void *)(uintptr_t)&qsort, &theirs) &&
	       mine.dli_fbase != theirs.dli_fbase;
}

/* What is said without the tool: a symbol or a module, and how far into it. */
static void expect_fallback(const char *text)
{
	ck_assert_ptr_nonnull(strstr(text, "+0x"));
	ck_assert_ptr_null(strstr(text, "test_site.c"));
}

START_TEST(a_call_is_found)
{
	int line;
	const void *site = SITE_AND_LINE(here(), line);
	char out[1][64];
	weir__sim_sites(&site, 1, out);
	expect_line(out[0], line);
}
END_TEST

START_TEST(a_wrapper_made_by_a_macro_is_skipped)
{
	int line;
	const void *site = SITE_AND_LINE(probe_send(), line);
	char out[1][64];
	weir__sim_sites(&site, 1, out);
	expect_line(out[0], line);
}
END_TEST

START_TEST(answers_stand_where_the_questions_did)
{
	const void *sites[5] = {NULL};
	char out[5][64];
	int first, second;
	sites[1] = SITE_AND_LINE(here(), first);
	sites[2] = (const void *)(uintptr_t)16;         /* in no module */
	sites[3] = (const char *)(uintptr_t)&qsort + 4; /* in another one */
	sites[4] = SITE_AND_LINE(probe_send(), second);
	weir__sim_sites(sites, 5, out);
	ck_assert_str_eq(out[0], "?");
	expect_line(out[1], first);
	ck_assert_str_eq(out[2], "?");
	ck_assert_str_ne(out[3], "?");
	if (c_library_is_apart())
		ck_assert_ptr_null(strstr(out[3], "test_site"));
	expect_line(out[4], second);
}
END_TEST

START_TEST(more_than_one_command_line)
{
	static const void *sites[MANY];
	static char out[MANY][64];
	int lines[2];
	for (int i = 0; i < MANY; i += 2) {
		sites[i] = SITE_AND_LINE(here(), lines[0]);
		sites[i + 1] = SITE_AND_LINE(here(), lines[1]);
	}
	weir__sim_sites(sites, MANY, out);
	expect_line(out[0], lines[0]);
	expect_line(out[1], lines[1]);
	for (int i = 2; i < MANY; i++)
		ck_assert_str_eq(out[i], out[i % 2]);
}
END_TEST

START_TEST(nothing_asked_nothing_written)
{
	char out[1][64] = {"untouched"};
	weir__sim_sites(NULL, 0, out);
	ck_assert_str_eq(out[0], "untouched");
}
END_TEST

START_TEST(without_the_tool_there_is_a_text)
{
	const void *site = here();
	char out[1][64];
	ck_assert_int_eq(setenv("PATH", "/nonexistent", 1), 0);
	weir__sim_sites(&site, 1, out);
	expect_fallback(out[0]);
}
END_TEST

static const char *const nonsense[] = {
	"exit 1",
	"kill -9 $$",
	"echo",
	"echo 0x1; echo; echo ':'; echo 0x; echo 0x0; echo f; echo '?\?:0'",
	"echo 0x1; echo f; echo '?\?:?'",
	"echo 0x1; echo f; echo test_site.c:0; echo f; echo test_site.c; echo f; echo test_site.c:x",
	"i=0; while [ $i -lt 3000 ]; do echo 0x$i nonsense nonsense nonsense; i=$((i+1)); done",
	"i=0; while [ $i -lt 3000 ]; do printf 'a line without an end '; i=$((i+1)); done",
};

/* Tools that misbehave in some way must not be believed, and not be waited for. */
START_TEST(a_tool_that_talks_nonsense)
{
	const void *site = here();
	char dir[] = "/tmp/weir-site-XXXXXX", path[64], other[64], search[256], out[1][64];
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/addr2line", dir);
	snprintf(other, sizeof(other), "%s/llvm-addr2line", dir);
	FILE *tool = fopen(path, "w");
	ck_assert_ptr_nonnull(tool);
	fprintf(tool, "#!/bin/sh\n%s\n", nonsense[_i]);
	ck_assert_int_eq(fclose(tool), 0);
	ck_assert_int_eq(chmod(path, 0700), 0);
	ck_assert_int_eq(symlink("addr2line", other), 0);
	snprintf(search, sizeof(search), "%s:/usr/bin:/bin", dir);
	ck_assert_int_eq(setenv("PATH", search, 1), 0);
	weir__sim_sites(&site, 1, out);
	unlink(path);
	unlink(other);
	rmdir(dir);
	expect_fallback(out[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("site");
	TCase *found = tcase_create("found"), *not_found = tcase_create("not found");
	tcase_set_timeout(found, 60);
	tcase_set_timeout(not_found, 60);
	tcase_add_test(found, a_call_is_found);
	tcase_add_test(found, a_wrapper_made_by_a_macro_is_skipped);
	tcase_add_test(found, answers_stand_where_the_questions_did);
	tcase_add_test(found, more_than_one_command_line);
	tcase_add_test(not_found, nothing_asked_nothing_written);
	tcase_add_test(not_found, without_the_tool_there_is_a_text);
	tcase_add_loop_test(not_found, a_tool_that_talks_nonsense, 0, (int)(sizeof(nonsense) / sizeof(nonsense[0])));
	suite_add_tcase(suite, found);
	suite_add_tcase(suite, not_found);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
