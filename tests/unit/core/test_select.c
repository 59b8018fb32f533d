/* SPDX-License-Identifier: MIT
 *
 * Select: what include/weir/core/select.h promises.
 *
 * The cases: `ready` (each kind of case when it can go at once, and the choice among several), `off` (cases that are
 * switched off, arguments that make no sense), `waiting` (each kind of case commits a select that is parked, and the
 * cases that were not committed are as if never asked) and `try`. Crossing selects are tested in tests/stress. */
#include <check.h>

#include "support.h"

enum { CHANS = 4 };

static weir_tx *tx[CHANS];
static weir_rx *rx[CHANS];

static void open_chans(size_t capacity)
{
	for (size_t i = 0; i < CHANS; i++)
		ck_assert_int_eq(weir_chan_new(rt, &item_type, capacity, &tx[i], &rx[i]), 0);
}

static void close_chans(void)
{
	for (size_t i = 0; i < CHANS; i++) {
		weir_tx_close(&tx[i]);
		weir_rx_close(&rx[i]);
	}
}

static void put(size_t chan, uint32_t id)
{
	ck_assert_int_eq(weir_tx_try_send(tx[chan], &id), 0);
}

/* Nobody waits on any channel, and this is what each has seen. */
static void assert_quiet(size_t chan, uint64_t accepted, uint64_t delivered)
{
	struct weir_chan_stats s = account_of(tx[chan], rx[chan]);
	ck_assert_uint_eq(s.senders_waiting, 0);
	ck_assert_uint_eq(s.receivers_waiting, 0);
	ck_assert_uint_eq(s.accepted, accepted);
	ck_assert_uint_eq(s.delivered, delivered);
}

/* ---- ready ---- */

START_TEST(a_receive_that_is_ready)
{
	uint32_t out[2] = {77, 77};
	open_chans(1);
	put(1, 5);
	weir_case cases[2] = {weir_case_recv(rx[0], &out[0]), weir_case_recv(rx[1], &out[1])};
	cases[0].rc = 1234;
	ck_assert_int_eq(weir_select(&root, cases, 2), 1);
	ck_assert_int_eq(cases[1].rc, 1);
	ck_assert_int_eq(cases[0].rc, 1234); /* untouched */
	ck_assert_uint_eq(out[1], 5);
	ck_assert_uint_eq(out[0], 77);
	assert_quiet(0, 0, 0);
	assert_quiet(1, 1, 1);
	close_chans();
}
END_TEST

START_TEST(a_send_that_is_ready)
{
	uint32_t item[2] = {5, 6};
	open_chans(1);
	put(0, 1);
	weir_case cases[2] = {weir_case_send(tx[0], &item[0]), weir_case_send(tx[1], &item[1])};
	ck_assert_int_eq(weir_select(&root, cases, 2), 1);
	ck_assert_int_eq(cases[1].rc, 0);
	assert_quiet(0, 1, 0);
	assert_quiet(1, 1, 0);
	close_chans();
	ck_assert_uint_eq(drops_of(6), 1);
	ck_assert_uint_eq(drops_of(5), 0);
}
END_TEST

START_TEST(ends_are_ready)
{
	uint32_t item = 5, out = 77;
	open_chans(1);
	weir_tx_close(&tx[0]);
	weir_case cases[1] = {weir_case_recv(rx[0], &out)};
	ck_assert_int_eq(weir_select(&root, cases, 1), 0);
	ck_assert_int_eq(cases[0].rc, 0);
	ck_assert_uint_eq(out, 77);
	weir_rx_close(&rx[1]);
	cases[0] = weir_case_send(tx[1], &item);
	ck_assert_int_eq(weir_select(&root, cases, 1), 0);
	ck_assert_int_eq(cases[0].rc, WEIR_EPIPE);
	weir_rx_shut(rx[2]);
	cases[0] = weir_case_send(tx[2], &item);
	ck_assert_int_eq(weir_select(&root, cases, 1), 0);
	ck_assert_int_eq(cases[0].rc, WEIR_EPIPE);
	cases[0] = weir_case_recv(rx[2], &out);
	ck_assert_int_eq(weir_select(&root, cases, 1), 0);
	ck_assert_int_eq(cases[0].rc, 0);
	put(3, 9);
	weir_rx_shut(rx[3]);
	cases[0] = weir_case_recv(rx[3], &out); /* what was accepted before the shut */
	ck_assert_int_eq(weir_select(&root, cases, 1), 0);
	ck_assert_int_eq(cases[0].rc, 1);
	ck_assert_uint_eq(out, 9);
	close_chans();
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

START_TEST(timers_that_are_due)
{
	uint32_t out = 77;
	open_chans(1);
	static const int64_t past[] = {0, -1, INT64_MIN};
	for (size_t i = 0; i < COUNT_OF(past); i++) {
		weir_case cases[2] = {weir_case_recv(rx[0], &out), weir_case_timer(past[i])};
		ck_assert_int_eq(weir_select(&root, cases, 2), 1);
		ck_assert_int_eq(cases[1].rc, 0);
	}
	assert_quiet(0, 0, 0);
	close_chans();
}
END_TEST

START_TEST(contexts_that_have_ended)
{
	uint32_t out = 77;
	weir_ctx cancelled, late, alive;
	open_chans(1);
	weir_ctx_init(&cancelled, &root, WEIR_FOREVER);
	weir_ctx_init(&late, &root, 0);
	weir_ctx_init(&alive, &root, WEIR_FOREVER);
	weir_ctx_cancel(&cancelled, "stop");
	weir_case cases[3] = {weir_case_recv(rx[0], &out), weir_case_ctx(&cancelled), weir_case_ctx(&alive)};
	ck_assert_int_eq(weir_select(&root, cases, 3), 1);
	ck_assert_int_eq(cases[1].rc, WEIR_ECANCELED);
	cases[1] = weir_case_ctx(&late);
	ck_assert_int_eq(weir_select(&root, cases, 3), 1);
	ck_assert_int_eq(cases[1].rc, WEIR_EDEADLINE);
	assert_quiet(0, 0, 0);
	weir_ctx_fini(&alive);
	weir_ctx_fini(&late);
	weir_ctx_fini(&cancelled);
	close_chans();
}
END_TEST

START_TEST(the_callers_context_wins_at_entry)
{
	uint32_t out = 77, item = 3;
	weir_ctx c, late;
	open_chans(1);
	put(0, 1);
	weir_ctx_init(&c, &root, WEIR_FOREVER);
	weir_ctx_init(&late, &root, 0);
	weir_ctx_cancel(&c, "stop");
	weir_case cases[4] = {weir_case_recv(rx[0], &out), weir_case_send(tx[1], &item), weir_case_timer(0),
			      weir_case_ctx(&c)};
	ck_assert_int_eq(weir_select(&c, cases, 4), WEIR_ECANCELED);
	ck_assert_int_eq(weir_select(&late, cases, 4), WEIR_EDEADLINE);
	ck_assert_uint_eq(out, 77);
	assert_quiet(0, 1, 0);
	assert_quiet(1, 0, 0);
	weir_ctx_fini(&late);
	weir_ctx_fini(&c);
	close_chans();
}
END_TEST

/* Each of several ready cases of every kind is chosen now and then, and the array can be used as it is again. */
START_TEST(every_ready_case_is_chosen_sometimes)
{
	uint32_t item = 3, out = 77;
	size_t chosen[4] = {0};
	weir_ctx c;
	weir_ctx_init(&c, &root, 0);
	open_chans(1);
	put(0, 1);
	weir_case cases[4] = {weir_case_recv(rx[0], &out), weir_case_send(tx[1], &item), weir_case_timer(0),
			      weir_case_ctx(&c)};
	for (size_t round = 0; round < 200; round++) {
		int i = weir_select(&root, cases, 4);
		ck_assert_int_ge(i, 0);
		chosen[i]++;
		if (i == 0) {
			ck_assert_int_eq(cases[0].rc, 1);
			put(0, out);
		} else if (i == 1) {
			ck_assert_int_eq(cases[1].rc, 0);
			ck_assert_int_eq(weir_rx_try_recv(rx[1], &out), 1);
		} else {
			ck_assert_int_eq(cases[i].rc, i == 2 ? 0 : WEIR_EDEADLINE);
		}
	}
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_gt(chosen[i], 0);
	assert_quiet(0, 1 + chosen[0], chosen[0]);
	assert_quiet(1, chosen[1], chosen[1]);
	weir_ctx_fini(&c);
	close_chans();
}
END_TEST

START_TEST(one_channel_may_be_there_twice)
{
	uint32_t out[2] = {77, 77}, item[2] = {5, 6};
	size_t chosen[4] = {0};
	open_chans(1);
	for (size_t round = 0; round < 200; round++) {
		weir_case cases[4] = {weir_case_recv(rx[0], &out[0]), weir_case_send(tx[0], &item[0]),
				      weir_case_recv(rx[0], &out[1]), weir_case_send(tx[0], &item[1])};
		int i = weir_select(&root, cases, 4);
		ck_assert_int_ge(i, 0);
		ck_assert_int_eq(i % 2, round % 2 == 0); /* empty: a send; full: a receive */
		ck_assert_int_eq(cases[i].rc, i % 2 == 0);
		chosen[i]++;
	}
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_gt(chosen[i], 0);
	assert_quiet(0, 100, 100);
	close_chans();
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

/* Both ends of one rendezvous in one select do not meet: nobody hands over to itself. */
START_TEST(a_select_does_not_meet_itself)
{
	uint32_t out = 77, item = 5;
	open_chans(0);
	weir_case cases[2] = {weir_case_recv(rx[0], &out), weir_case_send(tx[0], &item)};
	ck_assert_int_eq(weir_try_select(cases, 2), WEIR_EAGAIN);
	weir_ctx c;
	weir_ctx_init(&c, &root, weir_time_add(weir_rt_now(rt), WEIR_US(200)));
	ck_assert_int_eq(weir_select(&c, cases, 2), WEIR_EDEADLINE);
	weir_ctx_fini(&c);
	assert_quiet(0, 0, 0);
	close_chans();
}
END_TEST

/* ---- off, and arguments that make no sense ---- */

START_TEST(cases_that_are_off)
{
	uint32_t out = 77;
	open_chans(1);
	put(0, 5);
	weir_case cases[5] = {weir_case_recv(NULL, &out), weir_case_send(NULL, &out), weir_case_timer(WEIR_FOREVER),
			      weir_case_ctx(NULL), weir_case_recv(rx[0], &out)};
	ck_assert_int_eq(weir_select(&root, cases, 5), 4);
	ck_assert_uint_eq(out, 5);
	ck_assert_int_eq(weir_try_select(cases, 4), WEIR_EAGAIN);
	weir_ctx c;
	weir_ctx_init(&c, &root, weir_time_add(weir_rt_now(rt), WEIR_US(200)));
	ck_assert_int_eq(weir_select(&c, cases, 4), WEIR_EDEADLINE); /* waits for its context */
	ck_assert_int_eq(weir_select(&c, NULL, 0), WEIR_EDEADLINE);
	weir_ctx_fini(&c);
	ck_assert_int_eq(weir_try_select(NULL, 0), WEIR_EAGAIN);
	close_chans();
}
END_TEST

START_TEST(cases_not_made_by_weir)
{
	weir_case cases[2];
	uint32_t out = 77;
	open_chans(1);
	put(0, 5);
	for (int byte = 0; byte < 256; byte += 51) {
		cases[0] = weir_case_recv(rx[0], &out);
		memset(&cases[1], byte, sizeof(cases[1]));
		ck_assert_int_eq(weir_select(&root, cases, 2), WEIR_EINVAL);
		ck_assert_int_eq(weir_try_select(cases, 2), WEIR_EINVAL);
	}
	ck_assert_int_eq(weir_select(&root, NULL, 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_try_select(NULL, 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_select(&root, cases, (size_t)INT32_MAX + 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_try_select(cases, (size_t)INT32_MAX + 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_select(&root, cases, SIZE_MAX), WEIR_EINVAL);
	ck_assert_uint_eq(out, 77);
	assert_quiet(0, 1, 0);
	close_chans();
}
END_TEST

START_TEST(another_runtime)
{
	weir_rt *other = runtime_of((struct weir_rt_opts){0});
	weir_ctx foreign;
	weir_tx *other_tx;
	weir_rx *other_rx;
	uint32_t out = 77;
	weir_ctx_init_root(&foreign, other);
	ck_assert_int_eq(weir_chan_new(other, &item_type, 1, &other_tx, &other_rx), 0);
	open_chans(1);
	put(0, 5);
	weir_case cases[2] = {weir_case_recv(rx[0], &out), weir_case_recv(other_rx, &out)};
	ck_assert_int_eq(weir_select(&root, cases, 2), WEIR_EINVAL);
	ck_assert_int_eq(weir_try_select(cases, 2), WEIR_EINVAL);
	ck_assert_int_eq(weir_select(&foreign, cases, 1), WEIR_EINVAL);
	cases[1] = weir_case_send(other_tx, &out);
	ck_assert_int_eq(weir_select(&root, cases, 2), WEIR_EINVAL);
	cases[1] = weir_case_ctx(&foreign);
	ck_assert_int_eq(weir_select(&root, cases, 2), WEIR_EINVAL);
	ck_assert_int_eq(weir_try_select(cases, 2), WEIR_EINVAL);
	ck_assert_int_eq(weir_select(&root, cases, 1), 0);
	weir_tx_close(&other_tx);
	weir_rx_close(&other_rx);
	weir_ctx_fini(&foreign);
	weir_rt_free(&other);
	close_chans();
}
END_TEST

/* ---- waiting ---- */

/* A select that a helper runs; where it waits is seen in the accounts. */
struct waiting {
	weir_ctx *ctx;
	weir_case cases[6];
	size_t n;
	uint32_t item[6], out[6];
	weir_tx *tx[6];
	weir_rx *rx[6];
	struct helper helper;
};

static int waiting_run(void *arg)
{
	struct waiting *w = arg;
	return weir_select(w->ctx, w->cases, w->n);
}

static void waiting_recv(struct waiting *w, size_t chan)
{
	w->out[w->n] = 77;
	ck_assert_int_eq(weir_rx_clone(rx[chan], 1, &w->rx[w->n]), 0);
	w->cases[w->n] = weir_case_recv(w->rx[w->n], &w->out[w->n]);
	w->cases[w->n++].rc = 1234;
}

static void waiting_send(struct waiting *w, size_t chan, uint32_t id)
{
	w->item[w->n] = id;
	ck_assert_int_eq(weir_tx_clone(tx[chan], 1, &w->tx[w->n]), 0);
	w->cases[w->n] = weir_case_send(w->tx[w->n], &w->item[w->n]);
	w->cases[w->n++].rc = 1234;
}

/* Its case on channel 0 is the sign that it waits: all cases are enqueued in one step. */
static void waiting_start(struct waiting *w)
{
	helper_start(&w->helper, waiting_run, w);
	AWAIT(account_of(tx[0], rx[0]).receivers_waiting + account_of(tx[0], rx[0]).senders_waiting > 0);
}

/* Joins; this index was committed with this code, and no other case was touched. */
static void waiting_end(struct waiting *w, int index, int rc)
{
	ck_assert_int_eq(helper_join(&w->helper), index);
	for (size_t i = 0; i < w->n; i++) {
		ck_assert_int_eq(w->cases[i].rc, (int)i == index ? rc : 1234);
		if ((int)i != index && w->rx[i])
			ck_assert_uint_eq(w->out[i], 77);
		weir_tx_close(&w->tx[i]);
		weir_rx_close(&w->rx[i]);
	}
	for (size_t i = 0; i < CHANS; i++) {
		ck_assert_uint_eq(account_of(tx[i], rx[i]).senders_waiting, 0);
		ck_assert_uint_eq(account_of(tx[i], rx[i]).receivers_waiting, 0);
	}
}

START_TEST(each_channel_commits_a_select_that_waits)
{
	for (size_t capacity = 0; capacity <= 1; capacity++) {
		for (uint32_t which = 0; which < CHANS; which++) {
			uint32_t out = 77, id = 10 + which;
			struct waiting w = {.ctx = &root};
			open_chans(capacity);
			for (uint32_t i = 0; i < CHANS; i++) {
				if (i % 2 == 0) {
					waiting_recv(&w, i);
					continue;
				}
				if (capacity)
					put(i, 20 + i);
				waiting_send(&w, i, 10 + i);
			}
			waiting_start(&w);
			if (which % 2 == 0)
				ck_assert_int_eq(weir_tx_try_send(tx[which], &id), 0);
			else
				ck_assert_int_eq(weir_rx_try_recv(rx[which], &out), 1);
			waiting_end(&w, (int)which, which % 2 == 0);
			if (which % 2 == 0)
				ck_assert_uint_eq(w.out[which], id);
			else
				ck_assert_uint_eq(out, capacity ? 20 + which : id);
			close_chans();
		}
	}
}
END_TEST

START_TEST(an_end_commits_a_select_that_waits)
{
	for (int which = 0; which < 4; which++) {
		struct waiting w = {.ctx = &root};
		open_chans(0);
		waiting_recv(&w, 0);
		waiting_send(&w, 1, 5);
		waiting_recv(&w, 2);
		waiting_send(&w, 3, 6);
		waiting_start(&w);
		if (which == 0)
			weir_tx_close(&tx[0]);
		else if (which == 1)
			weir_rx_close(&rx[1]);
		else
			weir_rx_shut(rx[which]);
		waiting_end(&w, which, which % 2 == 0 ? 0 : WEIR_EPIPE);
		close_chans();
	}
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

START_TEST(contexts_commit_a_select_that_waits)
{
	weir_ctx own, other, child;
	for (int which = 0; which < 3; which++) {
		struct waiting w = {.ctx = &own};
		weir_ctx_init(&own, &root, WEIR_FOREVER);
		weir_ctx_init(&other, &root, WEIR_FOREVER);
		weir_ctx_init(&child, &other, WEIR_FOREVER);
		open_chans(0);
		waiting_recv(&w, 0);
		w.cases[w.n] = weir_case_ctx(which == 1 ? &other : &child);
		w.cases[w.n++].rc = 1234;
		waiting_start(&w);
		weir_ctx_cancel(which == 0 ? &own : &other, "stop");
		waiting_end(&w, which == 0 ? WEIR_ECANCELED : 1, WEIR_ECANCELED);
		close_chans();
		weir_ctx_fini(&child);
		weir_ctx_fini(&other);
		weir_ctx_fini(&own);
	}
}
END_TEST

/* A tiny deadline each: the timer's, another context's, the caller's. */
START_TEST(time_commits_a_select_that_waits)
{
	uint32_t out = 77;
	for (int which = 0; which < 3; which++) {
		weir_ctx own, other;
		int64_t soon = weir_time_add(weir_rt_now(rt), WEIR_US(300));
		open_chans(0);
		weir_ctx_init(&own, &root, which == 0 ? soon : WEIR_FOREVER);
		weir_ctx_init(&other, &root, which == 1 ? soon : WEIR_FOREVER);
		weir_case cases[4] = {weir_case_recv(rx[0], &out), weir_case_ctx(&other),
				      weir_case_timer(which == 2 ? soon : WEIR_FOREVER),
				      weir_case_timer(soon + WEIR_SEC(3600))};
		ck_assert_int_eq(weir_select(&own, cases, 4), which == 0 ? WEIR_EDEADLINE : which);
		ck_assert_int_ge(weir_rt_now(rt), soon);
		if (which > 0)
			ck_assert_int_eq(cases[which].rc, which == 1 ? WEIR_EDEADLINE : 0);
		assert_quiet(0, 0, 0);
		weir_ctx_fini(&other);
		weir_ctx_fini(&own);
		close_chans();
	}
}
END_TEST

/* Two selects meet in the middle, with the channels in opposite order. */
START_TEST(two_selects_meet)
{
	for (size_t capacity = 0; capacity <= 1; capacity++) {
		struct waiting w = {.ctx = &root};
		uint32_t item = 9, out = 77;
		open_chans(capacity);
		waiting_recv(&w, 0);
		waiting_recv(&w, 1);
		waiting_start(&w);
		weir_case cases[2] = {weir_case_send(tx[1], &item), weir_case_recv(rx[2], &out)};
		ck_assert_int_eq(weir_select(&root, cases, 2), 0);
		ck_assert_int_eq(cases[0].rc, 0);
		waiting_end(&w, 1, 1);
		ck_assert_uint_eq(w.out[1], 9);
		close_chans();
	}
}
END_TEST

/* A select that waits on both ends of one rendezvous serves a stranger on either side, and only one. */
START_TEST(both_ends_of_one_channel_wait)
{
	for (int side = 0; side < 2; side++) {
		struct waiting w = {.ctx = &root};
		uint32_t item = 9, out = 77;
		open_chans(0);
		waiting_recv(&w, 0);
		waiting_send(&w, 0, 8);
		waiting_start(&w);
		if (side)
			ck_assert_int_eq(weir_rx_try_recv(rx[0], &out), 1);
		else
			ck_assert_int_eq(weir_tx_try_send(tx[0], &item), 0);
		waiting_end(&w, side, !side);
		ck_assert_uint_eq(side ? out : w.out[0], side ? 8 : 9);
		ck_assert_int_eq(weir_rx_try_recv(rx[0], &out), WEIR_EAGAIN);
		ck_assert_int_eq(weir_tx_try_send(tx[0], &item), WEIR_EAGAIN);
		close_chans();
	}
}
END_TEST

/* ---- try ---- */

START_TEST(try_is_the_default_case)
{
	uint32_t out = 77, item = 5;
	weir_ctx c;
	open_chans(1);
	weir_ctx_init(&c, &root, WEIR_FOREVER);
	put(1, 1);
	weir_case cases[3] = {weir_case_recv(rx[0], &out), weir_case_send(tx[1], &item), weir_case_ctx(&c)};
	cases[0].rc = cases[1].rc = cases[2].rc = 1234;
	ck_assert_int_eq(weir_try_select(cases, 3), WEIR_EAGAIN);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(cases[i].rc, 1234);
	ck_assert_uint_eq(out, 77);
	put(0, 7);
	ck_assert_int_eq(weir_try_select(cases, 3), 0);
	ck_assert_int_eq(cases[0].rc, 1);
	ck_assert_uint_eq(out, 7);
	ck_assert_int_eq(weir_rx_try_recv(rx[1], &out), 1);
	ck_assert_int_eq(weir_try_select(cases, 3), 1);
	ck_assert_int_eq(cases[1].rc, 0);
	weir_ctx_cancel(&c, "stop");
	ck_assert_int_eq(weir_try_select(cases, 3), 2);
	ck_assert_int_eq(cases[2].rc, WEIR_ECANCELED);
	weir_ctx_fini(&c);
	close_chans();
}
END_TEST

START_TEST(try_sees_timers_beside_a_channel)
{
	uint32_t out = 77;
	open_chans(1);
	weir_case cases[2] = {weir_case_recv(rx[0], &out), weir_case_timer(0)};
	ck_assert_int_eq(weir_try_select(cases, 2), 1);
	ck_assert_int_eq(cases[1].rc, 0);
	cases[1] = weir_case_timer(WEIR_FOREVER - 1);
	ck_assert_int_eq(weir_try_select(cases, 2), WEIR_EAGAIN);
	close_chans();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("select");
	TCase *ready = world_case(suite, "ready");
	tcase_add_test(ready, a_receive_that_is_ready);
	tcase_add_test(ready, a_send_that_is_ready);
	tcase_add_test(ready, ends_are_ready);
	tcase_add_test(ready, timers_that_are_due);
	tcase_add_test(ready, contexts_that_have_ended);
	tcase_add_test(ready, the_callers_context_wins_at_entry);
	tcase_add_test(ready, every_ready_case_is_chosen_sometimes);
	tcase_add_test(ready, one_channel_may_be_there_twice);
	tcase_add_test(ready, a_select_does_not_meet_itself);
	TCase *off = world_case(suite, "off");
	tcase_add_test(off, cases_that_are_off);
	tcase_add_test(off, cases_not_made_by_weir);
	tcase_add_test(off, another_runtime);
	TCase *waiting = world_case(suite, "waiting");
	tcase_add_test(waiting, each_channel_commits_a_select_that_waits);
	tcase_add_test(waiting, an_end_commits_a_select_that_waits);
	tcase_add_test(waiting, contexts_commit_a_select_that_waits);
	tcase_add_test(waiting, time_commits_a_select_that_waits);
	tcase_add_test(waiting, two_selects_meet);
	tcase_add_test(waiting, both_ends_of_one_channel_wait);
	TCase *tries = world_case(suite, "try");
	tcase_add_test(tries, try_is_the_default_case);
	tcase_add_test(tries, try_sees_timers_beside_a_channel);
	return run_suite(suite);
}
