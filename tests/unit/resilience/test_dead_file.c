/* SPDX-License-Identifier: MIT
 *
 * A log of letters in a real file: appended behind what is there, by several threads, each line whole; what cannot be
 * synced says so; what was cut off does not spoil what comes behind it. Exact times and pipes are in
 * tests/sim/test_dead_file.c. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <weir/resilience.h>

#include "../core/support.h"

/* A file without a name, open for appending. */
static int open_file(FILE **f)
{
	*f = tmpfile();
	ck_assert_ptr_nonnull(*f);
	int fd = fileno(*f);
	ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_APPEND), 0);
	return fd;
}

enum { LINES = 200 };

static int append(void *arg)
{
	weir_ctx own;
	int rc = 0;
	weir_ctx_init_root(&own, rt);
	for (int i = 0; rc == 0 && i < LINES; i++)
		rc = weir_dead_file_write(&own, "one line, in whole\n", 19, NULL, arg);
	weir_ctx_fini(&own);
	return rc;
}

START_TEST(lines_in_a_file)
{
	FILE *f;
	char line[64];
	int fd = open_file(&f), lines = 0;
	weir_dead_file file;
	struct helper h[3];
	ck_assert_int_eq(write(fd, "what was there\n", 15), 15);
	weir_dead_file_init(&file, rt, fd, true);
	for (size_t i = 0; i < COUNT_OF(h); i++)
		helper_start(&h[i], append, &file);
	for (size_t i = 0; i < COUNT_OF(h); i++)
		ck_assert_int_eq(helper_join(&h[i]), 0);
	weir_dead_file_fini(&file);
	weir_dead_file_fini(NULL);
	rewind(f);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	ck_assert_str_eq(line, "what was there\n");
	for (; fgets(line, sizeof(line), f); lines++)
		ck_assert_str_eq(line, "one line, in whole\n");
	ck_assert_int_eq(lines, (int)COUNT_OF(h) * LINES);
	fclose(f);
}
END_TEST

static void has(FILE *f, const char *wanted)
{
	char got[200];
	rewind(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
	ck_assert_str_eq(got, wanted);
}

static void put(weir_dead_file *file, const char *line)
{
	ck_assert_int_eq(weir_dead_file_write(&root, line, strlen(line), NULL, file), 0);
}

/* A writer that is no more, or another one, was cut off within its line: the next begins on one of its own. */
START_TEST(what_others_were_cut_off_in)
{
	FILE *f;
	int fd = open_file(&f);
	weir_dead_file file;
	ck_assert_int_eq(write(fd, "first", 5), 5);
	weir_dead_file_init(&file, rt, fd, false);
	put(&file, "a\n");
	put(&file, "b\n");
	ck_assert_int_eq(write(fd, "other", 5), 5);
	put(&file, "c\n");
	weir_dead_file_fini(&file);
	has(f, "first\na\nb\nother\nc\n");
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	weir_dead_file_init(&file, rt, fd, false);
	put(&file, "a\n");
	weir_dead_file_fini(&file);
	has(f, "a\n");
	fclose(f);
}
END_TEST

/* The same where the file can only be written: a blank line, once, is better than one that nobody can read. */
START_TEST(what_cannot_be_looked_at)
{
	FILE *f;
	char name[64];
	weir_dead_file file;
	int fd = open_file(&f);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	int writing = open(name, O_WRONLY | O_APPEND);
	ck_assert_int_ge(writing, 0);
	for (int i = 0; i < 2; i++) {
		weir_dead_file_init(&file, rt, writing, true);
		put(&file, "a\n");
		put(&file, "b\n");
		weir_dead_file_fini(&file);
	}
	has(f, "a\nb\n\na\nb\n");
	close(writing);
	fclose(f);
}
END_TEST

/* There is room for a part of a line only, then for none, then for all. */
START_TEST(a_file_that_is_full)
{
	FILE *f;
	struct rlimit old, few;
	weir_dead_file file;
	weir_err err = {0};
	int fd = open_file(&f);
	signal(SIGXFSZ, SIG_IGN);
	weir_dead_file_init(&file, rt, fd, true);
	put(&file, "a line\n");
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	few = old;
	few.rlim_cur = 10;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(weir_dead_file_write(&root, "another\n", 8, &err, &file), -EFBIG);
		ck_assert_int_eq(err.code, -EFBIG);
		weir_err_fini(&err);
	}
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
	put(&file, "the last\n");
	weir_dead_file_fini(&file);
	has(f, "a line\nano\nthe last\n");
	fclose(f);
}
END_TEST

START_TEST(what_cannot_be_synced)
{
	int two[2];
	weir_dead_file file;
	weir_err err = {0};
	ck_assert_int_eq(pipe(two), 0);
	weir_dead_file_init(&file, rt, two[1], true);
	ck_assert_int_eq(weir_dead_file_write(&root, "a\n", 2, &err, &file), WEIR_EINVAL);
	ck_assert_int_eq(err.code, WEIR_EINVAL);
	weir_err_fini(&err);
	weir_dead_file_fini(&file);
	close(two[0]);
	close(two[1]);
	weir_dead_file_init(&file, rt, two[1], true);
	ck_assert_int_eq(weir_dead_file_write(&root, "a\n", 2, NULL, &file), WEIR_EBADF);
	weir_dead_file_fini(&file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dead file");
	TCase *tcase = world_case(suite, "file");
	tcase_add_test(tcase, lines_in_a_file);
	tcase_add_test(tcase, what_others_were_cut_off_in);
	tcase_add_test(tcase, what_cannot_be_looked_at);
	tcase_add_test(tcase, a_file_that_is_full);
	tcase_add_test(tcase, what_cannot_be_synced);
	return run_suite(suite);
}
