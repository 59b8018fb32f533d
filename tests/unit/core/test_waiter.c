/* SPDX-License-Identifier: MIT
 *
 * What happens between two steps of one operation. On threads these moments are a few instructions long, and the
 * simulator has no schedule for them: it switches tasks between operations. Here the runtime itself acts in the moment:
 * a park that has timed out lets a peer come first, a request for a random number cancels the context, a look at the
 * clock waits for somebody else. So each is met every time, in one thread where one is enough, and no time passes.
 *
 * The rules are those of waiter.h (W), io.c (I), and C6 of ctx.c. */
#include <check.h>
#include <poll.h>

#include "support.h"

/* The runtime of the world with some of its functions replaced; `inner` has the ones it came with. */
static const struct weir_rt_vtable *inner;
static struct weir_rt_vtable outer;

static struct {
	int64_t clock;            /* what now() says */
	void (*at_timeout)(void); /* called once, between the timeout of a park and its return */
	void (*at_random)(void);
	void (*at_event)(void); /* between the event of a descriptor and the return of wait_fd */
	weir_tx *tx;
	weir_rx *rx;
	weir_ctx above, ctx; /* the upper one has no deadline of its own */
	int item, peer_rc;
	unsigned unparks;
} moment;

static int64_t my_now(weir_rt *r)
{
	(void)r;
	return moment.clock;
}

static int my_park(weir_rt *r, int64_t deadline_at)
{
	void (*act)(void) = moment.at_timeout;
	if (deadline_at == WEIR_FOREVER || !act)
		return inner->park(r, deadline_at);
	moment.at_timeout = NULL;
	moment.clock = deadline_at;
	act();
	return WEIR_ETIMEOUT; /* no token was there when it passed */
}

static void my_unpark(weir_rt *r, weir_task *task)
{
	moment.unparks++;
	inner->unpark(r, task);
}

static uint64_t my_random(weir_rt *r, uint64_t bound)
{
	uint64_t n = inner->random(r, bound);
	if (moment.at_random)
		moment.at_random();
	return n;
}

static int my_wait_fd(weir_rt *r, weir_fd fd, short events, int64_t deadline_at)
{
	(void)r, (void)fd, (void)deadline_at;
	moment.at_event();
	return events;
}

static void open_moment(void)
{
	world_open();
	memset(&moment, 0, sizeof(moment));
	inner = rt->vt;
	outer = *inner;
	outer.now = my_now;
	outer.park = my_park;
	outer.unpark = my_unpark;
	outer.random = my_random;
	outer.wait_fd = my_wait_fd;
	rt->vt = &outer;
	moment.clock = 1000;
	weir_ctx_init(&moment.above, &root, WEIR_FOREVER);
	weir_ctx_init(&moment.ctx, &moment.above, 2000);
	ck_assert_int_eq(weir_chan_new(rt, &(weir_type){.name = "int", .size = sizeof(int)}, 0, &moment.tx, &moment.rx),
			 0);
}

/* Nothing is left for the next wait to trip over: no token, no link. */
static void close_moment(void)
{
	ck_assert_int_eq(inner->park(rt, 1), WEIR_ETIMEOUT);
	ck_assert_uint_eq(account_of(moment.tx, NULL).senders_waiting, 0);
	ck_assert_uint_eq(account_of(moment.tx, NULL).receivers_waiting, 0);
	weir_tx_close(&moment.tx);
	weir_rx_close(&moment.rx);
	weir_ctx_fini(&moment.ctx);
	weir_ctx_fini(&moment.above);
	world_close();
}

static void peer_receives(void)
{
	moment.peer_rc = weir_rx_try_recv(moment.rx, &moment.item);
}

static void peer_sends(void)
{
	moment.peer_rc = weir_tx_try_send(moment.tx, &(int){7});
}

/* W1, W3, W4 */
START_TEST(a_peer_that_is_faster_than_the_deadline_counts)
{
	int got = 0;
	moment.at_timeout = _i ? peer_sends : peer_receives;
	int rc = _i ? weir_rx_recv(&moment.ctx, moment.rx, &got) : weir_tx_send(&moment.ctx, moment.tx, &(int){7});
	ck_assert_int_eq(moment.peer_rc, _i ? 0 : 1);
	ck_assert_int_eq(rc, _i ? 1 : 0);
	ck_assert_int_eq(_i ? got : moment.item, 7);
	ck_assert_uint_eq(account_of(moment.tx, NULL).delivered, 1);
	ck_assert_uint_eq(moment.unparks, 1); /* W2 */
}
END_TEST

START_TEST(a_peer_that_is_faster_than_a_timer_counts)
{
	int got = 0;
	weir_case cases[] = {weir_case_recv(moment.rx, &got), weir_case_timer(1500)};
	moment.at_timeout = peer_sends;
	ck_assert_int_eq(weir_select(&root, cases, 2), 0);
	ck_assert_int_eq(cases[0].rc, 1);
	ck_assert_int_eq(moment.peer_rc, 0);
	ck_assert_int_eq(got, 7);
}
END_TEST

static void cancels(void)
{
	weir_ctx_cancel(&moment.above, "in between");
}

static void receives_and_cancels(void)
{
	peer_receives();
	cancels();
}

/* W1, W2: the canceller finds the waiter claimed, and sends nothing. */
START_TEST(a_cancel_after_the_claim_wakes_nobody)
{
	moment.at_timeout = receives_and_cancels;
	ck_assert_int_eq(weir_tx_send(&moment.ctx, moment.tx, &(int){7}), 0);
	ck_assert_int_eq(moment.peer_rc, 1);
	ck_assert_uint_eq(moment.unparks, 1);
}
END_TEST

START_TEST(a_cancel_that_is_faster_than_the_deadline_counts)
{
	const char *why = NULL;
	moment.at_timeout = cancels;
	ck_assert_int_eq(weir_tx_send(&moment.ctx, moment.tx, &(int){7}), WEIR_ECANCELED);
	ck_assert_int_eq(weir_ctx_cause(&moment.ctx, &why), WEIR_CAUSE_PARENT);
	ck_assert_str_eq(why, "in between");
	ck_assert_uint_eq(moment.unparks, 1);
}
END_TEST

/* I2 and I3 of io.c: the event counts, and the token of the canceller, which was faster, is taken. */
START_TEST(a_cancel_after_the_event_of_a_descriptor)
{
	moment.at_event = cancels;
	ck_assert_int_eq(weir_wait_fd(&moment.ctx, 0, POLLIN), POLLIN);
	ck_assert_uint_eq(moment.unparks, 1);
	ck_assert_int_eq(weir_wait_fd(&moment.ctx, 0, POLLIN), WEIR_ECANCELED);
}
END_TEST

/* W7: a select that had two cases to choose from does neither. */
START_TEST(a_select_that_was_cancelled_while_it_chose)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	ck_assert_int_eq(weir_chan_new(rt, &(weir_type){.name = "int", .size = sizeof(int)}, 2, &tx, &rx), 0);
	weir_case cases[] = {weir_case_send(tx, &(int){1}), weir_case_send(tx, &(int){2})};
	moment.at_random = cancels;
	ck_assert_int_eq(weir_select(&moment.ctx, cases, 2), WEIR_ECANCELED);
	ck_assert_uint_eq(account_of(tx, NULL).accepted, 0);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
}
END_TEST

/* ---- C6 ---- */

static struct {
	weir_ctx ctx;
	pthread_t finisher;
	_Atomic bool inside, finishing, waited, finished;
} pinned;

/* The canceller's look at the clock, which it takes while it holds its pin. */
static int64_t look_at_the_clock(weir_rt *r)
{
	if (!pthread_equal(pthread_self(), pinned.finisher)) {
		atomic_store(&pinned.inside, true);
		while (!atomic_load(&pinned.waited) && !atomic_load(&pinned.finished))
			inner->yield(r, NULL);
	}
	return moment.clock;
}

static void yield_in_fini(weir_rt *r, const void *site)
{
	if (atomic_load(&pinned.finishing) && pthread_equal(pthread_self(), pinned.finisher))
		atomic_store(&pinned.waited, true);
	inner->yield(r, site);
}

static int cancel_it(void *arg)
{
	weir_ctx_cancel(arg, "while it is finished");
	return 0;
}

START_TEST(fini_waits_for_a_canceller_that_is_inside)
{
	struct helper canceller;
	memset(&pinned, 0, sizeof(pinned));
	pinned.finisher = pthread_self();
	weir_ctx_init(&pinned.ctx, &root, 2000); /* a deadline: the canceller has to look at the clock */
	outer.now = look_at_the_clock;
	outer.yield = yield_in_fini;
	helper_start(&canceller, cancel_it, &pinned.ctx);
	while (!atomic_load(&pinned.inside))
		inner->yield(rt, NULL);
	atomic_store(&pinned.finishing, true);
	weir_ctx_fini(&pinned.ctx);
	atomic_store(&pinned.finished, true);
	ck_assert_int_eq(helper_join(&canceller), 0);
	ck_assert(atomic_load(&pinned.waited));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("waiter");
	TCase *tcase = tcase_create("moments");
	tcase_add_checked_fixture(tcase, open_moment, close_moment);
	tcase_add_loop_test(tcase, a_peer_that_is_faster_than_the_deadline_counts, 0, 2);
	tcase_add_test(tcase, a_peer_that_is_faster_than_a_timer_counts);
	tcase_add_test(tcase, a_cancel_after_the_claim_wakes_nobody);
	tcase_add_test(tcase, a_cancel_that_is_faster_than_the_deadline_counts);
	tcase_add_test(tcase, a_cancel_after_the_event_of_a_descriptor);
	tcase_add_test(tcase, a_select_that_was_cancelled_while_it_chose);
	tcase_add_test(tcase, fini_waits_for_a_canceller_that_is_inside);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
