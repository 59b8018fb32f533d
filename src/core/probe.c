/* SPDX-License-Identifier: MIT
 *
 * Probes: see include/weir/core/probe.h. A span travels down in a context as the value of a key of our own. Numbers of
 * spans come from one counter in the probe, which orders nothing. */
#include "probe.h"

#include "rtcore.h"

struct __attribute__((may_alias)) probe {
	weir_probe_fn *fn;
	void *arg;
	weir_rt *rt;
	weir__a64 spans;
};

_Static_assert(sizeof(struct probe) <= sizeof(weir_probe), "it lies in a weir_probe");
_Static_assert(sizeof(void *) >= sizeof(uint64_t), "a span is the value of a context");

static const char span_key;

static const char *const kind_names[WEIR_PROBE_KINDS] = {
	[WEIR_PROBE_NONE] = "none",
	[WEIR_PROBE_STAGE_STARTED] = "stage_started",
	[WEIR_PROBE_STAGE_DONE] = "stage_done",
	[WEIR_PROBE_STAGE_FAILED] = "stage_failed",
	[WEIR_PROBE_STAGE_FILTERED] = "stage_filtered",
	[WEIR_PROBE_FAN_OUT] = "fan_out",
	[WEIR_PROBE_FAN_IN] = "fan_in",
	[WEIR_PROBE_MAP] = "map",
	[WEIR_PROBE_REDUCE] = "reduce",
	[WEIR_PROBE_ROUTED] = "routed",
	[WEIR_PROBE_GROUPED] = "grouped",
	[WEIR_PROBE_GROUP] = "group",
	[WEIR_PROBE_ITEM_DONE] = "item_done",
	[WEIR_PROBE_ITEM_FAILED] = "item_failed",
	[WEIR_PROBE_PIPELINE_STARTED] = "pipeline_started",
	[WEIR_PROBE_PIPELINE_DONE] = "pipeline_done",
	[WEIR_PROBE_JOB_STARTED] = "job_started",
	[WEIR_PROBE_JOB_DONE] = "job_done",
	[WEIR_PROBE_JOB_FAILED] = "job_failed",
	[WEIR_PROBE_JOB_CANCELED] = "job_canceled",
	[WEIR_PROBE_JOB_UNDELIVERED] = "job_undelivered",
	[WEIR_PROBE_RETRY] = "retry",
	[WEIR_PROBE_TIMEOUT] = "timeout",
	[WEIR_PROBE_REJECTED] = "rejected",
	[WEIR_PROBE_STATE] = "state",
	[WEIR_PROBE_SUCCESS] = "success",
	[WEIR_PROBE_FAILURE] = "failure",
	[WEIR_PROBE_BATCH] = "batch",
	[WEIR_PROBE_WINDOW] = "window",
	[WEIR_PROBE_POOL_HIT] = "pool_hit",
	[WEIR_PROBE_POOL_MISS] = "pool_miss",
	[WEIR_PROBE_DEAD] = "dead",
	[WEIR_PROBE_DEAD_FAILED] = "dead_failed",
	[WEIR_PROBE_CUSTOM] = "custom",
};

const char *weir_probe_kind_name(enum weir_probe_kind kind)
{
	return (unsigned)kind < WEIR_PROBE_KINDS ? kind_names[kind] : "?";
}

int weir_probe_attach(weir_rt *rt, weir_probe *probe)
{
	if (!rt || !probe || !probe->fn)
		return WEIR_EINVAL;
	struct probe *p = (struct probe *)probe;
	if (weir__rtcore(rt)->probe || (p->rt && p->rt != rt))
		return WEIR_EBUSY;
	p->rt = rt;
	weir__rtcore(rt)->probe = probe;
	return 0;
}

void weir_probe_detach(weir_rt *rt)
{
	weir__rtcore(rt)->probe = NULL;
}

weir_probe *weir_probe_of(weir_rt *rt)
{
	return weir__rtcore(rt)->probe;
}

void weir_probe_emit(weir_probe *probe, const struct weir_probe_event *event)
{
	struct probe *p = (struct probe *)probe;
	if (!p)
		return;
	assert(weir__locks_held() == 0); /* P2 */
	struct weir_probe_event e = *event;
	if (e.at == 0)
		e.at = p->rt->vt->now(p->rt);
	if (!e.name)
		e.name = "";
	p->fn(&e, p->arg);
}

uint64_t weir_probe_span(weir_probe *probe)
{
	struct probe *p = (struct probe *)probe;
	return p ? weir__add64_relaxed(&p->spans, 1) + 1 : 0;
}

void weir__probe_carry(weir_ctx *ctx, uint64_t span)
{
	weir__ctx(ctx)->key = &span_key;
	weir__ctx(ctx)->value = (void *)(uintptr_t)span;
}

void weir_probe_enter(weir_ctx *c, weir_ctx *parent, uint64_t span)
{
	weir_ctx_init_value(c, parent, &span_key, (void *)(uintptr_t)span);
}

uint64_t weir_probe_current(const weir_ctx *ctx)
{
	return (uint64_t)(uintptr_t)weir_ctx_value(ctx, &span_key);
}
