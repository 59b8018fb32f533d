/* SPDX-License-Identifier: MIT
 *
 * What the unit tests of core share: a world (a runtime on threads, a root context) whose memory is counted and can be
 * refused, helper tasks, and items that count how often each one was dropped.
 *
 * The fixture opens a new world for each test and, when the test is over, finds out whether anything is left: every
 * test is a leak test. Memory is filled before it is given out and before it is taken back, so that reading too early
 * or too late shows.
 *
 * A helper is a task made by the runtime itself, not by a scope: channels, contexts and selects are tested without the
 * layers above them. A test that needs a helper to be parked looks at the channel's account until it says so (AWAIT):
 * it waits for a state, never for time; if the state never comes, Check's time limit ends the test. Assertions are made
 * in the test's own thread only; a helper hands back a number. */
#ifndef WEIR_TESTS_UNIT_CORE_SUPPORT_H
#define WEIR_TESTS_UNIT_CORE_SUPPORT_H

#include <check.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <weir/core.h>
#include <weir/rt/threads.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Lets others run until the condition holds. */
#define AWAIT(cond)                        \
	do {                               \
		while (!(cond))            \
			weir_rt_yield(rt); \
	} while (0)

/* ---- the world ---- */

static weir_rt *rt;
static weir_ctx root;

/* Blocks that live; the refuse-th block asked for from now on is refused (0: none), and whether that has happened. */
static struct {
	_Atomic long live, asked, refuse, refused;
} memory;

static void *memory_alloc(size_t bytes, void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&memory.asked, 1) + 1 == atomic_load(&memory.refuse)) {
		atomic_store(&memory.refused, 1);
		return NULL;
	}
	void *mem = malloc(bytes);
	if (mem) {
		memset(mem, 0xa5, bytes);
		atomic_fetch_add(&memory.live, 1);
	}
	return mem;
}

static void memory_release(void *mem, void *arg)
{
	(void)arg;
	memset(mem, 0x5a, malloc_usable_size(mem));
	atomic_fetch_sub(&memory.live, 1);
	free(mem);
}

/* Begins to count: the n-th block from now is refused; 0 ends it. */
static WEIR_UNUSED void memory_refuse(long n)
{
	atomic_store(&memory.asked, 0);
	atomic_store(&memory.refused, 0);
	atomic_store(&memory.refuse, n);
}

static WEIR_UNUSED bool memory_was_refused(void)
{
	return atomic_load(&memory.refused) != 0;
}

static weir_rt *runtime_of(struct weir_rt_opts opts)
{
	weir_rt *made = NULL;
	opts.alloc = memory_alloc;
	opts.release = memory_release;
	ck_assert_int_eq(weir_rt_threads_new(&opts, &made), 0);
	ck_assert_ptr_nonnull(made);
	return made;
}

static WEIR_UNUSED void world_open(void)
{
	memory_refuse(0);
	rt = runtime_of((struct weir_rt_opts){0});
	weir_ctx_init_root(&root, rt);
}

static WEIR_UNUSED void world_close(void)
{
	weir_ctx_fini(&root);
	weir_rt_free(&rt);
	ck_assert_ptr_null(rt);
	ck_assert_int_eq(atomic_load(&memory.live), 0);
}

/* ---- helper tasks ---- */

struct helper {
	weir_task *task;
	int (*fn)(void *arg);
	void *arg;
	int rc;
};

static WEIR_UNUSED void helper_main(void *arg)
{
	struct helper *h = arg;
	h->rc = h->fn(h->arg);
}

/* *h must stay where it is until helper_join. */
static WEIR_UNUSED void helper_start(struct helper *h, int (*fn)(void *arg), void *arg)
{
	h->fn = fn;
	h->arg = arg;
	h->rc = 1000;
	ck_assert_int_eq(rt->vt->spawn(rt, "helper", helper_main, h, NULL, &h->task), 0);
}

static WEIR_UNUSED int helper_join(struct helper *h)
{
	rt->vt->join(rt, h->task);
	return h->rc;
}

/* ---- channels ---- */

static WEIR_UNUSED struct weir_chan_stats account_of(const weir_tx *tx, const weir_rx *rx)
{
	struct weir_chan_stats s;
	if (tx)
		weir_tx_stats(tx, &s);
	else
		weir_rx_stats(rx, &s);
	return s;
}

/* One blocking operation, to be run by a helper: a send where tx is set, else a receive. */
struct op {
	weir_ctx *ctx;
	weir_tx *tx;
	weir_rx *rx;
	void *item;
};

static WEIR_UNUSED int op_run(void *arg)
{
	struct op *op = arg;
	return op->tx ? weir_tx_send(op->ctx, op->tx, op->item) : weir_rx_recv(op->ctx, op->rx, op->item);
}

/* ---- items that know how often they were dropped ---- */

enum { ITEM_IDS = 512 };

static _Atomic unsigned drops[ITEM_IDS];

static WEIR_UNUSED void item_drop(void *item, void *arg)
{
	uint32_t id;
	(void)arg;
	memcpy(&id, item, sizeof(id));
	if (id >= ITEM_IDS)
		abort();
	atomic_fetch_add(&drops[id], 1);
}

/* Between items that own something there is no difference but the id. */
static const weir_type item_type WEIR_UNUSED = {.name = "item",
						.size = sizeof(uint32_t),
						.align = sizeof(uint32_t),
						.drop = item_drop};

static WEIR_UNUSED unsigned drops_of(uint32_t id)
{
	return atomic_load(&drops[id]);
}

static WEIR_UNUSED unsigned drops_in_all(void)
{
	unsigned n = 0;
	for (size_t i = 0; i < ITEM_IDS; i++)
		n += atomic_load(&drops[i]);
	return n;
}

/* ---- the end of every main ---- */

static WEIR_UNUSED int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A test case whose tests each have a world of their own. */
static WEIR_UNUSED TCase *world_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);
	tcase_add_checked_fixture(tcase, world_open, world_close);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return tcase;
}

/* One without: for tests that end in abort, and for those that make their own. */
static WEIR_UNUSED TCase *bare_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return tcase;
}

#endif
