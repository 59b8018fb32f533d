/* SPDX-License-Identifier: MIT
 *
 * The simulator is a runtime like any other: every scenario of conformance.c, each as one search of a few schedules.
 *
 * Three things differ from a runtime with a life of its own. A runtime of the simulator exists for the length of a
 * search, so `make` hands out the one that is running. It knows no descriptor of the system's, which would let the
 * outside decide: the scenarios that open some are left out, and one of our own checks that it refuses them. And a task
 * that was not joined is reported when the schedule is over, as a leak, rather than by run.
 *
 * Spawn fails by `fail_spawn`, which names the n-th spawn of a schedule; the failing runtime sets it before each spawn
 * that is to fail, so it is the simulator's own failure that is tested. Random schedules are fair: tasks that wait in a
 * loop with yield get there. 20 schedules each, with early timers in half of them where the scenario allows it. */
#include "conformance.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weir/sim.h>

#include "sim/engine.h"

#define SCHEDULES 20

static const struct rt_fixture fixture;
static weir_rt *current;

static int make(weir_rt **out)
{
	*out = current;
	return current ? 0 : WEIR_EINVAL;
}

/* ---- the runtime whose spawn fails while a task is not joined ---- */

static const struct weir_rt_vtable *real;
static struct weir_rt_vtable failing;
static int not_joined;

static int spawn_or_fail(weir_rt *rt, const char *name, void (*fn)(void *arg), void *arg, const void *site,
			 weir_task **out)
{
	struct sim *s = weir__sim;
	struct weir_sim_opts *opts = (struct weir_sim_opts *)(uintptr_t)s->opts;
	if (not_joined > 0)
		opts->fail_spawn = s->inject.seen[SIM_FAULT_SPAWN] + 1;
	s->inject.armed = opts->fail_spawn > 0;
	int rc = real->spawn(rt, name, fn, arg, site, out);
	opts->fail_spawn = 0;
	s->inject.armed = false;
	not_joined += rc == 0;
	return rc;
}

static void join_and_count(weir_rt *rt, weir_task *task)
{
	real->join(rt, task);
	not_joined--;
}

static int make_failing(weir_rt **out)
{
	int rc = make(out);
	if (rc == 0) {
		real = current->vt;
		failing = *real;
		failing.spawn = spawn_or_fail;
		failing.join = join_and_count;
		not_joined = 0;
		current->vt = &failing;
	}
	return rc;
}

/* ---- one scenario, one search ---- */

static int scenario_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct rt_scenario *scenario = arg;
	(void)err;
	current = weir_ctx_rt(ctx);
	int failures = rt_scenario_run(&fixture, scenario);
	if (scenario->setting == RT_FAILING)
		current->vt = real;
	current = NULL;
	WEIR_SIM_EQ(failures, 0);
	return 0;
}

struct misused {
	void (*fn)(weir_rt *rt);
};

static int misused_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct misused *m = arg;
	(void)err;
	m->fn(weir_ctx_rt(ctx));
	return 0;
}

/* Nothing is left to tidy up: the schedule took its tasks with it. */
static int run_misused(void (*fn)(weir_rt *rt), void (*tidy)(weir_rt *rt), char *text, size_t cap)
{
	const struct weir_sim_opts opts = {.name = "misused",
					   .schedules = SCHEDULES,
					   .allow_no_decisions = true,
					   .quiet = true};
	struct misused m = {.fn = fn};
	struct weir_sim_result result;
	(void)tidy;
	int rc = weir_sim_run(&opts, misused_task, &m, &result);
	(void)snprintf(text, cap, "%s", result.message);
	return rc == 1 && result.kind == WEIR_SIM_LEAK ? 1 : rc < 0 ? rc : 0;
}

static const struct rt_fixture fixture = {.name = "the simulator",
					  .has_fd = false,
					  .make = make,
					  .make_failing = make_failing,
					  .run_misused = run_misused};

/* The scenario that counts on a timer not to fire before its time. */
static bool counts_on_idle_time(const struct rt_scenario *scenario)
{
	return strcmp(scenario->name, "deadline_far_away") == 0;
}

static bool passes(const struct rt_scenario *scenario)
{
	const struct weir_sim_opts opts = {.name = scenario->name,
					   .strategy = "random",
					   .schedules = SCHEDULES,
					   .steps = 1000000,
					   .no_early = counts_on_idle_time(scenario),
					   .allow_no_decisions = true};
	struct weir_sim_result result;
	bool ok = scenario->setting == RT_MISUSE
			  ? rt_scenario_run(&fixture, scenario) == 0
			  : weir_sim_run(&opts, scenario_task, (void *)(uintptr_t)scenario, &result) == 0 &&
				    result.schedules == SCHEDULES;
	printf("%-4s %-40s %s\n", ok ? "ok" : "FAIL", scenario->name, scenario->promise);
	return ok;
}

static int refuse_descriptors(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	int rc = rt->vt->wait_fd(rt, STDOUT_FILENO, POLLOUT, WEIR_FOREVER); /* it is ready, for the system */
	(void)err, (void)arg;
	WEIR_SIM_ASSERT(rc == WEIR_ENOSYS || rc == WEIR_EBADF);
	return 0;
}

static bool refuses_descriptors(void)
{
	const struct weir_sim_opts opts = {.name = "descriptors", .schedules = 2, .allow_no_decisions = true};
	bool ok = weir_sim_run(&opts, refuse_descriptors, NULL, NULL) == 0;
	printf("%-4s %-40s %s\n", ok ? "ok" : "FAIL", "the_system_s_descriptors_are_refused", "wait_fd");
	return ok;
}

int main(void)
{
	size_t failed = !refuses_descriptors(), run = 1;
	for (size_t i = 0; i < rt_n_scenarios; i++) {
		if (rt_scenarios[i].setting == RT_FD)
			continue;
		failed += !passes(&rt_scenarios[i]);
		run++;
	}
	printf("%zu passed, %zu failed\n", run - failed, failed);
	return failed || run < 20 ? 1 : 0; /* R1 to R11 are more than that */
}
