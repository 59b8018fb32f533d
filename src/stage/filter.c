/* SPDX-License-Identifier: MIT
 *
 * Let some values through: see stage/filter.h. A filter has nothing of its own in a call: what it is bound with is the
 * stage itself. */
#include <weir/stage/filter.h>

#include "stage.h"

struct filter {
	weir_stage base;
	weir_predicate_fn *keep;
	void *arg;
};

static int filter_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct filter *f = arg;
	int keep = f->keep ? f->keep(ctx, in, err, f->arg) : 1;
	if (keep <= 0)
		return keep < 0 ? keep : WEIR_EFILTERED;
	memcpy(out, in, f->base.in.size);
	return 0;
}

static void filter_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	(void)b;
	out->fn = filter_process;
	out->arg = (void *)(uintptr_t)st;
}

static const struct weir__stage_ops filter_ops = {.bind = filter_bind};

weir_stage *weir_filter(weir_rt *rt, const weir_type *type, weir_predicate_fn *keep, void *arg)
{
	weir_stage *st = weir__stage_make(rt, &filter_ops, "filter", sizeof(struct filter), NULL, 0);
	if (!weir__stage_ok(st))
		return st;
	struct filter *f = (struct filter *)st;
	f->keep = keep;
	f->arg = arg;
	st->takes = true;
	weir__stage_type(st, &st->in, type, "in");
	st->out = st->in;
	return st;
}
