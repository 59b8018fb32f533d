/* SPDX-License-Identifier: MIT
 *
 * The canary: five small programs that are known to be broken, one for each oracle that matters most. They run first
 * in every suite; if one of them is not found, the simulator is not in control (not linked in, switched off, or
 * broken itself), and no test after it means anything. */
#include <stdio.h>

#include "engine.h"

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

struct two {
	weir_tx *a_tx, *b_tx;
	weir_rx *a_rx, *b_rx;
	int value;
};

static int open_two(weir_ctx *ctx, struct two *c)
{
	int rc = weir_chan_new(weir_ctx_rt(ctx), &number, 0, &c->a_tx, &c->a_rx);
	return rc < 0 ? rc : weir_chan_new(weir_ctx_rt(ctx), &number, 0, &c->b_tx, &c->b_rx);
}

static void close_two(struct two *c)
{
	weir_tx_close(&c->a_tx);
	weir_rx_close(&c->a_rx);
	weir_tx_close(&c->b_tx);
	weir_rx_close(&c->b_rx);
}

/* Two tasks, each sends first and receives then. */
static int deadlock_left(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct two *c = arg;
	int value = 1, rc = weir_tx_send(ctx, c->a_tx, &value);
	(void)err;
	return rc < 0 || weir_rx_recv(ctx, c->b_rx, &value) < 0 ? WEIR_EIO : 0;
}

static int deadlock(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct two c = {0};
	weir_scope s;
	int value = 2, rc = open_two(ctx, &c);
	(void)arg;
	weir_scope_init(&s, ctx);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "left", deadlock_left, &c);
	if (rc == 0)
		rc = weir_tx_send(ctx, c.b_tx, &value);
	if (rc == 0)
		rc = weir_rx_recv(ctx, c.a_rx, &value) < 0 ? WEIR_EIO : 0;
	rc = weir_scope_join(ctx, &s, rc, err);
	close_two(&c);
	return rc;
}

/* A counter read before a wait and written after it. */
static int lost_update_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct two *c = arg;
	int seen = c->value;
	(void)err;
	weir_rt_yield(weir_ctx_rt(ctx));
	c->value = seen + 1;
	return 0;
}

static int lost_update(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct two c = {0};
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "one", lost_update_task, &c);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "two", lost_update_task, &c);
	rc = weir_scope_join(ctx, &s, rc, err);
	WEIR_SIM_ASSERT(c.value == 2);
	return rc;
}

static int sender(weir_ctx *ctx, weir_err *err, void *arg)
{
	int value = 3;
	(void)err;
	return weir_tx_send(ctx, arg, &value);
}

/* An end that nobody closes when the message wins against the timer. */
static int leak(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct two c = {0};
	weir_scope s;
	int rc = open_two(ctx, &c), value;
	(void)arg;
	weir_scope_init(&s, ctx);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "sender", sender, c.a_tx);
	weir_case cases[] = {weir_case_recv(c.a_rx, &value), weir_case_timer(WEIR_MS(1))};
	bool message = rc == 0 && weir_select(ctx, cases, 2) == 0;
	weir_scope_cancel(&s, "done");
	rc = weir_scope_join(ctx, &s, rc, err);
	if (message)
		c.b_tx = NULL;
	close_two(&c);
	return rc;
}

/* One handle, two tasks, no order. */
static int shared_handle(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_scope s;
	int rc = weir_chan_new(weir_ctx_rt(ctx), &number, 2, &tx, &rx);
	(void)arg;
	weir_scope_init(&s, ctx);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "one", sender, tx);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "two", sender, tx);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return rc;
}

/* A null pointer, on one of two paths. UndefinedBehaviorSanitizer would end the process before the signal does. */
__attribute__((no_sanitize("undefined"))) static int crash(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct two c = {0};
	volatile int *volatile where = weir_sim_choose(2, "which path") ? NULL : &c.value;
	(void)ctx, (void)err, (void)arg;
	*where = 1;
	return 0;
}

static const struct {
	const char *name;
	weir_task_fn *fn;
	enum weir_sim_kind kind;
} programs[] = {{"two tasks that both send first", deadlock, WEIR_SIM_DEADLOCK},
		{"a lost update", lost_update, WEIR_SIM_ASSERTION},
		{"an end that is not closed", leak, WEIR_SIM_LEAK},
		{"a handle used by two tasks", shared_handle, WEIR_SIM_OWNERSHIP},
		{"a null pointer", crash, WEIR_SIM_CRASH}};

int weir__sim_canary(void)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct weir_sim_opts opts = {.name = "canary", .schedules = 200, .quiet = true};
		struct weir_sim_result result;
		int rc = weir_sim_run(&opts, programs[i].fn, NULL, &result);
		if (rc == 1 && result.kind == programs[i].kind)
			continue;
		fprintf(stderr,
			"weir sim: the canary lives: %s was not found (%s, wanted %s) in %llu schedules; no result "
			"of this simulator means anything\n",
			programs[i].name, rc < 0 ? weir_err_name(rc) : weir_sim_kind_name(result.kind),
			weir_sim_kind_name(programs[i].kind), (unsigned long long)result.schedules);
		return (int)i + 1;
	}
	return 0;
}
