/* SPDX-License-Identifier: MIT
 *
 * examples/pooling.c under many schedules, with its own checks: no block is two tasks' at once, none is lost, and the
 * misses stay within their bound. */
#define main pooling_main
#include "examples/pooling.c"
#undef main
#include <weir/sim.h>

WEIR_SIM_TEST_WITH(pools_in_many_orders, .schedules = 1000)
{
	struct weir_recycler_report sums[2] = {0};
	WEIR_SIM_EQ(pools(ctx, NULL, 4, sums), 0);
	WEIR_SIM_EQ(sums[0].hits, 4 * LIVE);
	WEIR_SIM_EQ(sums[1].gets, 4 * LIVE * TASKS);
}

/* Whichever allocation or spawn fails: it is told, and nothing is left over. */
WEIR_SIM_TEST_WITH(pools_with_a_fault_anywhere, .schedules = 3, .fault_sweep = true)
{
	struct weir_recycler_report sums[2] = {0};
	weir_err err = {0};
	int rc = pools(ctx, &err, 2, sums);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	weir_err_fini(&err);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
