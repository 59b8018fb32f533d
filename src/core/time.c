/* SPDX-License-Identifier: MIT
 *
 * The two waits that have no object of weir's: sleeping, and a file descriptor. Each is one operation with an
 * attempt and a completion like any other, so the simulator sees them. */
#include "ctx.h"

static int sleep_until(weir_ctx *ctx, weir_rt *rt, int64_t at)
{
	struct weir__waiter w;
	int rc = weir__ctx_ended(ctx);
	if (rc < 0)
		return rc;
	weir__waiter_init(&w, rt);
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

/* As weir__wait, but the runtime watches the descriptor while the task is parked. */
static int wait_fd(weir_ctx *ctx, weir_rt *rt, int fd, short events)
{
	struct weir__waiter w;
	struct weir__link link;
	int rc = weir__ctx_ended(ctx);
	if (rc < 0)
		return rc;
	weir__waiter_init(&w, rt);
	weir__link_init(&link, &w, WEIR__CLAIM_CTX, NULL);
	weir__ctx_link(ctx, &link);
	bool claimed = weir__ctx_ended(ctx) && weir__claim(&w, WEIR__CLAIM_SELF);
	while (!claimed) {
		rc = rt->vt->wait_fd(rt, fd, events, weir_ctx_deadline(ctx));
		if (rc == 0 || rc == WEIR_EINTR) { /* the token of a cancel, or nothing */
			claimed = rc == 0;
			continue;
		}
		if (weir__claim(&w, WEIR__CLAIM_SELF)) /* an event, the deadline, or an error of the runtime */
			break;
		while (rt->vt->park(rt, WEIR_FOREVER) != 0) /* a cancel was faster: its token must be taken (W3) */
			;
		break;
	}
	weir__ctx_unlink(ctx, &link);
	int ended = weir__ctx_ended(ctx);
	return rc > 0 || !ended ? rc : ended; /* an event that came is not thrown away */
}

int weir_wait_fd(weir_ctx *ctx, int fd, short events)
{
	weir_rt *rt = weir__ctx_rt(ctx);
	assert(weir__locks_held() == 0);
	if (fd < 0)
		return WEIR_EBADF;
	if (events == 0)
		return WEIR_EINVAL;
	if (!weir__hooked(rt))
		return wait_fd(ctx, rt, fd, events);
	struct weir_op op = {.kind = WEIR_OP_FD,
			     .access = WEIR_ACCESS_WRITE,
			     .may_park = true,
			     .obj = {&weir__ctx(ctx)->obj},
			     .at = WEIR_FOREVER,
			     .site = WEIR__SITE()};
	weir__choice(rt, &op);
	return weir__result(rt, &op, wait_fd(ctx, rt, fd, events));
}
