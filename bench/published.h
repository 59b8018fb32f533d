/* SPDX-License-Identifier: MIT
 *
 * The three families of programs whose numbers of traces under sequential consistency are published (Abdulla, Aronis,
 * Jonsson, Sagonas, POPL 2014, table 1; the tests of GenMC and Nidhugg), for the benchmark and for the test of the
 * reduced search.
 *
 *   readers(n)   one task writes x, n tasks read it
 *   indexer(n)   n tasks put 4 messages each into a hash table of 128 by exchange; the next slot where one is taken
 *   lastzero(n)  n tasks: array[i] = array[i - 1] + 1; one looks for the last 0, from the end down */
#ifndef BENCH_PUBLISHED_H
#define BENCH_PUBLISHED_H

#include <weir/sim.h>

#define SLOTS 128
#define TASKS 16

struct shared {
	weir_atomic cell[SLOTS];
	int n;
};

struct task {
	struct shared *shared;
	uint64_t index;
};

static int read_x(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct task *t = arg;
	(void)ctx, (void)err;
	(void)weir_atomic_load(&t->shared->cell[0]);
	return 0;
}

static int write_x(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct task *t = arg;
	(void)ctx, (void)err;
	weir_atomic_store(&t->shared->cell[0], 1);
	return 0;
}

static int index_messages(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct task *t = arg;
	(void)ctx, (void)err;
	for (uint64_t m = 1; m <= 4; m++) {
		uint64_t w = m * 11 + t->index, h = w * 7 % SLOTS, empty = 0;
		while (!weir_atomic_cas(&t->shared->cell[h], &empty, w)) {
			h = (h + 1) % SLOTS;
			empty = 0;
		}
	}
	return 0;
}

static int last_zero(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct task *t = arg;
	(void)ctx, (void)err;
	for (int i = t->shared->n; weir_atomic_load(&t->shared->cell[i]) != 0; i--)
		;
	return 0;
}

static int after_last(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct task *t = arg;
	(void)ctx, (void)err;
	weir_atomic_store(&t->shared->cell[t->index], weir_atomic_load(&t->shared->cell[t->index - 1]) + 1);
	return 0;
}

struct program {
	const char *name;
	weir_task_fn *one, *many; /* one: NULL for none */
	int n, cells;
	uint64_t expected;
	bool slow;
};

static int run_program(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct program *p = arg;
	struct shared x = {.n = p->n};
	struct task tasks[TASKS];
	int rc = 0, first = p->one ? 0 : 1;
	uint64_t base = p->many == index_messages ? 1 : 0; /* its tasks are numbered from 0 */
	(void)err;
	for (int i = 0; i < p->cells; i++)
		weir_atomic_init(&x.cell[i], weir_ctx_rt(ctx), 0);
	for (int i = first; i <= p->n && rc == 0; i++) {
		tasks[i] = (struct task){.shared = &x, .index = (uint64_t)i - base};
		rc = weir_sim_spawn(ctx, "task", i ? p->many : p->one, &tasks[i]);
	}
	weir_sim_quiesce(ctx);
	for (int i = 0; i < p->cells; i++)
		weir_atomic_fini(&x.cell[i]);
	return rc;
}

static const struct program published[] = {
	{"readers(2)", write_x, read_x, 2, 1, 4, false},
	{"readers(8)", write_x, read_x, 8, 1, 256, false},
	{"readers(13)", write_x, read_x, 13, 1, 8192, false},
	{"indexer(12)", NULL, index_messages, 12, SLOTS, 8, false},
	{"indexer(15)", NULL, index_messages, 15, SLOTS, 4096, false},
	{"lastzero(5)", last_zero, after_last, 5, 6, 64, false},
	{"lastzero(10)", last_zero, after_last, 10, 11, 3328, false},
	{"lastzero(15)", last_zero, after_last, 15, 16, 147456, true},
};

#endif
