/* SPDX-License-Identifier: MIT
 *
 * The two waits that have no object of weir's: weir_sleep and weir_wait_fd, as include/weir/core/ctx.h promises them.
 *
 * How long a sleep is, is exact in the simulator; here it is asked what ends it: nothing to wait for, a context that
 * has ended, a cancel from another task, a deadline. For descriptors pipes are used, and a cancel that meets a task in
 * poll. */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "support.h"

/* ---- arithmetic ---- */

START_TEST(adding_never_wraps)
{
	ck_assert_int_eq(weir_time_add(5, 7), 12);
	ck_assert_int_eq(weir_time_add(5, -3), 2);
	ck_assert_int_eq(weir_time_add(5, -7), 0);
	ck_assert_int_eq(weir_time_add(WEIR_FOREVER, 1), WEIR_FOREVER);
	ck_assert_int_eq(weir_time_add(WEIR_FOREVER - 1, 1), WEIR_FOREVER);
	ck_assert_int_eq(weir_time_add(1, WEIR_FOREVER), WEIR_FOREVER);
	ck_assert_int_eq(weir_time_add(INT64_MIN, -1), 0);
	ck_assert_int_eq(weir_time_add(0, INT64_MIN), 0);
	ck_assert_int_eq(weir_time_add(WEIR_FOREVER, INT64_MIN), 0);
	ck_assert_int_eq(WEIR_US(2), 2000);
	ck_assert_int_eq(WEIR_MS(2), 2000000);
	ck_assert_int_eq(WEIR_SEC(2), INT64_C(2000000000));
}
END_TEST

/* ---- sleep ---- */

static const int64_t lengths[] = {INT64_MIN, -1, 0, 1, WEIR_SEC(3600), WEIR_FOREVER};

START_TEST(nothing_to_sleep)
{
	for (size_t i = 0; i < COUNT_OF(lengths) && lengths[i] <= 0; i++)
		ck_assert_int_eq(weir_sleep(&root, lengths[i]), 0);
}
END_TEST

START_TEST(an_ended_context_does_not_sleep)
{
	weir_ctx cancelled, late, child;
	weir_ctx_init(&cancelled, &root, WEIR_FOREVER);
	weir_ctx_cancel(&cancelled, "stop");
	weir_ctx_init(&child, &cancelled, WEIR_FOREVER);
	weir_ctx_init(&late, &root, 0);
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		ck_assert_int_eq(weir_sleep(&cancelled, lengths[i]), WEIR_ECANCELED);
		ck_assert_int_eq(weir_sleep(&child, lengths[i]), WEIR_ECANCELED);
		ck_assert_int_eq(weir_sleep(&late, lengths[i]), WEIR_EDEADLINE);
	}
	weir_ctx_fini(&late);
	weir_ctx_fini(&child);
	weir_ctx_fini(&cancelled);
}
END_TEST

START_TEST(a_deadline_ends_a_sleep)
{
	weir_ctx c;
	int64_t soon = weir_time_add(weir_rt_now(rt), WEIR_US(200));
	weir_ctx_init(&c, &root, soon);
	ck_assert_int_eq(weir_sleep(&c, WEIR_FOREVER), WEIR_EDEADLINE);
	ck_assert_int_ge(weir_rt_now(rt), soon);
	weir_ctx_fini(&c);
}
END_TEST

START_TEST(a_sleep_ends_by_itself)
{
	int64_t before = weir_rt_now(rt);
	ck_assert_int_eq(weir_sleep(&root, WEIR_US(200)), 0);
	ck_assert_int_ge(weir_rt_now(rt), before + WEIR_US(200));
}
END_TEST

static int sleep_for_ever(void *ctx)
{
	return weir_sleep(ctx, WEIR_FOREVER);
}

/* The cancel comes before, while or after the others have gone to sleep: it must be found in each case. */
START_TEST(cancel_ends_sleeps)
{
	enum { N = 8 };
	struct helper h[N];
	for (int round = 0; round < 20; round++) {
		weir_ctx c;
		weir_ctx_init(&c, &root, WEIR_FOREVER);
		for (size_t i = 0; i < N; i++)
			helper_start(&h[i], sleep_for_ever, &c);
		weir_ctx_cancel(&c, "wake");
		for (size_t i = 0; i < N; i++)
			ck_assert_int_eq(helper_join(&h[i]), WEIR_ECANCELED);
		weir_ctx_fini(&c);
	}
}
END_TEST

/* ---- descriptors ---- */

static int fds[2];

static void pipe_open(void)
{
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
}

static void pipe_close(void)
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			ck_assert_int_eq(close(fds[i]), 0);
}

START_TEST(descriptors_that_are_ready)
{
	pipe_open();
	ck_assert_int_eq(weir_wait_fd(&root, fds[1], POLLOUT), POLLOUT);
	ck_assert_int_eq((int)write(fds[1], "x", 1), 1);
	ck_assert_int_eq(weir_wait_fd(&root, fds[0], POLLIN), POLLIN);
	ck_assert_int_eq(weir_wait_fd(&root, fds[0], POLLIN | POLLPRI), POLLIN);
	ck_assert_int_eq(close(fds[1]), 0);
	fds[1] = -1;
	ck_assert_int_eq(weir_wait_fd(&root, fds[0], POLLIN) & (POLLIN | POLLHUP), POLLIN | POLLHUP);
	pipe_close();
}
END_TEST

START_TEST(descriptors_that_make_no_sense)
{
	pipe_open();
	ck_assert_int_eq(weir_wait_fd(&root, -1, POLLIN), WEIR_EBADF);
	ck_assert_int_eq(weir_wait_fd(&root, fds[1], 0), WEIR_EINVAL);
	/* the runtime may open a descriptor of its own: before the number is free to be taken */
	ck_assert_int_eq(weir_wait_fd(&root, fds[1], POLLOUT), POLLOUT);
	int closed = fds[0];
	ck_assert_int_eq(close(fds[0]), 0);
	fds[0] = -1;
	ck_assert_int_eq(weir_wait_fd(&root, closed, POLLIN), WEIR_EBADF);
	pipe_close();
}
END_TEST

START_TEST(an_ended_context_does_not_wait)
{
	weir_ctx c;
	pipe_open();
	weir_ctx_init(&c, &root, WEIR_FOREVER);
	weir_ctx_cancel(&c, "stop");
	ck_assert_int_eq(weir_wait_fd(&c, fds[0], POLLIN), WEIR_ECANCELED);
	ck_assert_int_eq(weir_wait_fd(&c, fds[1], POLLOUT), WEIR_ECANCELED); /* also where it is ready */
	weir_ctx_fini(&c);
	weir_ctx_init(&c, &root, 0);
	ck_assert_int_eq(weir_wait_fd(&c, fds[1], POLLOUT), WEIR_EDEADLINE);
	weir_ctx_fini(&c);
	weir_ctx_init(&c, &root, weir_time_add(weir_rt_now(rt), WEIR_US(300)));
	ck_assert_int_eq(weir_wait_fd(&c, fds[0], POLLIN), WEIR_EDEADLINE);
	ck_assert_int_ge(weir_rt_now(rt), weir_ctx_deadline(&c));
	weir_ctx_fini(&c);
	pipe_close();
}
END_TEST

static int wait_for_bytes(void *ctx)
{
	return weir_wait_fd(ctx, fds[0], POLLIN);
}

START_TEST(a_write_ends_the_wait)
{
	struct helper h;
	char byte;
	pipe_open();
	for (int round = 0; round < 50; round++) {
		helper_start(&h, wait_for_bytes, &root);
		ck_assert_int_eq((int)write(fds[1], "x", 1), 1);
		ck_assert_int_eq(helper_join(&h), POLLIN);
		ck_assert_int_eq((int)read(fds[0], &byte, 1), 1);
	}
	pipe_close();
}
END_TEST

START_TEST(cancel_ends_the_wait)
{
	struct helper h;
	pipe_open();
	for (int round = 0; round < 50; round++) {
		weir_ctx c;
		weir_ctx_init(&c, &root, WEIR_FOREVER);
		helper_start(&h, wait_for_bytes, &c);
		weir_ctx_cancel(&c, "wake");
		ck_assert_int_eq(helper_join(&h), WEIR_ECANCELED);
		weir_ctx_fini(&c);
	}
	ck_assert_int_eq(weir_wait_fd(&root, fds[1], POLLOUT), POLLOUT);
	pipe_close();
}
END_TEST

struct rounds {
	weir_ctx *ctx; /* cancelled over and over */
	weir_rx *go;
	int wrong;
};

/* One task waits again and again, each time under a context of its own that another task cancels or feeds: a token or a
 * byte that is left over would end the next wait wrongly. */
static int wait_in_rounds(void *arg)
{
	struct rounds *r = arg;
	weir_ctx *c;
	char byte;
	while (weir_rx_recv(&root, r->go, &c) == 1) {
		int rc = weir_wait_fd(c, fds[0], POLLIN);
		if (rc == POLLIN && read(fds[0], &byte, 1) != 1)
			r->wrong++;
		if (rc != POLLIN && rc != WEIR_ECANCELED)
			r->wrong++;
		r->wrong += weir_sleep(&root, 1) != 0; /* a token too many would show here */
	}
	return r->wrong;
}

START_TEST(nothing_is_left_over_after_a_wait)
{
	static const weir_type pointer = {.name = "ctx", .size = sizeof(weir_ctx *), .align = _Alignof(weir_ctx *)};
	struct rounds r = {0};
	struct helper h;
	weir_tx *go;
	static weir_ctx c[200];
	pipe_open();
	ck_assert_int_eq(weir_chan_new(rt, &pointer, 0, &go, &r.go), 0);
	helper_start(&h, wait_in_rounds, &r);
	for (size_t i = 0; i < COUNT_OF(c); i++) {
		weir_ctx *p = &c[i];
		weir_ctx_init(p, &root, WEIR_FOREVER);
		ck_assert_int_eq(weir_tx_send(&root, go, &p), 0);
		if (i % 2)
			ck_assert_int_eq((int)write(fds[1], "x", 1), 1);
		if (i % 4 != 1)
			weir_ctx_cancel(p, "wake");
	}
	weir_tx_close(&go);
	ck_assert_int_eq(helper_join(&h), 0);
	weir_rx_close(&r.go);
	for (size_t i = 0; i < COUNT_OF(c); i++)
		weir_ctx_fini(&c[i]);
	pipe_close();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("time");
	tcase_add_test(bare_case(suite, "arithmetic"), adding_never_wraps);
	TCase *sleeps = world_case(suite, "sleep");
	tcase_add_test(sleeps, nothing_to_sleep);
	tcase_add_test(sleeps, an_ended_context_does_not_sleep);
	tcase_add_test(sleeps, a_deadline_ends_a_sleep);
	tcase_add_test(sleeps, a_sleep_ends_by_itself);
	tcase_add_test(sleeps, cancel_ends_sleeps);
	TCase *descriptors = world_case(suite, "descriptors");
	tcase_add_test(descriptors, descriptors_that_are_ready);
	tcase_add_test(descriptors, descriptors_that_make_no_sense);
	tcase_add_test(descriptors, an_ended_context_does_not_wait);
	tcase_add_test(descriptors, a_write_ends_the_wait);
	tcase_add_test(descriptors, cancel_ends_the_wait);
	tcase_add_test(descriptors, nothing_is_left_over_after_a_wait);
	return run_suite(suite);
}
