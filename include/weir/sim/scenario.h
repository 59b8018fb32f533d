/* SPDX-License-Identifier: MIT
 *
 * weir/sim/scenario.h - what the code of a scenario may call, from its tasks, while a schedule runs (weir/sim.h). */
#ifndef WEIR_SIM_SCENARIO_H
#define WEIR_SIM_SCENARIO_H

#include <weir/base.h>
#include <weir/core.h>
#include <weir/rt.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_SIM_ASSERT(cond)                                           \
	do {                                                            \
		if (!(cond))                                            \
			weir_sim_fail(__FILE__, __LINE__, "%s", #cond); \
	} while (0)

/* Compares two integers and shows both. */
#define WEIR_SIM_EQ(a, b)                                                                                    \
	do {                                                                                                 \
		long long weir_sim_a_ = (long long)(a), weir_sim_b_ = (long long)(b);                        \
		if (weir_sim_a_ != weir_sim_b_)                                                              \
			weir_sim_fail(__FILE__, __LINE__, "%s == %s: %lld is not %lld", #a, #b, weir_sim_a_, \
				      weir_sim_b_);                                                          \
	} while (0)

/* Ends the schedule as failed. In the simulator it does not return; outside, it prints and aborts. */
WEIR_API __attribute__((noreturn))
WEIR_PRINTF(3, 4) void weir_sim_fail(const char *file, int line, const char *fmt, ...);

/* A number in [0, n), chosen by the strategy and part of the schedule. n from 1 to 2^31 - 1. */
WEIR_API uint32_t weir_sim_choose(uint32_t n, const char *why);

/* Whether something of the scenario's own goes wrong here: a place that the search makes fail, as one of opts.faults.
 * site says in the report what (static or not, 63 bytes). Where it was true, an error that the scenario returns is no
 * failure. */
WEIR_API bool weir_sim_fault(const char *site);

/* Returns when every other task waits (and before time moves on). Blocks: until then. */
WEIR_API void weir_sim_quiesce(weir_ctx *ctx);

/* A line in the trace. */
WEIR_API WEIR_PRINTF(1, 2) void weir_sim_note(const char *fmt, ...);

/* A name for the report: of a channel (either end), context, scope or pipeline. text is copied (23 bytes). */
WEIR_API void weir_sim_name(const void *object, const char *text);

/* A task outside of any scope, under ctx; it must have returned when the scenario ends. name is copied. */
WEIR_API WEIR_MUST_CHECK int weir_sim_spawn(weir_ctx *ctx, const char *name, weir_task_fn *fn, void *arg);

/* fn(arg) is called after every step until the scenario returns, and may only look (statistics, polls); false is a
 * failure that names `what` (static). At most 8. */
WEIR_API void weir_sim_invariant(bool (*fn)(void *arg), void *arg, const char *what);

/* A condition that must be true at least once in the search, not each time: what tells a test that looks at a case from
 * one that never gets there. Names that were never true are told at the end (and fail the search, with
 * opts.need_sometimes). A line that is never reached is not known: to have it told, call with false where the scenario
 * begins. name is static, and calls of the same name are one condition; at most 64 names. */
WEIR_API void weir_sim_sometimes(bool cond, const char *name);

/* A condition that must be true each time: else the schedule fails as an assertion, with that name (static). */
WEIR_API void weir_sim_always(bool cond, const char *name);

/* Whether the caller runs inside the simulator. */
WEIR_API bool weir_sim_active(void);

WEIR_EXTERN_C_END

#endif
