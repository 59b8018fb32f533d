/* SPDX-License-Identifier: MIT
 *
 * Wait group: a count, and those that wait for 0.
 *
 *  G1  Nobody who can still be claimed is in the queue while the count is 0: the done that makes it 0 releases them
 *      all, under the same lock that a wait looks at it under.
 *  G2  A release is final: what is added later is for later waits. So a group can be used again at once, by other tasks
 *      than those that still come back from the first round.
 *  G3  The last touch of the object in done is its unlock: a wait that returned, parked or not, may finish the group
 *      while that done is still waking others.
 *
 * What it does not do: carry errors, cancel, or own the tasks it counts. A scope does; a wait group is for counting
 * things that are not tasks of one block.
 *
 * Where it takes effect: at one point inside the internal lock, or at the claim. Locks: WEIR__RANK_SYNC. Anything may
 * run at the same time but init and fini (and G3); see core/sync.h. */
#include "sync.h"

WEIR__FITS(wg);

static struct weir__wg *inside(weir_wg *g)
{
	struct weir__wg *wg = (struct weir__wg *)g;
	assert(wg->head.obj.kind == WEIR_OBJ_WG); /* zeroed, or finished */
	return wg;
}

void weir_wg_init(weir_wg *g, weir_rt *rt)
{
	memset(g, 0, sizeof(*g));
	weir__sync_init(&((struct weir__wg *)g)->head, rt, WEIR_OBJ_WG, WEIR__SITE());
}

void weir_wg_fini(weir_wg *g)
{
	struct weir__wg *wg = (struct weir__wg *)g;
	if (!wg || wg->head.obj.kind == WEIR_OBJ_DEAD)
		return;
	wg = inside(g);
	uint32_t rank = weir__lock(&wg->head.lock, WEIR__RANK_SYNC);
	const char *wrong = wg->waiters.first ? "fini of a wait group that tasks wait for"
			    : wg->count       ? "fini of a wait group whose count is not 0: a done is still to come"
					      : NULL;
	weir__unlock(&wg->head.lock, rank);
	weir__sync_fini(&wg->head, wrong, "wait group", WEIR__SITE(), NULL);
	memset(g, 0, sizeof(*g));
}

static void wg_add(struct weir__wg *g, weir_rt *rt, uint64_t n, const void *site)
{
	uint32_t rank = weir__lock(&g->head.lock, WEIR__RANK_SYNC);
	bool fits = n <= UINT64_MAX - g->count;
	if (fits)
		g->count += n;
	weir__unlock(&g->head.lock, rank);
	if (!fits)
		weir__misuse(rt, "add beyond what can be counted", "wait group", site, NULL);
}

void weir_wg_add(weir_wg *g, uint64_t n)
{
	struct weir__wg *wg = inside(g);
	weir_rt *rt = wg->head.rt;
	if (!weir__hooked(rt)) {
		wg_add(wg, rt, n, WEIR__SITE());
		return;
	}
	struct weir_op op = weir__sync_op(WEIR_OP_WG_ADD, &wg->head.obj, NULL, WEIR__SITE());
	weir__choice(rt, &op);
	wg_add(wg, rt, n, op.site);
	weir__result(rt, &op, 0);
}

static void wg_done(struct weir__wg *g, weir_rt *rt, const void *site)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&g->head.lock, WEIR__RANK_SYNC);
	bool counted = g->count > 0;
	if (counted && --g->count == 0)
		weir__queue_release(&g->waiters, 0, &wake); /* G1 */
	weir__unlock(&g->head.lock, rank);
	weir__wake_all(&wake); /* G3 */
	if (!counted)
		weir__misuse(rt, "done without an add before it: the count is 0", "wait group", site, NULL);
}

void weir_wg_done(weir_wg *g)
{
	struct weir__wg *wg = inside(g);
	weir_rt *rt = wg->head.rt;
	if (!weir__hooked(rt)) {
		wg_done(wg, rt, WEIR__SITE());
		return;
	}
	struct weir_op op = weir__sync_op(WEIR_OP_WG_DONE, &wg->head.obj, NULL, WEIR__SITE());
	weir__choice(rt, &op);
	wg_done(wg, rt, op.site);
	weir__result(rt, &op, 0);
}

static int wg_wait(weir_ctx *ctx, struct weir__wg *g)
{
	int rc = weir__sync_enter(ctx, &g->head);
	if (rc < 0)
		return rc;
	uint32_t rank = weir__lock(&g->head.lock, WEIR__RANK_SYNC);
	rc = weir__ctx_marked(ctx); /* W7 */
	if (rc < 0 || g->count == 0)
		weir__unlock(&g->head.lock, rank);
	else if (!weir__queue_wait(&g->waiters, &g->head.lock, rank, NULL, ctx, g->head.rt, WEIR_FOREVER, &rc,
				   "wait group", NULL))
		rc = weir__ctx_ended(ctx);
	return rc;
}

int weir_wg_wait(weir_ctx *ctx, weir_wg *g)
{
	struct weir__wg *wg = inside(g);
	weir_rt *rt = wg->head.rt;
	if (!weir__hooked(rt))
		return wg_wait(ctx, wg);
	struct weir_op op = weir__sync_op(WEIR_OP_WG_WAIT, &wg->head.obj, ctx, WEIR__SITE());
	weir__choice(rt, &op);
	return weir__result(rt, &op, wg_wait(ctx, wg));
}
