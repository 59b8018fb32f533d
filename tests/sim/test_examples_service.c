/* SPDX-License-Identifier: MIT
 *
 * examples/stage_pipeline.c under many schedules, with its own checks: what was opened is closed in the reverse order,
 * and nothing is let in before or after. */
#define main stage_pipeline_main
#include "examples/stage_pipeline.c"
#undef main
#include <weir/sim.h>

static bool quiet = true;

WEIR_SIM_TEST_WITH(the_service_in_many_orders, .schedules = 500)
{
	WEIR_SIM_EQ(app(ctx, NULL, &quiet), 0);
}

/* Whichever allocation or spawn fails: it is told, and nothing is left over. */
WEIR_SIM_TEST_WITH(the_service_with_a_fault_anywhere, .schedules = 2, .fault_sweep = true)
{
	weir_err err = {0};
	int rc = app(ctx, &err, &quiet);
	/* EUSER - 5: without memory a failure of the health check has no members, so it cannot say who it was. */
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN || rc == WEIR_EUSER - 5);
	weir_err_fini(&err);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
