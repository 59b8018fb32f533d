/* SPDX-License-Identifier: MIT
 *
 * What a scenario may call. Outside of the simulator (the same function on threads) choose gives 0 and the others do
 * nothing, so that a scenario can be run on both; only weir_sim_fail ends the process. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/core/inspect.h"
#include "engine.h"
#include "explored.h"

static struct sim *active(void)
{
	return weir__sim && weir__sim->inside ? weir__sim : NULL;
}

bool weir_sim_active(void)
{
	return active() != NULL;
}

_Noreturn void weir_sim_fail(const char *file, int line, const char *fmt, ...)
{
	struct sim *s = active();
	const char *base = strrchr(file, '/');
	char text[320];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	base = base ? base + 1 : file;
	if (!s) {
		fprintf(stderr, "%s:%d: %s\n", base, line, text);
		abort();
	}
	s->failure.site = __builtin_return_address(0);
	weir__sim_fail(s, WEIR_SIM_ASSERTION, "%s:%d: %s", base, line, text);
	weir__sim_leave(s);
}

uint32_t weir_sim_choose(uint32_t n, const char *why)
{
	struct sim *s = active();
	char text[64];
	if (!s || n < 2)
		return 0;
	if (s->spin_active)
		weir__sim_spin_gets_on(s);
	uint32_t value = weir__sim_data(s, n);
	if (s->trace) {
		snprintf(text, sizeof(text), "%s: %u of %u", why ? why : "choose", value, n);
		weir__sim_trace_note(s, text);
	}
	return value;
}

void weir_sim_note(const char *fmt, ...)
{
	struct sim *s = active();
	char text[64];
	va_list args;
	if (!s || !s->trace)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	weir__sim_trace_note(s, text);
}

void weir_sim_name(const void *object, const char *text)
{
	struct sim *s = active();
	struct weir_obj *obj = s ? weir__inspect_object(object) : NULL;
	struct sim_object *o = obj ? weir__sim_object(s, obj) : NULL;
	weir__san_enter();
	if (o)
		snprintf(o->name, sizeof(o->name), "%s", text ? text : "");
	weir__san_leave();
}

void weir_sim_quiesce(weir_ctx *ctx)
{
	struct sim *s = active();
	(void)ctx;
	if (s)
		weir__sim_quiesce(s);
}

void weir_sim_invariant(bool (*fn)(void *arg), void *arg, const char *what)
{
	struct sim *s = active();
	if (!s)
		return;
	if (s->n_invariants == sizeof(s->invariants) / sizeof(s->invariants[0]))
		weir__sim_fail(s, WEIR_SIM_MISUSE, "more than %zu invariants",
			       sizeof(s->invariants) / sizeof(s->invariants[0]));
	s->invariants[s->n_invariants++] = (struct sim_invariant){.fn = fn, .arg = arg, .what = what};
}

void weir_sim_sometimes(bool cond, const char *name)
{
	struct sim *s = active();
	if (!s)
		return;
	weir__san_enter();
	bool kept = weir__sim_mark(s->marks, name, cond);
	weir__san_leave();
	if (!kept)
		weir__sim_fail(s, WEIR_SIM_MISUSE, "more than %d names in weir_sim_sometimes", SIM_MARKS);
}

void weir_sim_always(bool cond, const char *name)
{
	struct sim *s = active();
	if (cond)
		return;
	if (!s)
		weir_sim_fail("weir_sim_always", 0, "\"%s\" does not hold", name);
	s->failure.site = __builtin_return_address(0);
	weir__sim_fail(s, WEIR_SIM_ASSERTION, "\"%s\" does not hold", name);
}

struct outside {
	weir_ctx *ctx;
	weir_task_fn *fn;
	void *arg;
	weir_rt *rt;
};

static void outside_main(void *arg)
{
	struct outside task = *(struct outside *)arg;
	weir_err err = {0};
	weir_rt_release(task.rt, arg);
	int rc = task.fn(task.ctx, &err, task.arg);
	bool faulty = rc < 0 && weir__sim->fault_hit; /* then it is right to tell an error */
	if (rc != 0 && rc != WEIR_ECANCELED && rc != WEIR_EDEADLINE && !faulty)
		weir_sim_fail("weir_sim_spawn", 0, "the task returned %s", weir_err_name(rc));
	weir_err_fini(&err);
}

int weir_sim_spawn(weir_ctx *ctx, const char *name, weir_task_fn *fn, void *arg)
{
	struct sim *s = active();
	weir_task *task;
	if (!s || !ctx || !fn)
		return WEIR_EINVAL;
	struct outside *outside = weir_rt_alloc(&s->rt, sizeof(*outside));
	if (!outside)
		return WEIR_ENOMEM;
	*outside = (struct outside){.ctx = ctx, .fn = fn, .arg = arg, .rt = &s->rt};
	int rc = s->rt.vt->spawn(&s->rt, name, outside_main, outside, __builtin_return_address(0), &task);
	if (rc < 0)
		weir_rt_release(&s->rt, outside);
	else
		((struct sim_task *)task)->detached = true;
	return rc;
}
