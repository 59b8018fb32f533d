/* SPDX-License-Identifier: MIT
 *
 * Codes, names, and the detail of a failure: what src/core/err.c promises in err.h, at its edges. */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/core/err.h>
#include <weir/rt/threads.h>

static const char *formatted(const weir_err *err)
{
	static char buf[4096];
	size_t n = weir_err_format(err, buf, sizeof(buf));
	ck_assert_uint_lt(n, sizeof(buf));
	ck_assert_uint_eq(n, strlen(buf));
	return buf;
}

static void assert_empty(const weir_err *err)
{
	char text[8] = "?";
	ck_assert_int_eq(err->code, 0);
	ck_assert_uint_eq(weir_err_format(err, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "");
	ck_assert_ptr_null(weir_err_member(err, 0, NULL));
	ck_assert(!weir_err_is(err, 0));
	for (int code = -1; code > -1100; code--)
		ck_assert(!weir_err_is(err, code));
}

START_TEST(codes_are_errno_and_our_own)
{
	ck_assert_int_eq(WEIR_EPIPE, -EPIPE);
	ck_assert_int_eq(WEIR_ETIMEOUT, -ETIMEDOUT);
	ck_assert_int_eq(WEIR_ECANCELED, -ECANCELED);
	ck_assert_int_eq(WEIR_EDEADLINE, -1000);
	ck_assert_int_eq(WEIR_EPARTIAL, -1001);
	ck_assert_int_eq(WEIR_EUSER, -10000);
	ck_assert_uint_eq(sizeof(weir_err), 256);
}
END_TEST

START_TEST(names_of_our_codes)
{
#define CHECK_NAME(name, code, text)                  \
	ck_assert_str_eq(weir_err_name(code), #name); \
	ck_assert_str_eq(weir_err_text(name), text);
	WEIR_ERR_TABLE(CHECK_NAME)
#undef CHECK_NAME
}
END_TEST

START_TEST(names_of_other_codes)
{
#ifdef __GLIBC__
	ck_assert_str_eq(weir_err_name(-ENOENT), "ENOENT");
	ck_assert_str_eq(weir_err_name(-EISDIR), "EISDIR");
	ck_assert_str_eq(weir_err_text(-ENOENT), strerror(ENOENT));
#endif
	ck_assert_str_eq(weir_err_name(-999), "errno");
	ck_assert_str_eq(weir_err_name(-1999), "unknown code");
	ck_assert_str_eq(weir_err_name(WEIR_EUSER + 1), "unknown code");
	ck_assert_str_eq(weir_err_name(WEIR_EUSER), "user error");
	ck_assert_str_eq(weir_err_name(INT_MIN), "user error");
	ck_assert_str_eq(weir_err_name(0), "no error");
	ck_assert_str_eq(weir_err_name(INT_MAX), "no error");
}
END_TEST

START_TEST(every_code_has_a_name_and_a_text)
{
	for (int code = -12000; code <= 200; code++) {
		ck_assert_ptr_nonnull(weir_err_name(code));
		ck_assert_uint_gt(strlen(weir_err_name(code)), 0);
		ck_assert_ptr_nonnull(weir_err_text(code));
		ck_assert_uint_gt(strlen(weir_err_text(code)), 0);
	}
}
END_TEST

START_TEST(fail_says_what_failed)
{
	weir_err err = {0};
	ck_assert_int_eq(weir_fail(&err, WEIR_EPIPE, "job %d of %s", 7, "sums"), WEIR_EPIPE);
	ck_assert_int_eq(err.code, WEIR_EPIPE);
	ck_assert_str_eq(formatted(&err), "WEIR_EPIPE: job 7 of sums");
	weir_err_fini(&err);
	assert_empty(&err);
}
END_TEST

START_TEST(fail_without_err_returns_the_code)
{
	ck_assert_int_eq(weir_fail(NULL, WEIR_ENOMEM, "%s", "nobody reads this"), WEIR_ENOMEM);
	ck_assert_int_eq(weir_fail(NULL, 0, "%s", ""), WEIR_EINVAL);
	ck_assert_int_eq(weir_fail(NULL, 1, "%s", ""), WEIR_EINVAL);
}
END_TEST

START_TEST(fail_never_looks_like_success)
{
	int codes[] = {0, 1, INT_MAX};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		weir_err err = {0};
		ck_assert_int_eq(weir_fail(&err, codes[i], "x"), WEIR_EINVAL);
		ck_assert_int_eq(err.code, WEIR_EINVAL);
		ck_assert(weir_err_is(&err, WEIR_EINVAL));
	}
}
END_TEST

START_TEST(fail_replaces_what_was_there)
{
	weir_err err = {0};
	char longer[400];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	(void)weir_fail(&err, WEIR_EIO, "%s", longer);
	for (int i = 0; i < 9; i++)
		weir_err_frame(&err, "old", 1, 1);
	(void)weir_fail(&err, WEIR_EBUSY, "new");
	ck_assert_str_eq(formatted(&err), "WEIR_EBUSY: new");
}
END_TEST

START_TEST(no_text_gives_the_meaning)
{
	weir_err err = {0};
	(void)weir_fail(&err, WEIR_EPIPE, "%s", "");
	ck_assert_str_eq(formatted(&err), "WEIR_EPIPE: nobody will receive any more");
	err = (weir_err){.code = WEIR_EBUSY}; /* set by hand, without weir_fail */
	ck_assert_str_eq(formatted(&err), "WEIR_EBUSY: still in use");
}
END_TEST

START_TEST(codes_without_a_name_show_their_number)
{
	weir_err err = {0};
	(void)weir_fail(&err, WEIR_EUSER - 7, "refused");
	ck_assert_str_eq(formatted(&err), "user error -10007: refused");
	(void)weir_fail(&err, -999, "odd");
	ck_assert_str_eq(formatted(&err), "errno 999: odd");
	(void)weir_fail(&err, -5000, "odd");
	ck_assert_str_eq(formatted(&err), "unknown code -5000: odd");
	(void)weir_fail(&err, INT_MIN, "far");
	ck_assert_str_eq(formatted(&err), "user error -2147483648: far");
#ifdef __GLIBC__
	(void)weir_fail(&err, -ENOENT, "odd");
	ck_assert_str_eq(formatted(&err), "ENOENT: odd");
#endif
}
END_TEST

START_TEST(frames_are_shown_outermost_first)
{
	weir_err err = {0};
	(void)weir_fail(&err, WEIR_EPIPE, "text");
	weir_err_frame(&err, "fetch", 3, 2);
	ck_assert_str_eq(formatted(&err), "fetch[3] attempt 2: WEIR_EPIPE: text");
	weir_err_frame(&err, "retry", UINT32_MAX, 0);
	weir_err_frame(&err, "chain", 0, 0);
	weir_err_frame(&err, "outer", UINT32_MAX, 1);
	ck_assert_str_eq(formatted(&err), "outer attempt 1: chain[0]: retry: fetch[3] attempt 2: WEIR_EPIPE: text");
}
END_TEST

START_TEST(frames_that_do_not_fit_are_counted)
{
	weir_err err = {0};
	(void)weir_fail(&err, WEIR_EIO, "t");
	for (uint32_t i = 0; i < WEIR_ERR_FRAMES; i++)
		weir_err_frame(&err, "f", i, 0);
	ck_assert_str_eq(formatted(&err), "f[5]: f[4]: f[3]: f[2]: f[1]: f[0]: WEIR_EIO: t");
	weir_err_frame(&err, "seventh", 6, 0);
	ck_assert_str_eq(formatted(&err), "(1 more): f[5]: f[4]: f[3]: f[2]: f[1]: f[0]: WEIR_EIO: t");
	for (int i = 0; i < 99; i++)
		weir_err_frame(&err, "more", 0, 0);
	ck_assert_str_eq(formatted(&err), "(100 more): f[5]: f[4]: f[3]: f[2]: f[1]: f[0]: WEIR_EIO: t");
}
END_TEST

START_TEST(frames_need_a_failure)
{
	weir_err err = {0};
	weir_err_frame(NULL, "nobody", 0, 0);
	weir_err_frame(&err, "nothing", 0, 0);
	assert_empty(&err);
	(void)weir_fail(&err, WEIR_EIO, "t");
	weir_err_frame(&err, NULL, 1, 0);
	ck_assert_str_eq(formatted(&err), "?[1]: WEIR_EIO: t");
}
END_TEST

/* Texts of each length around the room there is: what fits is whole, what does not is cut and counted. */
START_TEST(text_of_every_length)
{
	size_t room = 0;
	for (size_t n = 1; n < 300; n++) {
		char text[300], expected[400];
		weir_err err = {0};
		for (size_t i = 0; i < n; i++)
			text[i] = (char)('a' + i % 26);
		text[n] = '\0';
		(void)weir_fail(&err, WEIR_EIO, "%s", text);
		const char *got = formatted(&err) + strlen("WEIR_EIO: ");
		if (strcmp(got, text) == 0) {
			ck_assert_uint_eq(room, n - 1); /* no shorter text was cut */
			room = n;
			continue;
		}
		snprintf(expected, sizeof(expected), "%.*s... (%zu bytes cut)", (int)room, text, n - room);
		ck_assert_str_eq(got, expected);
	}
	ck_assert_uint_ge(room, 120);
	ck_assert_uint_lt(room, 256);
}
END_TEST

/* For each capacity from 0 to more than enough: the return value is the whole length, the text its beginning,
 * terminated, and no byte past the capacity is touched. */
static void format_at_every_cap(const weir_err *err)
{
	char whole[1024], buf[1026];
	size_t length = weir_err_format(err, whole, sizeof(whole));
	ck_assert_uint_lt(length, sizeof(whole) - 1);
	ck_assert_uint_eq(strlen(whole), length);
	ck_assert_uint_eq(weir_err_format(err, NULL, 0), length);
	for (size_t cap = 0; cap <= length + 2; cap++) {
		size_t kept = cap > length ? length : cap - 1;
		memset(buf, '#', sizeof(buf));
		ck_assert_uint_eq(weir_err_format(err, buf, cap), length);
		for (size_t i = cap; i < sizeof(buf); i++)
			ck_assert_int_eq(buf[i], '#');
		if (cap == 0)
			continue;
		ck_assert_mem_eq(buf, whole, kept);
		ck_assert_int_eq(buf[kept], '\0');
	}
}

START_TEST(format_is_cut_at_every_cap)
{
	weir_err err = {0};
	char text[301];
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)weir_fail(&err, WEIR_EOVERFLOW, "%s", text);
	for (uint32_t i = 0; i < 9; i++)
		weir_err_frame(&err, "stage", i, i + 1);
	format_at_every_cap(&err);
	(void)weir_fail(&err, WEIR_EUSER - 1, "s");
	format_at_every_cap(&err);
}
END_TEST

START_TEST(format_of_nothing_is_empty)
{
	weir_err err = {0};
	ck_assert_str_eq(formatted(NULL), "");
	ck_assert_str_eq(formatted(&err), "");
	format_at_every_cap(NULL);
	format_at_every_cap(&err);
}
END_TEST

START_TEST(is_finds_the_code)
{
	weir_err err = {0};
	ck_assert(!weir_err_is(NULL, WEIR_EIO));
	ck_assert(!weir_err_is(&err, WEIR_EIO));
	ck_assert(!weir_err_is(&err, 0)); /* no failure is not a failure with code 0 */
	(void)weir_fail(&err, WEIR_EIO, "t");
	ck_assert(weir_err_is(&err, WEIR_EIO));
	ck_assert(!weir_err_is(&err, WEIR_EPIPE));
	ck_assert(!weir_err_is(&err, 0));
}
END_TEST

START_TEST(move_empties_the_source)
{
	weir_err a = {0}, b = {0};
	(void)weir_fail(&a, WEIR_EIO, "one");
	weir_err_frame(&a, "f", 1, 0);
	(void)weir_fail(&b, WEIR_EBUSY, "two");
	weir_err_move(&b, &a);
	assert_empty(&a);
	ck_assert_str_eq(formatted(&b), "f[1]: WEIR_EIO: one");
	weir_err_move(&b, &b); /* to itself: nothing */
	ck_assert_str_eq(formatted(&b), "f[1]: WEIR_EIO: one");
	weir_err_move(NULL, &b);
	assert_empty(&b);
	(void)weir_fail(&a, WEIR_EIO, "one");
	weir_err_move(&a, NULL);
	assert_empty(&a);
	weir_err_move(NULL, NULL);
	weir_err_fini(NULL);
}
END_TEST

START_TEST(a_copy_of_the_bytes_is_a_copy)
{
	weir_err a = {0}, b;
	(void)weir_fail(&a, WEIR_EIO, "in a message");
	weir_err_frame(&a, "worker", 2, 0);
	memcpy(&b, &a, sizeof(b)); /* what a channel does */
	weir_err_fini(&a);
	ck_assert_str_eq(formatted(&b), "worker[2]: WEIR_EIO: in a message");
}
END_TEST

START_TEST(a_text_that_cannot_be_formatted_says_so)
{
	weir_err err = {0};
	static const wchar_t odd[] = {(wchar_t)0x7fffffff, 0}; /* has no bytes in any locale */
	ck_assert_int_eq(weir_fail(&err, WEIR_EIO, "%ls", odd), WEIR_EIO);
	ck_assert_str_eq(formatted(&err), "WEIR_EIO: (its text could not be formatted)");
}
END_TEST

START_TEST(a_wrapped_failure_is_both)
{
	weir_err err = {0};
	struct weir_err_info info;
	(void)weir_fail(&err, WEIR_EPIPE, "gone");
	weir_err_frame(&err, "fetch", UINT32_MAX, 3);
	ck_assert_int_eq(weir_err_wrap(&err, WEIR_EEXHAUSTED, 3), WEIR_EEXHAUSTED);
	weir_err_frame(&err, "retry", UINT32_MAX, 0);
	ck_assert_int_eq(weir_err_wrap(&err, WEIR_EUSER - 7, 0), WEIR_EUSER - 7);
	ck_assert_int_eq(err.code, WEIR_EUSER - 7);
	ck_assert(weir_err_is(&err, WEIR_EPIPE) && weir_err_is(&err, WEIR_EEXHAUSTED) &&
		  weir_err_is(&err, WEIR_EUSER - 7));
	ck_assert(!weir_err_is(&err, WEIR_EIO));
	ck_assert_str_eq(formatted(&err), "user error -10007: retry: WEIR_EEXHAUSTED (3 attempts): fetch attempt 3: "
					  "WEIR_EPIPE: gone");
	ck_assert(weir_err_as(&err, WEIR_EEXHAUSTED, &info));
	ck_assert_int_eq(info.value, 3);
	ck_assert_str_eq(info.name, "retry");
	ck_assert_uint_eq(info.attempt, 0);
	ck_assert(weir_err_as(&err, WEIR_EUSER - 7, &info));
	ck_assert_int_eq(info.value, 0);
	ck_assert_ptr_null(info.name);
	ck_assert(weir_err_as(&err, WEIR_EPIPE, &info));
	ck_assert_str_eq(info.name, "fetch");
	ck_assert_uint_eq(info.attempt, 3);
	weir_err_fini(&err);
	assert_empty(&err);
}
END_TEST

START_TEST(a_wrap_of_nothing_is_a_failure)
{
	weir_err err = {0};
	ck_assert_int_eq(weir_err_wrap(NULL, WEIR_EOPEN, 5), WEIR_EOPEN);
	ck_assert_int_eq(weir_err_wrap(&err, WEIR_EOPEN, 2500000), WEIR_EOPEN);
	ck_assert_str_eq(formatted(&err), "WEIR_EOPEN (try again in 2500 us): the circuit breaker is open");
	ck_assert_int_eq(weir_err_wrap(&err, 0, 0), WEIR_EINVAL); /* never success */
	ck_assert(weir_err_is(&err, WEIR_EOPEN));
}
END_TEST

START_TEST(a_wrap_takes_the_room_of_places)
{
	weir_err err = {0};
	(void)weir_fail(&err, WEIR_EIO, NULL);
	for (uint32_t i = 0; i < WEIR_ERR_FRAMES; i++)
		weir_err_frame(&err, "place", i, 0);
	(void)weir_err_wrap(&err, WEIR_EEXHAUSTED, 2);
	ck_assert(weir_err_is(&err, WEIR_EIO) && weir_err_is(&err, WEIR_EEXHAUSTED));
	ck_assert_str_eq(formatted(&err),
			 "(1 more): WEIR_EEXHAUSTED (2 attempts): place[4]: place[3]: place[2]: place[1]: "
			 "place[0]: WEIR_EIO: input/output error");
	for (int i = 0; i < 2 * WEIR_ERR_FRAMES; i++) /* the innermost codes stay, and the newest */
		(void)weir_err_wrap(&err, WEIR_EUSER - i, 0);
	ck_assert(weir_err_is(&err, WEIR_EIO) && weir_err_is(&err, WEIR_EEXHAUSTED));
	ck_assert_int_eq(err.code, WEIR_EUSER - (2 * WEIR_ERR_FRAMES - 1));
	ck_assert(weir_err_is(&err, err.code));
	ck_assert(!weir_err_is(&err, WEIR_EUSER - 8));
}
END_TEST

static weir_rt *rt_new(void)
{
	weir_rt *rt = NULL;
	ck_assert_int_eq(weir_rt_threads_new(NULL, &rt), 0);
	return rt;
}

/* What was emptied is as good as zeroed, for whoever sets the code by hand too: nothing of before comes back. */
START_TEST(emptied_is_as_good_as_zeroed)
{
	weir_err err = {0}, other = {0}, member = {0};
	weir_rt *rt = rt_new();
	for (int how = 0; how < 2; how++) {
		weir_fail(&member, WEIR_EIO, "member");
		weir_fail(&err, WEIR_EPIPE, "words");
		weir_err_frame(&err, "stage", 1, 2);
		weir_err_wrap(&err, WEIR_EEXHAUSTED, 3);
		weir_err_add(&err, rt, 4, &member);
		if (how == 0)
			weir_err_fini(&err);
		else
			weir_err_move(&other, &err);
		assert_empty(&err);
		err.code = WEIR_EINVAL;
		ck_assert_str_eq(formatted(&err), "WEIR_EINVAL: an argument makes no sense here");
		ck_assert_ptr_null(weir_err_member(&err, 0, NULL));
		weir_err_fini(&err);
	}
	weir_err_fini(&other);
	assert_empty(&other);
	weir_rt_free(&rt);
}
END_TEST

START_TEST(members_are_found_and_told)
{
	weir_rt *rt = rt_new();
	weir_err err = {0}, member = {0}, inner = {0}, moved = {0};
	struct weir_err_info info;
	uint32_t index = 0;
	(void)weir_fail(&err, WEIR_EPARTIAL, "2 of 5 items failed");
	(void)weir_fail(&member, WEIR_EIO, "no line");
	weir_err_add(&err, rt, 1, &member);
	assert_empty(&member);
	(void)weir_fail(&inner, WEIR_EPIPE, "deep");
	weir_err_add(&member, rt, 0, &inner); /* an empty one takes the first member's code */
	ck_assert_int_eq(member.code, WEIR_EPIPE);
	(void)weir_err_wrap(&member, WEIR_EEXHAUSTED, 4);
	weir_err_add(&err, rt, 4, &member);
	weir_err_add(&err, rt, 9, &member); /* empty by now: nothing */
	weir_err_add(&err, rt, 9, NULL);
	ck_assert_str_eq(formatted(&err),
			 "WEIR_EPARTIAL: 2 of 5 items failed [1] WEIR_EIO: no line; [4] WEIR_EEXHAUSTED (4 "
			 "attempts): WEIR_EPIPE: nobody will receive any more [0] WEIR_EPIPE: deep");
	weir_err_move(&moved, &err);
	assert_empty(&err);
	ck_assert(weir_err_is(&moved, WEIR_EIO) && weir_err_is(&moved, WEIR_EPIPE) &&
		  weir_err_is(&moved, WEIR_EPARTIAL));
	ck_assert(weir_err_as(&moved, WEIR_EEXHAUSTED, &info));
	ck_assert_int_eq(info.value, 4);
	ck_assert_ptr_nonnull(weir_err_member(&moved, 1, &index));
	ck_assert_uint_eq(index, 4);
	ck_assert_int_eq(weir_err_member(&moved, 0, NULL)->code, WEIR_EIO);
	ck_assert_ptr_null(weir_err_member(&moved, 2, &index));
	ck_assert_ptr_null(weir_err_member(NULL, 0, NULL));
	weir_err_fini(&moved);
	assert_empty(&moved);
	weir_rt_free(&rt);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("err");
	TCase *codes = tcase_create("codes"), *detail = tcase_create("detail");
	tcase_add_test(codes, codes_are_errno_and_our_own);
	tcase_add_test(codes, names_of_our_codes);
	tcase_add_test(codes, names_of_other_codes);
	tcase_add_test(codes, every_code_has_a_name_and_a_text);
	tcase_add_test(detail, fail_says_what_failed);
	tcase_add_test(detail, fail_without_err_returns_the_code);
	tcase_add_test(detail, fail_never_looks_like_success);
	tcase_add_test(detail, fail_replaces_what_was_there);
	tcase_add_test(detail, no_text_gives_the_meaning);
	tcase_add_test(detail, codes_without_a_name_show_their_number);
	tcase_add_test(detail, frames_are_shown_outermost_first);
	tcase_add_test(detail, frames_that_do_not_fit_are_counted);
	tcase_add_test(detail, frames_need_a_failure);
	tcase_add_test(detail, text_of_every_length);
	tcase_add_test(detail, emptied_is_as_good_as_zeroed);
	tcase_add_test(detail, format_is_cut_at_every_cap);
	tcase_add_test(detail, format_of_nothing_is_empty);
	tcase_add_test(detail, is_finds_the_code);
	tcase_add_test(detail, move_empties_the_source);
	tcase_add_test(detail, a_copy_of_the_bytes_is_a_copy);
	tcase_add_test(detail, a_text_that_cannot_be_formatted_says_so);
	tcase_add_test(detail, a_wrapped_failure_is_both);
	tcase_add_test(detail, a_wrap_of_nothing_is_a_failure);
	tcase_add_test(detail, a_wrap_takes_the_room_of_places);
	tcase_add_test(detail, members_are_found_and_told);
	suite_add_tcase(suite, codes);
	suite_add_tcase(suite, detail);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
