/* SPDX-License-Identifier: MIT
 *
 * At most so many at once, with a line of limited length: two semaphores of core, which are FIFO with direct hand-off.
 *
 *  L1  `slots` are the places, and its queue is the line. `room` has a permit for each place and each place in line:
 *      whoever is inside or in line has one. Where nobody may wait, slots alone says who is refused.
 *  L2  In: room (without waiting), then slots. Out: slots, then room. So room never says yes to more than there may be,
 *      and says no too early only while somebody is on its way out, who then counts as inside.
 *  L3  max_wait_ns is a deadline on a context of the wait's own. If the caller's context has ended too, that is what
 *      the caller is told.
 *  L4  The numbers are told, not decided by: waiting is read for the estimate only, which is one anyway.
 *  L5  A new limit is a new capacity of both semaphores (core/sync.h). Where more are inside than it allows, nobody is
 *      let in until enough have left, and they hold that much less of the line: all together are never more than limit
 *      + max_waiting. Whoever sets the limit resizes until what it has set is the limit still, so of several that set
 *      it at the same time the last one decides for both semaphores.
 *
 * No lock of its own. Anything may run at the same time but init and fini. */
#include "bulkhead.h"

#include <string.h>
#include <weir/core/ctx.h>
#include <weir/core/err.h>
#include <weir/rt.h>

#include "wrap.h"

_Static_assert(sizeof(struct weir__bulkhead) <= sizeof(weir_bulkhead) * 7 / 8,
	       "an eighth is spare, beside its parts' own");
_Static_assert(_Alignof(struct weir__bulkhead) <= _Alignof(weir_bulkhead), "aligned for its inside");

static struct weir__bulkhead *inside(const weir_bulkhead *b)
{
	struct weir__bulkhead *bulkhead = weir__bulkhead(b);
	assert(bulkhead->rt); /* zeroed, or finished */
	return bulkhead;
}

int weir_bulkhead_init(weir_bulkhead *b, weir_ctx *ctx, const struct weir_bulkhead_opts *opts)
{
	struct weir__bulkhead *bulkhead = weir__bulkhead(b);
	weir_rt *rt = weir_ctx_rt(ctx);
	memset(b, 0, sizeof(*b));
	if (opts && (opts->max_wait_ns < 0 || opts->service_ns < 0 || (opts->max_wait_ns && !opts->max_waiting)))
		return WEIR_EINVAL;
	if (opts)
		bulkhead->opts = *opts;
	struct weir_bulkhead_opts *o = &bulkhead->opts;
	o->name = o->name ? o->name : "bulkhead";
	o->max_concurrent = o->max_concurrent ? o->max_concurrent : 16;
	o->max_wait_ns = o->max_wait_ns ? o->max_wait_ns : WEIR_FOREVER;
	bulkhead->rt = rt;
	bulkhead->probe = weir_probe_of(rt);
	uint64_t all = (uint64_t)o->max_concurrent + o->max_waiting;
	weir_sem_init_bounded(&bulkhead->slots, rt, o->max_concurrent, o->max_concurrent);
	weir_sem_init_bounded(&bulkhead->room, rt, all, all);
	weir_atomic_init(&bulkhead->limit, rt, o->max_concurrent);
	weir_atomic_init(&bulkhead->running, rt, 0);
	weir_atomic_init(&bulkhead->waiting, rt, 0);
	weir_atomic_init(&bulkhead->refused, rt, 0);
	weir_atomic_init(&bulkhead->gave_up, rt, 0);
	return 0;
}

void weir_bulkhead_fini(weir_bulkhead *b)
{
	struct weir__bulkhead *bulkhead = weir__bulkhead(b);
	if (!b || !bulkhead->rt)
		return;
	weir_sem_fini(&bulkhead->slots);
	weir_sem_fini(&bulkhead->room);
	weir_atomic_fini(&bulkhead->limit);
	weir_atomic_fini(&bulkhead->running);
	weir_atomic_fini(&bulkhead->waiting);
	weir_atomic_fini(&bulkhead->refused);
	weir_atomic_fini(&bulkhead->gave_up);
	memset(b, 0, sizeof(*b));
}

static int refuse(weir_atomic *counter)
{
	(void)weir_atomic_add(counter, 1);
	return WEIR_EOVERLOAD;
}

int weir__bulkhead_overload(weir_ctx *ctx, const weir_bulkhead *b, int64_t value, weir_err *err)
{
	const struct weir__bulkhead *bulkhead = inside(b);
	if (bulkhead->probe)
		weir_probe_emit(bulkhead->probe, &(struct weir_probe_event){.kind = WEIR_PROBE_REJECTED,
									    .code = WEIR_EOVERLOAD,
									    .name = bulkhead->opts.name,
									    .parent = weir_probe_current(ctx),
									    .index = WEIR_PROBE_NO_INDEX});
	weir_err_fini(err);
	return weir_err_wrap(err, WEIR_EOVERLOAD, value);
}

/* Whether who is the next in line could not be done by then. */
static bool hopeless(weir_ctx *ctx, struct weir__bulkhead *b, int64_t now, int64_t give_up_at)
{
	int64_t each = b->opts.service_ns, deadline = weir_ctx_deadline(ctx);
	if (each == 0 || (deadline == WEIR_FOREVER && give_up_at == WEIR_FOREVER))
		return false;
	int64_t turns = (int64_t)(weir_atomic_load(&b->waiting) / weir_atomic_load(&b->limit)) + 1;
	int64_t wait = turns > WEIR_FOREVER / each ? WEIR_FOREVER : turns * each;
	int64_t served_at = weir_time_add(now, wait);
	return served_at > give_up_at || weir_time_add(served_at, each) > deadline;
}

/* Waits in line, with a permit of room. */
static int wait_in_line(weir_ctx *ctx, struct weir__bulkhead *b)
{
	weir_ctx wait;
	int64_t now = weir_rt_now(b->rt), until = weir_time_add(now, b->opts.max_wait_ns);
	if (hopeless(ctx, b, now, until)) {
		weir_sem_release(&b->room, 1);
		return refuse(&b->refused);
	}
	(void)weir_atomic_add(&b->waiting, 1);
	weir_ctx_init(&wait, ctx, until);
	int rc = weir_sem_acquire(&wait, &b->slots, 1);
	weir_ctx_fini(&wait);
	(void)weir_atomic_add(&b->waiting, UINT64_MAX);
	if (rc == 0)
		return 0;
	weir_sem_release(&b->room, 1);
	(void)weir_atomic_add(&b->gave_up, 1);
	int ended = weir_ctx_err(ctx);
	if (rc == WEIR_EDEADLINE && ended == 0) /* L3 */
		return WEIR_EOVERLOAD;
	return ended < 0 ? ended : rc;
}

int weir__bulkhead_enter(weir_ctx *ctx, weir_bulkhead *b, uint64_t *running)
{
	struct weir__bulkhead *bulkhead = inside(b);
	int rc = weir_ctx_rt(ctx) == bulkhead->rt ? weir_ctx_err(ctx) : WEIR_EINVAL;
	if (rc < 0)
		return rc;
	if (bulkhead->opts.max_waiting > 0 && weir_sem_try_acquire(&bulkhead->room, 1) < 0)
		return refuse(&bulkhead->refused);
	rc = weir_sem_try_acquire(&bulkhead->slots, 1);
	if (rc == WEIR_EAGAIN)
		rc = bulkhead->opts.max_waiting > 0 ? wait_in_line(ctx, bulkhead) : refuse(&bulkhead->refused);
	if (rc == 0)
		*running = weir_atomic_add(&bulkhead->running, 1) + 1;
	return rc;
}

int weir_bulkhead_enter(weir_ctx *ctx, weir_bulkhead *b, weir_err *err)
{
	uint64_t running;
	int rc = weir__bulkhead_enter(ctx, b, &running);
	return rc == WEIR_EOVERLOAD ? weir__bulkhead_overload(ctx, b, inside(b)->opts.service_ns, err) : rc;
}

void weir_bulkhead_leave(weir_bulkhead *b)
{
	struct weir__bulkhead *bulkhead = inside(b);
	(void)weir_atomic_add(&bulkhead->running, UINT64_MAX);
	weir_sem_release(&bulkhead->slots, 1); /* L2 */
	if (bulkhead->opts.max_waiting > 0)
		weir_sem_release(&bulkhead->room, 1);
}

int weir_bulkhead_set_limit(weir_bulkhead *b, uint32_t max_concurrent)
{
	struct weir__bulkhead *bulkhead = inside(b);
	uint64_t limit = max_concurrent, last;
	if (limit == 0)
		return WEIR_EINVAL;
	weir_atomic_store(&bulkhead->limit, limit);
	do { /* L5 */
		last = limit;
		if (bulkhead->opts.max_waiting > 0)
			weir_sem_resize(&bulkhead->room, last + bulkhead->opts.max_waiting);
		weir_sem_resize(&bulkhead->slots, last);
		limit = weir_atomic_load(&bulkhead->limit);
	} while (limit != last);
	return 0;
}

void weir_bulkhead_snapshot_get(const weir_bulkhead *b, struct weir_bulkhead_snapshot *out)
{
	const struct weir__bulkhead *bulkhead = inside(b);
	*out = (struct weir_bulkhead_snapshot){.limit = (uint32_t)weir_atomic_load(&bulkhead->limit),
					       .running = weir_atomic_load(&bulkhead->running),
					       .waiting = weir_atomic_load(&bulkhead->waiting),
					       .refused = weir_atomic_load(&bulkhead->refused),
					       .gave_up = weir_atomic_load(&bulkhead->gave_up)};
}

/* ---- the stage ---- */

struct wall {
	struct weir_stage base;
	weir_bulkhead *bulkhead;
};

struct wall_node {
	weir_bulkhead *bulkhead;
	struct weir__run child;
	const struct weir__probed *probed;
};

static int wall_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct wall_node *node = arg;
	uint64_t running;
	int rc = weir__bulkhead_enter(ctx, node->bulkhead, &running);
	if (rc < 0)
		return rc == WEIR_EOVERLOAD
			       ? weir__refused(node->probed, rc, 0, inside(node->bulkhead)->opts.service_ns, err)
			       : rc;
	rc = weir__run(ctx, &node->child, WEIR__NO_INDEX, in, out, err);
	weir_bulkhead_leave(node->bulkhead);
	return rc;
}

static void wall_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	struct wall_node *node = weir__bind_node(b, st, sizeof(*node));
	node->bulkhead = ((const struct wall *)st)->bulkhead;
	node->probed = weir__binder_probed(b, st);
	weir__bind(b, st->children[0], &node->child);
	out->fn = wall_process;
	out->arg = node;
}

static const struct weir__stage_ops wall_ops = {.bind = wall_bind};

weir_stage *weir_bulkhead_stage(weir_stage *child, weir_bulkhead *bulkhead)
{
	weir_stage *st = weir__stage_make(NULL, &wall_ops, "bulkhead", sizeof(struct wall), &child, 1);
	const struct weir__bulkhead *b = weir__bulkhead(bulkhead);
	if (!weir__stage_ok(st))
		return st;
	if (!b || !b->rt)
		weir__stage_wrong(st, WEIR_EINVAL, "has no bulkhead: weir_bulkhead_init makes one");
	else if (b->rt != st->rt)
		weir__stage_wrong(st, WEIR_EINVAL, "its bulkhead is of another runtime");
	else
		st->name = b->opts.name;
	((struct wall *)st)->bulkhead = bulkhead;
	st->bytes += weir__node_room(sizeof(struct wall_node));
	st->in = child->in;
	st->out = child->out;
	st->takes = child->takes;
	return st;
}
