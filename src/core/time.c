/* SPDX-License-Identifier: MIT
 *
 * Sleeping: a wait without an object of weir's, yet one operation with an attempt and a completion like any other,
 * so the simulator sees it. */
#include "ctx.h"

static int sleep_until(weir_ctx *ctx, weir_rt *rt, int64_t at)
{
	struct weir__waiter w;
	int rc = weir__ctx_ended(ctx);
	if (rc < 0)
		return rc;
	weir__waiter_init(&w, rt, ctx, "sleep", NULL);
	weir__wait(&w, ctx, at);
	/* The claim says who woke it; a deadline of the context at the very end of the sleep counts as the
	 * context's. */
	return weir__ctx_ended(ctx);
}

int weir_sleep(weir_ctx *ctx, int64_t ns)
{
	weir_rt *rt = weir__ctx_rt(ctx);
	assert(weir__locks_held() == 0);
	if (ns <= 0)
		return weir_ctx_err(ctx);
	int64_t at = weir_time_add(rt->vt->now(rt), ns);
	if (!weir__hooked(rt))
		return sleep_until(ctx, rt, at);
	struct weir_op op = {.kind = WEIR_OP_SLEEP,
			     .access = WEIR_ACCESS_READ,
			     .may_park = true,
			     .obj = {&weir__ctx(ctx)->obj},
			     .at = at,
			     .site = WEIR__SITE()};
	weir__choice(rt, &op);
	return weir__result(rt, &op, sleep_until(ctx, rt, at));
}
