/* SPDX-License-Identifier: MIT
 *
 * Chapter 17, the half-open stampede: broken.c, repaired. A trial is counted when it is let in.
 *
 * A service has been down, and the breaker in front of it open. Now its time is over: one call may try whether the
 * service works again. The service, just started, cannot bear two. */
#include <weir/sim.h>

struct breaker {
	weir_mutex lock;
	bool half_open, closed;
	int trials; /* that were made */
};

static struct breaker b;
static int inside; /* the service */

static int call(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_mutex_lock(ctx, &b.lock);
	bool let_in = b.closed || (b.half_open && b.trials < 1);
	b.trials += let_in && !b.closed;
	weir_mutex_unlock(&b.lock);
	if (!let_in)
		return 0; /* tries again later */

	WEIR_SIM_ASSERT(++inside == 1 || b.closed); /* the service */
	weir_rt_yield(weir_ctx_rt(ctx));
	inside--;

	weir_mutex_lock(ctx, &b.lock);
	b.closed = true;
	weir_mutex_unlock(&b.lock);
	return 0;
}

WEIR_SIM_TEST(one_call_tries_whether_it_works)
{
	weir_scope s;
	b = (struct breaker){.half_open = true};
	inside = 0;
	weir_mutex_init(&b.lock, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "caller", call, NULL), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_ASSERT(b.closed);
	weir_mutex_fini(&b.lock);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
