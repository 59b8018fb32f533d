/* SPDX-License-Identifier: MIT
 *
 * examples/stage_*.c, the same code that runs on threads there: at exact virtual times, and with each allocation and
 * spawn failing in turn. */
#include <weir/resilience.h>
#include <weir/sim.h>
#include <weir/stage.h>

#define main buffer_main
#include "examples/stage_buffer.c"
#undef main
#define main circuit_main
#include "examples/stage_circuit.c"
#undef main
#define main fan_main
#include "examples/stage_fanout.c"
#undef main
#define main limit_main
#include "examples/stage_ratelimit.c"
#undef main
#define main retry_main
#include "examples/stage_retry.c"
#undef main
#define main timeout_main
#include "examples/stage_timeout.c"
#undef main

static int64_t elapsed(weir_ctx *ctx)
{
	return weir_rt_now(weir_ctx_rt(ctx));
}

WEIR_SIM_TEST_WITH(a_batch_costs_one_round_trip, .no_early = true, .schedules = 2, .allow_no_decisions = true)
{
	struct buffer_report report = {0};
	WEIR_SIM_EQ(buffer_run(ctx, 0, &report, NULL), 0);
	WEIR_SIM_EQ(report.rc, 0);
	WEIR_SIM_EQ(report.stored, NUMBERS);
	WEIR_SIM_EQ(elapsed(ctx), WEIR_MS(3));
	WEIR_SIM_EQ(buffer_run(ctx, 2, &report, NULL), 0);
	WEIR_SIM_EQ(report.rc, WEIR_EPARTIAL);
	WEIR_SIM_EQ(report.offset, BATCH);
	WEIR_SIM_EQ(elapsed(ctx), WEIR_MS(5));
}

WEIR_SIM_TEST_WITH(a_breaker_tells_when_to_try_again, .no_early = true, .schedules = 2, .allow_no_decisions = true)
{
	struct circuit_report report = {0};
	WEIR_SIM_EQ(circuit_run(ctx, &report, NULL), 0);
	WEIR_SIM_EQ(report.code[3], WEIR_EOPEN);
	WEIR_SIM_EQ(report.try_again_ns, OPEN_FOR);
	WEIR_SIM_EQ(report.mode[5], WEIR_BREAKER_CLOSED);
	WEIR_SIM_EQ(report.reached, CALLS - 1);
	WEIR_SIM_EQ(elapsed(ctx), OPEN_FOR + WEIR_MS(5));
}

WEIR_SIM_TEST_WITH(a_fan_out_takes_as_long_as_its_slowest, .no_early = true, .schedules = 100)
{
	struct supplier all[SUPPLIERS] = {{WEIR_MS(3), 6}, {WEIR_MS(1), 3}, {WEIR_MS(2), 4}};
	struct supplier some[SUPPLIERS] = {{WEIR_SEC(3600), 6}, {WEIR_MS(1), 0}, {WEIR_SEC(3600), 4}};
	struct weir_err_info who = {0};
	prices_t prices = {0};
	int code = 0;
	WEIR_SIM_EQ(fan_run(ctx, quotes(ctx, all), &prices, &code, NULL, NULL), 0);
	WEIR_SIM_EQ(code, 0);
	WEIR_SIM_EQ(*prices_at(&prices, 1), 150);
	prices_drop(&prices);
	WEIR_SIM_EQ(elapsed(ctx), WEIR_MS(3));
	WEIR_SIM_EQ(fan_failure(ctx, some, &who, &code, NULL), 0);
	WEIR_SIM_EQ(who.index, 1);
	WEIR_SIM_EQ(elapsed(ctx), WEIR_MS(3 + 1));
}

WEIR_SIM_TEST_WITH(a_limit_lets_through_at_exact_times, .no_early = true, .schedules = 2, .allow_no_decisions = true)
{
	struct limit_report all = {0}, one = {0};
	WEIR_SIM_EQ(limit_run(ctx, &limit_steady, WEIR_FOREVER, limit_all, &all, NULL), 0);
	for (int i = 0; i < REQUESTS; i++)
		WEIR_SIM_EQ(all.after_ns[i], i < BURST ? 0 : (i - BURST + 1) * GAP);
	WEIR_SIM_EQ(limit_run(ctx, &limit_scarce, WEIR_LIMITER_NO_WAIT, limit_refuse, &one, NULL), 0);
	WEIR_SIM_EQ(one.code[1], WEIR_ELIMITED);
	WEIR_SIM_EQ(one.retry_ns, WEIR_SEC(3600));
	WEIR_SIM_EQ(one.after_ns[2], WEIR_MS(1));
}

WEIR_SIM_TEST_WITH(delays_double, .no_early = true, .schedules = 2, .allow_no_decisions = true)
{
	struct retry_service service = {.code = UNAVAILABLE};
	reply_t reply = 0;
	int code = 0;
	WEIR_SIM_EQ(retry_run(ctx, &service, &code, &reply, NULL), 0);
	WEIR_SIM_EQ(code, WEIR_EEXHAUSTED);
	WEIR_SIM_EQ(service.attempts, 4);
	WEIR_SIM_EQ(elapsed(ctx), WEIR_MS(1 + 2 + 4));
}

WEIR_SIM_TEST_WITH(a_limit_ends_at_its_nanosecond, .no_early = true, .schedules = 2, .allow_no_decisions = true)
{
	struct timeout_report slow = {0}, impatient = {0};
	WEIR_SIM_EQ(timeout_run(ctx, WEIR_SEC(3600), WEIR_FOREVER, &slow, NULL), 0);
	WEIR_SIM_EQ(slow.code, WEIR_ETIMEOUT);
	WEIR_SIM_EQ(elapsed(ctx), LIMIT);
	WEIR_SIM_EQ(timeout_run(ctx, WEIR_SEC(3600), WEIR_MS(10), &impatient, NULL), 0);
	WEIR_SIM_EQ(impatient.code, WEIR_EDEADLINE);
	WEIR_SIM_EQ(elapsed(ctx), LIMIT + WEIR_MS(10));
}

/* Which of them runs out of memory or tasks is chosen; that nothing is left over is looked at by the simulator. */
WEIR_SIM_TEST_WITH(a_fault_anywhere_leaves_nothing_behind, .no_early = true, .schedules = 20, .fault_sweep = true)
{
	struct supplier some[SUPPLIERS] = {{WEIR_MS(9), 6}, {WEIR_MS(1), 0}, {WEIR_MS(9), 4}};
	struct retry_service service = {.works_at = 2, .code = UNAVAILABLE};
	struct buffer_report buffer = {0};
	struct circuit_report circuit = {0};
	struct limit_report limit = {0};
	struct timeout_report timeout = {0};
	struct weir_err_info who = {0};
	reply_t reply = 0;
	int code = 0, rc[6];
	rc[0] = buffer_run(ctx, 3, &buffer, NULL);
	rc[1] = circuit_run(ctx, &circuit, NULL);
	rc[2] = fan_failure(ctx, some, &who, &code, NULL);
	rc[3] = limit_run(ctx, &limit_steady, WEIR_FOREVER, limit_all, &limit, NULL);
	rc[4] = retry_run(ctx, &service, &code, &reply, NULL);
	rc[5] = timeout_run(ctx, WEIR_MS(1), WEIR_FOREVER, &timeout, NULL);
	for (size_t i = 0; i < 6; i++)
		WEIR_SIM_ASSERT(rc[i] == 0 || rc[i] == WEIR_ENOMEM || rc[i] == WEIR_EAGAIN);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
