/* SPDX-License-Identifier: MIT
 *
 * examples/metrics.c on virtual time: its own checks under many schedules, and what it measures, to the nanosecond.
 * `fetch` sleeps 2 ms; `price` sleeps 1 ms for the 48 values that it does not fail for, and the stage around both all
 * of it. */
#define main metrics_main
#include "examples/metrics.c"
#undef main
#include <weir/sim.h>

WEIR_SIM_TEST_WITH(metrics_are_exact, .no_early = true, .schedules = 200)
{
	struct metrics m = {0};
	WEIR_SIM_EQ(app(ctx, NULL, &m), 0);
	WEIR_SIM_EQ(m.total_ns[0], 70 * WEIR_MS(2) + 48 * WEIR_MS(1));
	WEIR_SIM_EQ(m.total_ns[1], 70 * WEIR_MS(2));
	WEIR_SIM_EQ(m.total_ns[2], 0);
	WEIR_SIM_EQ(m.total_ns[3], 48 * WEIR_MS(1));
}

/* Whichever allocation or spawn fails: it is told, and nothing is left over. */
WEIR_SIM_TEST_WITH(metrics_with_a_fault_anywhere, .schedules = 3, .fault_sweep = true)
{
	struct metrics m = {0};
	weir_err err = {0};
	int rc = app(ctx, &err, &m);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	weir_err_fini(&err);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
