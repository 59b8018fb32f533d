/* SPDX-License-Identifier: MIT
 *
 * errno is a task's own: all tasks share one thread, and none may see what another's calls left there. Exhaustive. */
#include <errno.h>
#include <weir/sim.h>

static int keep(weir_ctx *ctx, weir_err *err, void *arg)
{
	const int mine = *(const int *)arg;
	(void)err;
	WEIR_SIM_EQ(errno, 0); /* a new task begins without one */
	for (int i = 0; i < 3; i++) {
		errno = mine + i;
		weir_rt_yield(weir_ctx_rt(ctx));
		WEIR_SIM_EQ(errno, mine + i);
	}
	int rc = weir_sleep(ctx, WEIR_MS(1));
	WEIR_SIM_EQ(errno, mine + 2);
	return rc;
}

WEIR_SIM_TEST_WITH(errno_is_a_tasks_own, .strategy = "dfs")
{
	int one = 10, two = 20;
	weir_scope s;
	errno = 30;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "one", keep, &one), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "two", keep, &two), 0);
	WEIR_SIM_EQ(errno, 30);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(errno, 30);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
