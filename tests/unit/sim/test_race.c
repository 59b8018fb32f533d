/* SPDX-License-Identifier: MIT
 *
 * The race detector, one edge of the order at a time: what orders two accesses must be silent in every schedule, what
 * does not must be found.
 *
 *  U1  A program of the table with kind PASS has no failing schedule: those with at most two preemptions are run, the
 *      first DFS of them, and 300 random ones in which timers fire early.
 *  U2  One with kind RACE is found by both. `always`: with each of ten seeds in the first schedule, since no schedule
 *      orders its accesses; so order that is only an accident of the schedule is not taken for order. `early`: only in
 *      schedules in which a timer fires early, so not by the first of the two searches.
 *  U3  A race has a replay string, both tasks and the variable in its message, and is shrunk.
 *  U4  Where memory runs out, the schedule fails and says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/sim.h>

#define DFS 2000

struct world {
	weir_rt *rt;
	weir_tx *tx, *tx2;
	weir_rx *rx, *rx2;
	weir_mutex m;
	weir_rwlock rw;
	weir_cond cond;
	weir_sem sem;
	weir_wg wg;
	weir_once once;
	weir_atomic atomic;
	weir_stats *stats;
	weir_ctx other;
	bool flag;
	int x;
	char bytes[64];
	char *mem;
};

typedef void half(weir_ctx *ctx, struct world *w);

#define HALF(name) static void name(weir_ctx *ctx, struct world *w)

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

HALF(write_x)
{
	(void)ctx;
	WEIR_SIM_SET(w->x, 1);
}

HALF(read_x)
{
	(void)ctx;
	WEIR_SIM_ASSERT(WEIR_SIM_GET(w->x) >= 0);
}

/* ---- channels ---- */

HALF(write_send)
{
	write_x(ctx, w);
	WEIR_SIM_EQ(weir_tx_send(ctx, w->tx, &(int){1}), 0);
}

HALF(send_write)
{
	WEIR_SIM_EQ(weir_tx_send(ctx, w->tx, &(int){1}), 0);
	write_x(ctx, w);
}

HALF(send_2_write)
{
	WEIR_SIM_EQ(weir_tx_send(ctx, w->tx2, &(int){1}), 0);
	WEIR_SIM_EQ(weir_tx_send(ctx, w->tx2, &(int){2}), 0);
	write_x(ctx, w);
}

HALF(recv_read)
{
	int out;
	WEIR_SIM_EQ(weir_rx_recv(ctx, w->rx, &out), 1);
	read_x(ctx, w);
}

HALF(select_recv_read)
{
	int out;
	weir_case c = weir_case_recv(w->rx, &out);
	WEIR_SIM_EQ(weir_select(ctx, &c, 1), 0);
	read_x(ctx, w);
}

HALF(write_select_send)
{
	write_x(ctx, w);
	weir_case c = weir_case_send(w->tx, &(int){1});
	WEIR_SIM_EQ(weir_select(ctx, &c, 1), 0);
}

HALF(write_recv)
{
	int out;
	write_x(ctx, w);
	WEIR_SIM_EQ(weir_rx_recv(ctx, w->rx, &out), 1);
}

HALF(write_recv_2)
{
	int out;
	write_x(ctx, w);
	WEIR_SIM_EQ(weir_rx_recv(ctx, w->rx2, &out), 1);
}

/* tx2 is a clone of tx, or rx2 of rx, with `cloned`. */
HALF(send_2nd_write)
{
	WEIR_SIM_EQ(weir_tx_send(ctx, w->tx2, &(int){2}), 0);
	write_x(ctx, w);
}

HALF(write_send_2nd)
{
	write_x(ctx, w);
	WEIR_SIM_EQ(weir_tx_send(ctx, w->tx2, &(int){2}), 0);
}

HALF(send)
{
	WEIR_SIM_EQ(weir_tx_send(ctx, w->tx, &(int){1}), 0);
}

HALF(send_two)
{
	WEIR_SIM_EQ(weir_tx_send(ctx, w->tx, &(int){1}), 0);
	WEIR_SIM_EQ(weir_tx_send(ctx, w->tx, &(int){2}), 0);
}

HALF(recv_2nd_write)
{
	int out;
	WEIR_SIM_EQ(weir_rx_recv(ctx, w->rx2, &out), 1);
	write_x(ctx, w);
}

/* Only where both items are there, and the one of `send` is the first: nothing orders the other sender's write. */
HALF(recv_first_of_two)
{
	struct weir_chan_stats st;
	int out;
	weir_rx_stats(w->rx, &st);
	if (st.buffered < 2)
		return;
	WEIR_SIM_EQ(weir_rx_recv(ctx, w->rx, &out), 1);
	if (out == 1)
		read_x(ctx, w);
}

HALF(recv_both_of_two)
{
	int out;
	WEIR_SIM_EQ(weir_rx_recv(ctx, w->rx, &out), 1);
	WEIR_SIM_EQ(weir_rx_recv(ctx, w->rx, &out), 1);
	read_x(ctx, w);
}

HALF(write_close)
{
	write_x(ctx, w);
	weir_tx_close(&w->tx);
}

HALF(recv_end_read)
{
	int out;
	WEIR_SIM_EQ(weir_rx_recv(ctx, w->rx, &out), 0);
	read_x(ctx, w);
}

HALF(write_close_rx)
{
	write_x(ctx, w);
	weir_rx_close(&w->rx);
}

HALF(send_until_epipe_read)
{
	while (weir_tx_send(ctx, w->tx, &(int){1}) == 0)
		;
	read_x(ctx, w);
}

/* ---- sync ---- */

HALF(locked_write)
{
	weir_mutex_lock(ctx, &w->m);
	write_x(ctx, w);
	weir_mutex_unlock(&w->m);
}

HALF(lock_then_write)
{
	weir_mutex_lock(ctx, &w->m);
	weir_mutex_unlock(&w->m);
	write_x(ctx, w);
}

HALF(locked_yielding_write)
{
	weir_mutex_lock(ctx, &w->m);
	write_x(ctx, w);
	weir_rt_yield(w->rt);
	weir_mutex_unlock(&w->m);
}

HALF(failed_try_then_write)
{
	if (weir_mutex_try_lock(&w->m) == 0)
		weir_mutex_unlock(&w->m);
	else
		write_x(ctx, w);
}

HALF(write_locked_write)
{
	weir_rwlock_write_lock(ctx, &w->rw);
	write_x(ctx, w);
	weir_rwlock_write_unlock(&w->rw);
}

HALF(read_locked_read)
{
	weir_rwlock_read_lock(ctx, &w->rw);
	read_x(ctx, w);
	weir_rwlock_read_unlock(&w->rw);
}

HALF(read_locked_write)
{
	weir_rwlock_read_lock(ctx, &w->rw);
	write_x(ctx, w);
	weir_rwlock_read_unlock(&w->rw);
}

HALF(write_signal)
{
	write_x(ctx, w);
	weir_mutex_lock(ctx, &w->m);
	w->flag = true;
	weir_cond_signal(&w->cond);
	weir_mutex_unlock(&w->m);
}

HALF(await_read)
{
	weir_mutex_lock(ctx, &w->m);
	while (!w->flag)
		WEIR_SIM_EQ(weir_cond_wait(ctx, &w->cond, &w->m), 0);
	weir_mutex_unlock(&w->m);
	read_x(ctx, w);
}

HALF(write_release)
{
	write_x(ctx, w);
	weir_sem_release(&w->sem, 1);
}

HALF(release_write)
{
	weir_sem_release(&w->sem, 1);
	write_x(ctx, w);
}

HALF(acquire_read)
{
	WEIR_SIM_EQ(weir_sem_acquire(ctx, &w->sem, 1), 0);
	read_x(ctx, w);
}

HALF(write_done)
{
	write_x(ctx, w);
	weir_wg_done(&w->wg);
}

HALF(done_write)
{
	(void)ctx;
	weir_wg_done(&w->wg);
	write_x(ctx, w);
}

HALF(done)
{
	(void)ctx;
	weir_wg_done(&w->wg);
}

HALF(wait_read)
{
	WEIR_SIM_EQ(weir_wg_wait(ctx, &w->wg), 0);
	read_x(ctx, w);
}

static int make(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	write_x(ctx, arg);
	return 0;
}

HALF(once_read)
{
	WEIR_SIM_EQ(weir_once_do(ctx, &w->once, make, w, NULL), 0);
	read_x(ctx, w);
}

HALF(write_store)
{
	write_x(ctx, w);
	weir_atomic_store(&w->atomic, 1);
}

HALF(store_write)
{
	weir_atomic_store(&w->atomic, 1);
	write_x(ctx, w);
}

HALF(store_2)
{
	(void)ctx;
	if (weir_atomic_load(&w->atomic) == 0)
		weir_atomic_store(&w->atomic, 2);
}

HALF(blind_store_2)
{
	(void)ctx;
	weir_atomic_store(&w->atomic, 2);
}

HALF(add_2)
{
	(void)ctx;
	weir_atomic_add(&w->atomic, 2);
}

HALF(load_1_read)
{
	if (weir_atomic_load(&w->atomic) == 1)
		read_x(ctx, w);
}

HALF(load_2_read)
{
	if (weir_atomic_load(&w->atomic) == 2)
		read_x(ctx, w);
}

HALF(load_3_read)
{
	if (weir_atomic_load(&w->atomic) == 3)
		read_x(ctx, w);
}

HALF(failed_cas_read)
{
	uint64_t expected = 7;
	if (!weir_atomic_cas(&w->atomic, &expected, 8) && expected == 1)
		read_x(ctx, w);
}

HALF(write_cas)
{
	uint64_t expected = 0;
	write_x(ctx, w);
	WEIR_SIM_ASSERT(weir_atomic_cas(&w->atomic, &expected, 1));
}

HALF(write_add_stats)
{
	write_x(ctx, w);
	weir_stats_add(w->stats, 0, 0, 1);
}

HALF(add_stats_write)
{
	weir_stats_add(w->stats, 1, 0, 1);
	write_x(ctx, w);
}

/* ---- contexts and time ---- */

HALF(write_cancel)
{
	write_x(ctx, w);
	weir_ctx_cancel(&w->other, "enough");
}

HALF(canceled_read)
{
	(void)ctx;
	weir_case c = weir_case_timer(WEIR_FOREVER);
	WEIR_SIM_EQ(weir_select(&w->other, &c, 1), WEIR_ECANCELED);
	read_x(ctx, w);
}

HALF(poll_canceled_read)
{
	if (weir_ctx_err(&w->other) < 0)
		read_x(ctx, w);
}

HALF(poll_read)
{
	if (weir_ctx_err(&w->other) == 0)
		read_x(ctx, w);
}

HALF(sleep_read)
{
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	read_x(ctx, w);
}

HALF(yield_write)
{
	weir_rt_yield(w->rt);
	write_x(ctx, w);
}

HALF(quiesce_read)
{
	weir_sim_quiesce(ctx);
	read_x(ctx, w);
}

/* Both are due at the same time: what one does then is not before the other. */
HALF(sleep_write)
{
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	write_x(ctx, w);
}

/* ---- ranges ---- */

#define RANGE(name, access, from, to)                     \
	HALF(name)                                        \
	{                                                 \
		(void)ctx;                                \
		access(w->bytes + (from), (to) - (from)); \
	}
RANGE(write_0_4, weir_sim_write, 0, 4)
RANGE(write_4_8, weir_sim_write, 4, 8)
RANGE(write_0_5, weir_sim_write, 0, 5)
RANGE(write_5_19, weir_sim_write, 5, 19)
RANGE(write_18_40, weir_sim_write, 18, 40)
RANGE(write_19_40, weir_sim_write, 19, 40)
RANGE(read_0_64, weir_sim_read, 0, 64)
RANGE(write_33_34, weir_sim_write, 33, 34)
RANGE(write_33_33, weir_sim_write, 33, 33)

/* ---- memory that comes and goes ---- */

HALF(use_mem)
{
	(void)ctx;
	if (!w->mem)
		return;
	weir_sim_write(w->mem + 3, 1);
	w->mem[3] = 1;
}

HALF(free_mem)
{
	(void)ctx;
	free(w->mem);
	w->mem = NULL;
}

HALF(use_send)
{
	use_mem(ctx, w);
	send(ctx, w);
}

HALF(recv_free)
{
	int out;
	WEIR_SIM_EQ(weir_rx_recv(ctx, w->rx, &out), 1);
	free_mem(ctx, w);
}

/* The allocator of somebody else gives one cell to whoever asks. */
HALF(use_cell)
{
	(void)ctx;
	weir_sim_write(w->bytes, 8);
	weir_sim_forget(w->bytes, 64);
}

HALF(use_cell_and_keep)
{
	(void)ctx;
	weir_sim_write(w->bytes, 8);
}

static int child(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	WEIR_SIM_SET(*(int *)arg, WEIR_SIM_GET(*(int *)arg) + 1);
	return 0;
}

/* A frame whose variable is another task's for a while, and then gone. */
__attribute__((noinline)) static void frame(weir_ctx *ctx, const char *name)
{
	volatile int filler = 1;
	int local;
	weir_scope s;
	WEIR_SIM_SET(local, filler);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, name, child, &local), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(WEIR_SIM_GET(local), 2);
}

HALF(frames)
{
	(void)w;
	for (int i = 0; i < 3; i++)
		frame(ctx, "child");
}

/* ---- the table ---- */

static const struct program {
	const char *name;
	half *a, *b, *c;
	enum weir_sim_kind kind;
	bool always;
	size_t capacity, done; /* of the channel; what the wait group counts */
	bool cloned, no_early, early;
} programs[] = {
	{.name = "nothing", .a = write_x, .b = read_x, .kind = WEIR_SIM_RACE, .always = true},
	{.name = "two writes", .a = write_x, .b = write_x, .kind = WEIR_SIM_RACE, .always = true},
	{.name = "two reads", .a = read_x, .b = read_x},
	{.name = "an item", .a = write_send, .b = recv_read, .capacity = 1},
	{.name = "an item, rendezvous", .a = write_send, .b = recv_read},
	{.name = "an item, select", .a = write_select_send, .b = select_recv_read, .capacity = 1},
	{.name = "an item, select, rendezvous", .a = write_select_send, .b = select_recv_read},
	{.name = "after the send",
	 .a = send_write,
	 .b = recv_read,
	 .capacity = 1,
	 .kind = WEIR_SIM_RACE,
	 .always = true},
	{.name = "end of a rendezvous", .a = send_write, .b = write_recv},
	{.name = "end of a buffered send",
	 .a = send_write,
	 .b = write_recv,
	 .capacity = 1,
	 .kind = WEIR_SIM_RACE,
	 .always = true},
	{.name = "room", .a = send_2_write, .b = write_recv_2, .capacity = 1, .cloned = true},
	{.name = "room for both",
	 .a = send_2_write,
	 .b = write_recv_2,
	 .capacity = 2,
	 .cloned = true,
	 .kind = WEIR_SIM_RACE,
	 .always = true},
	{.name = "two senders",
	 .a = write_send,
	 .b = send_2nd_write,
	 .capacity = 2,
	 .cloned = true,
	 .kind = WEIR_SIM_RACE,
	 .always = true},
	{.name = "two receivers",
	 .a = write_recv,
	 .b = recv_2nd_write,
	 .c = send_two,
	 .capacity = 2,
	 .cloned = true,
	 .kind = WEIR_SIM_RACE,
	 .always = true},
	{.name = "the other item",
	 .a = send,
	 .b = write_send_2nd,
	 .c = recv_first_of_two,
	 .capacity = 2,
	 .cloned = true,
	 .kind = WEIR_SIM_RACE},
	{.name = "both items", .a = send, .b = write_send_2nd, .c = recv_both_of_two, .capacity = 1, .cloned = true},
	{.name = "close", .a = write_close, .b = recv_end_read},
	{.name = "close of the receiver", .a = write_close_rx, .b = send_until_epipe_read, .capacity = 1},
	{.name = "mutex", .a = locked_write, .b = locked_write},
	{.name = "one side locks", .a = locked_write, .b = write_x, .kind = WEIR_SIM_RACE, .always = true},
	{.name = "behind the lock", .a = lock_then_write, .b = locked_write, .kind = WEIR_SIM_RACE},
	{.name = "a lock not taken", .a = locked_yielding_write, .b = failed_try_then_write, .kind = WEIR_SIM_RACE},
	{.name = "rwlock", .a = write_locked_write, .b = read_locked_read, .c = read_locked_read},
	{.name = "two writers", .a = write_locked_write, .b = write_locked_write, .c = read_locked_read},
	{.name = "two readers", .a = read_locked_write, .b = read_locked_write, .kind = WEIR_SIM_RACE, .always = true},
	{.name = "condition", .a = write_signal, .b = await_read},
	{.name = "semaphore", .a = write_release, .b = acquire_read},
	{.name = "after the release", .a = release_write, .b = acquire_read, .kind = WEIR_SIM_RACE, .always = true},
	{.name = "wait group", .a = write_done, .b = wait_read, .done = 1},
	{.name = "wait group of two", .a = write_done, .b = wait_read, .c = done, .done = 2},
	{.name = "two dones", .a = write_done, .b = done_write, .done = 2, .kind = WEIR_SIM_RACE, .always = true},
	{.name = "once", .a = once_read, .b = once_read, .c = once_read},
	{.name = "store", .a = write_store, .b = load_1_read},
	{.name = "after the store", .a = store_write, .b = load_1_read, .kind = WEIR_SIM_RACE},
	{.name = "another store", .a = write_store, .b = blind_store_2, .c = load_2_read, .kind = WEIR_SIM_RACE},
	{.name = "an earlier store", .a = write_store, .b = store_2, .c = load_1_read},
	{.name = "an add on top", .a = write_store, .b = add_2, .c = load_3_read},
	{.name = "cas", .a = write_cas, .b = load_1_read},
	{.name = "a failed cas", .a = write_store, .b = failed_cas_read},
	{.name = "counters", .a = write_add_stats, .b = add_stats_write, .kind = WEIR_SIM_RACE, .always = true},
	{.name = "cancel", .a = write_cancel, .b = canceled_read},
	{.name = "cancel, polled", .a = write_cancel, .b = poll_canceled_read},
	{.name = "before the cancel", .a = write_cancel, .b = poll_read, .kind = WEIR_SIM_RACE},
	{.name = "idle time", .a = write_x, .b = sleep_read, .no_early = true},
	{.name = "early time", .a = yield_write, .b = sleep_read, .kind = WEIR_SIM_RACE, .early = true},
	{.name = "due together", .a = sleep_write, .b = sleep_write, .kind = WEIR_SIM_RACE},
	{.name = "quiesce", .a = write_x, .b = quiesce_read},
	{.name = "neighbours", .a = write_0_4, .b = write_4_8},
	{.name = "one byte shared", .a = write_0_5, .b = write_4_8, .kind = WEIR_SIM_RACE, .always = true},
	{.name = "long neighbours", .a = write_5_19, .b = write_19_40, .c = write_0_5},
	{.name = "long, one byte shared", .a = write_5_19, .b = write_18_40, .kind = WEIR_SIM_RACE, .always = true},
	{.name = "one byte of an array", .a = read_0_64, .b = write_33_34, .kind = WEIR_SIM_RACE, .always = true},
	{.name = "no byte of an array", .a = read_0_64, .b = write_33_33},
	{.name = "free", .a = use_mem, .b = free_mem, .kind = WEIR_SIM_RACE},
	{.name = "ordered free", .a = use_send, .b = recv_free, .capacity = 1},
	{.name = "a cell used again", .a = use_cell, .b = use_cell, .c = use_cell},
	{.name = "a cell used twice", .a = use_cell_and_keep, .b = use_cell, .kind = WEIR_SIM_RACE},
	{.name = "frames", .a = frames, .b = frames},
};

struct job {
	half *fn;
	struct world *w;
};

static int run_half(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct job *job = arg;
	(void)err;
	job->fn(ctx, job->w);
	return 0;
}

static void world_init(weir_ctx *ctx, struct world *w, const struct program *p)
{
	static const char *const counters[] = {"n"};
	const struct weir_stats_opts opts = {.name = "s", .counters = counters, .n_counters = 1, .n_writers = 2};
	weir_rt *rt = weir_ctx_rt(ctx);
	w->rt = rt;
	WEIR_SIM_EQ(weir_chan_new(rt, &num, p->capacity, &w->tx, &w->rx), 0);
	if (p->cloned) {
		WEIR_SIM_EQ(weir_tx_clone(w->tx, 1, &w->tx2), 0);
		WEIR_SIM_EQ(weir_rx_clone(w->rx, 1, &w->rx2), 0);
	}
	weir_mutex_init(&w->m, rt);
	weir_rwlock_init(&w->rw, rt);
	weir_cond_init(&w->cond, rt);
	weir_sem_init(&w->sem, rt, 0);
	weir_wg_init(&w->wg, rt);
	weir_once_init(&w->once, rt);
	weir_atomic_init(&w->atomic, rt, 0);
	weir_wg_add(&w->wg, p->done);
	weir_ctx_init(&w->other, ctx, WEIR_FOREVER);
	WEIR_SIM_EQ(weir_stats_new(rt, &opts, &w->stats), 0);
	WEIR_SIM_ASSERT(w->mem = malloc(16));
	weir_sim_name_memory(&w->x, sizeof(w->x), "x");
}

static void world_fini(struct world *w)
{
	free(w->mem);
	weir_stats_free(&w->stats);
	weir_ctx_fini(&w->other);
	weir_atomic_fini(&w->atomic);
	weir_once_fini(&w->once);
	weir_wg_fini(&w->wg);
	weir_sem_fini(&w->sem);
	weir_cond_fini(&w->cond);
	weir_rwlock_fini(&w->rw);
	weir_mutex_fini(&w->m);
	weir_tx_close(&w->tx2);
	weir_rx_close(&w->rx2);
	weir_tx_close(&w->tx);
	weir_rx_close(&w->rx);
}

static int run_program(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct program *p = arg;
	struct world w = {.flag = false};
	const struct job jobs[] = {{p->a, &w}, {p->b, &w}, {p->c, &w}};
	static const char *const names[] = {"a", "b", "c"};
	weir_scope s;
	world_init(ctx, &w, p);
	weir_scope_init(&s, ctx);
	for (size_t i = 0; i < 3 && jobs[i].fn; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, names[i], run_half, (void *)(uintptr_t)&jobs[i]), 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_sim_read(&w.x, sizeof(w.x)); /* join comes after all of them */
	world_fini(&w);
	return rc;
}

static bool search(const struct program *p, const struct weir_sim_opts *opts, enum weir_sim_kind kind,
		   struct weir_sim_result *out)
{
	int rc = weir_sim_run(opts, run_program, (void *)(uintptr_t)p, out);
	bool ok = rc == (kind != WEIR_SIM_PASS) && out->kind == kind;
	if (!ok)
		printf("     %s, %s, seed %llu: %d, %s in schedule %llu: %s\n", p->name, opts->strategy,
		       (unsigned long long)opts->seed, rc, weir_sim_kind_name(out->kind),
		       (unsigned long long)out->failed_schedule, out->message);
	return ok;
}

/* U3 */
static bool replays(const struct program *p, const struct weir_sim_result *found)
{
	struct weir_sim_opts opts = {.name = "race", .replay = found->replay, .quiet = true};
	struct weir_sim_result again;
	return found->replay[0] && strstr(found->message, "which T") && strstr(found->message, "nothing orders") &&
	       search(p, &opts, WEIR_SIM_RACE, &again) && again.schedules == 1 &&
	       strcmp(again.message, found->message) == 0;
}

/* U1, U2 */
static bool found(const struct program *p)
{
	struct weir_sim_opts opts = {.name = "race", .strategy = "dfs2", .schedules = DFS, .quiet = true};
	struct weir_sim_result r;
	bool ok = search(p, &opts, p->early ? WEIR_SIM_PASS : p->kind, &r);
	if (p->kind == WEIR_SIM_PASS)
		ok &= r.exhausted || r.schedules == DFS;
	opts.strategy = "random";
	opts.schedules = 300;
	opts.no_early = p->no_early;
	ok &= search(p, &opts, p->kind, &r);
	if (p->kind)
		ok &= replays(p, &r);
	for (opts.seed = 1; p->always && opts.seed <= 10; opts.seed++) {
		ok &= search(p, &opts, p->kind, &r);
		if (r.failed_schedule != 1)
			printf("     %s, seed %llu: not before schedule %llu\n", p->name, (unsigned long long)opts.seed,
			       (unsigned long long)r.failed_schedule);
		ok &= r.failed_schedule == 1;
	}
	return ok;
}

/* ---- what is said ---- */

static const struct program *named(const char *name)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(programs[i].name, name) == 0)
			return &programs[i];
	abort();
}

static bool says(const char *name, const char *text)
{
	struct weir_sim_opts opts = {.name = "race", .strategy = "dfs2", .quiet = true};
	struct weir_sim_result r;
	bool ok = search(named(name), &opts, WEIR_SIM_RACE, &r) && strstr(r.message, text);
	if (!ok)
		printf("     %s: %s\n", name, r.message);
	return ok;
}

/* ---- what a race does ---- */

static int add_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	WEIR_SIM_SET(*(int *)arg, WEIR_SIM_GET(*(int *)arg) + 1);
	return 0;
}

static int lost_update(weir_ctx *ctx, weir_err *err, void *arg)
{
	int sum = 0;
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "adder", add_one, &sum), 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	WEIR_SIM_EQ(sum, 2);
	return rc;
}

/* With steps in front of the accesses, and races left alone, every strategy meets the effect; without, none can. */
static bool the_effect_can_be_explored(void)
{
	static const char *const strategies[] = {"random", "pos", "surw", "pct3", "dfs", "portfolio"};
	bool ok = true;
	for (size_t i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++) {
		struct weir_sim_opts opts = {.strategy = strategies[i],
					     .schedules = 200,
					     .no_races = true,
					     .quiet = true};
		struct weir_sim_result r;
		int rc = weir_sim_run(&opts, lost_update, NULL, &r);
		ok &= rc == 0;
		opts.memory_steps = true;
		rc = weir_sim_run(&opts, lost_update, NULL, &r);
		if (rc != 1 || r.kind != WEIR_SIM_ASSERTION)
			printf("     %s: %d, %s\n", strategies[i], rc, weir_sim_kind_name(r.kind));
		ok &= rc == 1 && r.kind == WEIR_SIM_ASSERTION;
		opts.no_races = false;
		rc = weir_sim_run(&opts, lost_update, NULL, &r);
		ok &= rc == 1 && r.kind == WEIR_SIM_RACE;
	}
	return ok;
}

/* ---- who does not look ---- */

static int looked_at;

static bool looks(void *arg)
{
	weir_sim_write(arg, sizeof(int)); /* of no task, so of no interest */
	return ++looked_at > 0;
}

static int two_writers_with_a_lock(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct program *p = named("mutex");
	static int watched;
	weir_sim_invariant(looks, &watched, "looks");
	(void)arg;
	WEIR_SIM_SET(watched, 1);
	return run_program(ctx, err, (void *)(uintptr_t)p);
}

static bool invariants_are_not_tasks(void)
{
	struct weir_sim_opts opts = {.schedules = 50, .quiet = true};
	struct weir_sim_result r;
	looked_at = 0;
	return weir_sim_run(&opts, two_writers_with_a_lock, NULL, &r) == 0 && looked_at > 0;
}

static bool outside_nothing_is_done(void)
{
	int x = 3;
	weir_sim_name_memory(&x, sizeof(x), "x");
	weir_sim_write(&x, sizeof(x));
	weir_sim_read(NULL, SIZE_MAX);
	weir_sim_forget(&x, sizeof(x));
	WEIR_SIM_SET(x, WEIR_SIM_GET(x) + 1);
	return x == 4;
}

/* ---- U4 ---- */

static char large[(9 << 20) + 16];

static int announce(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_sim_write(large, *(const size_t *)arg);
	return 0;
}

static bool announcing(size_t bytes, const char *text)
{
	struct weir_sim_opts opts = {.schedules = 3, .allow_no_decisions = true, .quiet = true};
	struct weir_sim_result r;
	int rc = weir_sim_run(&opts, announce, &bytes, &r);
	bool ok = text ? rc == 1 && r.kind == WEIR_SIM_MISUSE && strstr(r.message, text) : rc == 0;
	if (!ok)
		printf("     %zu bytes: %d, %s: %s\n", bytes, rc, weir_sim_kind_name(r.kind), r.message);
	return ok;
}

/* In a child, which gets no more address space than one search without a race needs, and a little. */
#define NOT_KEPT 77

static bool without_memory_the_schedule_fails(void)
{
	int status = 0;
	fflush(stdout);
	pid_t child_pid = fork();
	if (child_pid == 0) {
		unsigned long pages = 0;
		FILE *statm = fopen("/proc/self/statm", "r");
		if (!statm || fscanf(statm, "%lu", &pages) != 1)
			_exit(1);
		fclose(statm);
		struct rlimit limit;
		if (getrlimit(RLIMIT_AS, &limit) != 0)
			_exit(1);
		limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)40 << 20);
		if (setrlimit(RLIMIT_AS, &limit) != 0)
			_exit(1);
		if (mmap(NULL, (size_t)64 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
			_exit(NOT_KEPT);
		bool ok = announcing(8 << 20, "no memory to remember");
		fflush(stdout);
		_exit(!ok);
	}
	if (child_pid < 0 || waitpid(child_pid, &status, 0) != child_pid)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_KEPT)
		printf("     skipped: memory cannot be limited here (qemu does not keep RLIMIT_AS)\n");
	return status == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == NOT_KEPT);
}

/* ---- */

static bool the_check_is_not_blind(void)
{
	struct program race = *named("nothing"), silent = *named("mutex"), always = *named("behind the lock");
	race.kind = WEIR_SIM_PASS;
	silent.kind = WEIR_SIM_RACE;
	always.always = true;
	printf("     three that are wrong on purpose:\n");
	return !found(&race) && !found(&silent) && !found(&always);
}

static unsigned passed, failed;

static void told(bool ok, const char *what)
{
	printf("%s %s\n", ok ? "ok  " : "FAIL", what);
	*(ok ? &passed : &failed) += 1;
}

int main(void)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		told(found(&programs[i]), programs[i].name);
	told(says("two writes", "writes \"x\", which T") && says("two writes", "wrote at step"), "a name");
	told(says("free", "gives up byte 3 of 16 that T0 took, which T1 a wrote"), "a block");
	told(says("one byte shared", "a variable of "), "a variable on a stack");
	told(the_effect_can_be_explored(), "what a race does");
	told(invariants_are_not_tasks(), "an invariant may look");
	told(outside_nothing_is_done(), "outside of the simulator");
	told(announcing(8 << 20, NULL), "8 MiB");
	told(announcing((8 << 20) + 16, "more than 8 MiB"), "more than 8 MiB");
	told(announcing(SIZE_MAX, "an access to "), "more than there is");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* those need terabytes of addresses */
	told(without_memory_the_schedule_fails(), "without memory");
#endif
	told(the_check_is_not_blind(), "the check is not blind");
	printf("%u passed, %u failed\n", passed, failed);
	return failed > 0;
}
