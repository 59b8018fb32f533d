/* SPDX-License-Identifier: MIT
 *
 * Small programs for the searches, written down as one string for each task, one letter for each operation:
 *
 *   a b load         A B store        + add              x compare and exchange of the first atomic
 *   L U mutex        T try_lock       C N wait for a flag, set it and signal
 *   [ ] read lock    { } write lock   p P v acquire, try_acquire, release
 *   n w W wait group: add, done, wait o once
 *   s S r R send, try_send, recv, try_recv        q Q select: receive or send or the end of the second context, try
 *   c close the task's end        i channel statistics
 *   k cancel the second context   e look at it    K cancel the first one
 *   z sleep 10 ms   Z the same under the second context   d recv with a deadline of 10 ms   j an early yield
 *   ? choose 1 of 2               f F write to a pipe, read from it
 *
 * Tasks 0 and 2 have a sending handle, task 1 the receiving one. What each operation returned is the outcome of a
 * schedule, with who was left waiting when nobody could go on: then the first context is cancelled, and all leave. A
 * task closes its end when it leaves. */
#ifndef SMALL_H
#define SMALL_H

#include <string.h>
#include <weir/sim.h>

#define SMALL_TASKS 3
#define SMALL_MS 1000000

struct small {
	const char *task[SMALL_TASKS];
	size_t capacity;
	uint64_t permits;
	unsigned early; /* then who is left waiting is not looked at: time may move while they run */
};

static const weir_type small_number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

static struct {
	weir_ctx first, second;
	weir_atomic atom[2];
	weir_mutex mutex;
	weir_rwlock rwlock;
	weir_cond cond;
	weir_sem sem;
	weir_wg wg;
	weir_once once;
	weir_tx *tx[SMALL_TASKS];
	weir_rx *rx;
	weir_fd in, out;
	bool flag, chan, pipe;
	int count; /* of the wait group */
} sm;

struct small_task {
	const char *ops;
	int index;
	uint64_t log;
	bool left;
	int held; /* of the mutex, the read side, the write side, permits: what is still to be given back */
	char holds[8];
};

static struct small_task small_tasks[SMALL_TASKS];

static void small_log(struct small_task *t, uint64_t what)
{
	t->log = (t->log ^ (what + 77)) * UINT64_C(0x9e3779b97f4a7c15);
	t->log ^= t->log >> 31;
}

static int small_nothing(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	small_log(arg, 1000);
	return 0;
}

static int small_atomic(struct small_task *t, char op)
{
	uint64_t none = 0, got = 0;
	switch (op) {
	case 'a':
	case 'b':
		got = weir_atomic_load(&sm.atom[op - 'a']);
		break;
	case 'A':
	case 'B':
		weir_atomic_store(&sm.atom[op - 'A'], (uint64_t)t->index + 1);
		break;
	case '+':
		got = weir_atomic_add(&sm.atom[0], 1);
		break;
	default:
		got = weir_atomic_cas(&sm.atom[0], &none, (uint64_t)t->index + 5) + 10 * none;
		break;
	}
	return (int)got;
}

static int small_lock(weir_ctx *ctx, struct small_task *t, char op)
{
	int rc = 0;
	switch (op) {
	case 'L':
		weir_mutex_lock(ctx, &sm.mutex);
		break;
	case 'U':
		weir_mutex_unlock(&sm.mutex);
		break;
	case 'T':
		rc = weir_mutex_try_lock(&sm.mutex);
		if (rc == 0)
			weir_mutex_unlock(&sm.mutex);
		break;
	case '[':
		weir_rwlock_read_lock(ctx, &sm.rwlock);
		break;
	case ']':
		weir_rwlock_read_unlock(&sm.rwlock);
		break;
	case '{':
		weir_rwlock_write_lock(ctx, &sm.rwlock);
		break;
	case '}':
		weir_rwlock_write_unlock(&sm.rwlock);
		break;
	case 'C':
		weir_mutex_lock(ctx, &sm.mutex);
		while (!sm.flag && rc == 0)
			rc = weir_cond_wait(ctx, &sm.cond, &sm.mutex);
		weir_mutex_unlock(&sm.mutex);
		break;
	default:
		weir_mutex_lock(ctx, &sm.mutex);
		sm.flag = true;
		weir_cond_signal(&sm.cond);
		weir_mutex_unlock(&sm.mutex);
		break;
	}
	if (strchr("L[{", op))
		t->holds[t->held++] = op == 'L' ? 'U' : op == '[' ? ']' : '}';
	else if (strchr("U]}", op))
		t->held--;
	return rc;
}

static int small_sync(weir_ctx *ctx, struct small_task *t, char op)
{
	switch (op) {
	case 'p':
		return weir_sem_acquire(ctx, &sm.sem, 1);
	case 'P':
		return weir_sem_try_acquire(&sm.sem, 1);
	case 'v':
		weir_sem_release(&sm.sem, 1);
		return 0;
	case 'n':
		sm.count++;
		weir_wg_add(&sm.wg, 1);
		return 0;
	case 'w':
		sm.count--;
		weir_wg_done(&sm.wg);
		return 0;
	case 'W':
		return weir_wg_wait(ctx, &sm.wg);
	default:
		return weir_once_do(ctx, &sm.once, small_nothing, t, NULL);
	}
}

static int small_select(weir_ctx *ctx, struct small_task *t, bool wait)
{
	int value = t->index, got = -1;
	weir_tx *tx = t->index == 1 ? NULL : sm.tx[t->index];
	weir_rx *rx = t->index == 1 ? sm.rx : NULL;
	weir_case cases[] = {weir_case_send(tx, &value), weir_case_recv(rx, &got), weir_case_ctx(&sm.second)};
	int rc = wait ? weir_select(ctx, cases, 3) : weir_try_select(cases, 3);
	return rc < 0 ? rc : 10 * rc + cases[rc].rc + 100 * (got + 1);
}

static int small_chan(weir_ctx *ctx, struct small_task *t, char op)
{
	struct weir_chan_stats stats;
	int value = (int)(t->log % 1000), rc = 0;
	bool sends = t->index != 1;
	weir_ctx soon;
	switch (op) {
	case 's':
		return weir_tx_send(ctx, sm.tx[t->index], &value);
	case 'S':
		return weir_tx_try_send(sm.tx[t->index], &value);
	case 'r':
		rc = weir_rx_recv(ctx, sends ? NULL : sm.rx, &value);
		return rc == 1 ? value : rc;
	case 'R':
		rc = weir_rx_try_recv(sends ? NULL : sm.rx, &value);
		return rc == 1 ? value : rc;
	case 'd':
		weir_ctx_init(&soon, ctx, weir_rt_now(weir_ctx_rt(ctx)) + 10 * SMALL_MS);
		rc = weir_rx_recv(&soon, sends ? NULL : sm.rx, &value);
		weir_ctx_fini(&soon);
		return rc == 1 ? value : rc;
	case 'i':
		if (sends)
			weir_tx_stats(sm.tx[t->index], &stats);
		else
			weir_rx_stats(sm.rx, &stats);
		return (int)(stats.accepted * 10 + stats.delivered);
	default:
		if (sends)
			weir_tx_close(&sm.tx[t->index]);
		else
			weir_rx_close(&sm.rx);
		return 0;
	}
}

static int small_other(weir_ctx *ctx, char op)
{
	char byte = 'x';
	int rc;
	switch (op) {
	case 'k':
		weir_ctx_cancel(&sm.second, "k");
		return 0;
	case 'K':
		weir_ctx_cancel(&sm.first, "K");
		return 0;
	case 'e':
		return weir_ctx_err(&sm.second);
	case 'z':
		return weir_sleep(ctx, 10 * SMALL_MS);
	case 'Z':
		rc = weir_sleep(&sm.second, 10 * SMALL_MS);
		return rc;
	case 'j':
		weir_rt_yield(weir_ctx_rt(ctx));
		return 0;
	case '?':
		return (int)weir_sim_choose(2, "?");
	case 'f':
		return weir_fd_write(ctx, sm.out, &byte, 1);
	default:
		return weir_fd_read(ctx, sm.in, &byte, 1);
	}
}

static int small_run(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct small_task *t = arg;
	(void)err;
	for (const char *op = t->ops; *op; op++) {
		int rc = strchr("abAB+x", *op)      ? small_atomic(t, *op)
			 : strchr("LUT[]{}CN", *op) ? small_lock(ctx, t, *op)
			 : strchr("pPvnwWo", *op)   ? small_sync(ctx, t, *op)
			 : strchr("qQ", *op)        ? small_select(ctx, t, *op == 'q')
			 : strchr("sSrRdic", *op)   ? small_chan(ctx, t, *op)
						    : small_other(ctx, *op);
		small_log(t, (uint64_t)(int64_t)rc);
		if (rc == WEIR_ECANCELED)
			break;
	}
	while (t->held)
		small_lock(ctx, t, t->holds[t->held - 1]);
	if (sm.chan)
		small_chan(ctx, t, 'c');
	t->left = true;
	return 0;
}

static bool small_uses(const struct small *p, const char *letters)
{
	for (int i = 0; i < SMALL_TASKS; i++)
		if (p->task[i] && strpbrk(p->task[i], letters))
			return true;
	return false;
}

static void small_begin(weir_ctx *ctx, const struct small *p)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	memset(&sm, 0, sizeof(sm));
	memset(small_tasks, 0, sizeof(small_tasks));
	weir_ctx_init(&sm.first, ctx, WEIR_FOREVER);
	weir_ctx_init(&sm.second, &sm.first, WEIR_FOREVER);
	weir_atomic_init(&sm.atom[0], rt, 0);
	weir_atomic_init(&sm.atom[1], rt, 0);
	weir_mutex_init(&sm.mutex, rt);
	weir_rwlock_init(&sm.rwlock, rt);
	weir_cond_init(&sm.cond, rt);
	weir_sem_init(&sm.sem, rt, p->permits);
	weir_wg_init(&sm.wg, rt);
	weir_once_init(&sm.once, rt);
	sm.chan = small_uses(p, "sSrRqQdic");
	sm.pipe = small_uses(p, "fF");
	if (sm.chan)
		WEIR_SIM_EQ(weir_chan_new(rt, &small_number, p->capacity, &sm.tx[0], &sm.rx), 0);
	if (sm.chan && p->task[2])
		WEIR_SIM_EQ(weir_tx_clone(sm.tx[0], 1, &sm.tx[2]), 0);
	if (sm.pipe)
		WEIR_SIM_EQ(weir_sim_pipe("pipe", 1, &sm.in, &sm.out), 0);
	for (int i = 0; i < SMALL_TASKS; i++)
		for (const char *op = p->task[i]; op && *op; op++)
			sm.count += *op == 'w';
	if (sm.count)
		weir_wg_add(&sm.wg, (uint64_t)sm.count);
}

static void small_end(weir_ctx *ctx)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	if (sm.pipe) {
		weir_fd_close(rt, &sm.out);
		weir_fd_close(rt, &sm.in);
	}
	for (; sm.count > 0; sm.count--)
		weir_wg_done(&sm.wg);
	weir_once_fini(&sm.once);
	weir_wg_fini(&sm.wg);
	weir_sem_fini(&sm.sem);
	weir_cond_fini(&sm.cond);
	weir_rwlock_fini(&sm.rwlock);
	weir_mutex_fini(&sm.mutex);
	weir_atomic_fini(&sm.atom[1]);
	weir_atomic_fini(&sm.atom[0]);
	weir_ctx_fini(&sm.second);
	weir_ctx_fini(&sm.first);
}

/* The program, to its end; its outcome. */
static uint64_t small_program(weir_ctx *ctx, const struct small *p)
{
	uint64_t outcome = 0;
	small_begin(ctx, p);
	for (int i = 0; i < SMALL_TASKS && p->task[i]; i++) {
		small_tasks[i].ops = p->task[i];
		small_tasks[i].index = i;
		WEIR_SIM_EQ(weir_sim_spawn(&sm.first, "task", small_run, &small_tasks[i]), 0);
	}
	WEIR_SIM_EQ(weir_sleep(ctx, 5000 * (int64_t)SMALL_MS), 0);
	for (int i = 0; i < SMALL_TASKS; i++)
		outcome = outcome * 31 + (p->early ? 0 : small_tasks[i].left);
	weir_ctx_cancel(&sm.first, "the end");
	weir_sim_quiesce(ctx);
	for (int i = 0; i < SMALL_TASKS; i++)
		outcome = (outcome ^ small_tasks[i].log) * UINT64_C(0xd6e8feb86659fd93);
	small_end(ctx);
	return outcome;
}

#endif
