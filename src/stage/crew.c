/* SPDX-License-Identifier: MIT
 *
 * Helper tasks: see crew.h. */
#include "crew.h"

#include <assert.h>

/* The first batch that can be joined, under the lock. */
static struct weir__batch *open_batch(struct weir__crew *crew)
{
	struct weir__batch *b = crew->batches;
	while (b && b->joined == b->lanes)
		b = b->following;
	return b;
}

/* H3, under the lock. */
static void unlink_batch(struct weir__crew *crew, struct weir__batch *b)
{
	struct weir__batch **at = &crew->batches;
	while (*at && *at != b)
		at = &(*at)->following;
	if (*at)
		*at = b->following;
}

static void do_items(struct weir__batch *b, uint32_t lane)
{
	for (size_t i; (i = (size_t)weir_atomic_add(&b->next, 1)) < b->n;)
		b->item(b->ctx, b->arg, lane, i);
}

static void drop_reference(weir_ctx *ctx, struct weir__crew *crew)
{
	weir_mutex_lock(ctx, &crew->lock);
	bool last = --crew->refs == 0;
	weir_mutex_unlock(&crew->lock);
	if (!last)
		return;
	weir_cond_fini(&crew->work);
	weir_mutex_fini(&crew->lock);
	weir_ctx_fini(&crew->forever);
	crew->gone(crew);
}

static int help(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir__crew *crew = arg;
	int rc = 0;
	(void)err;
	weir_mutex_lock(ctx, &crew->lock);
	while (!crew->over && rc == 0) {
		struct weir__batch *b = open_batch(crew);
		if (!b) {
			crew->idle++;
			rc = weir_cond_wait(ctx, &crew->work, &crew->lock);
			crew->idle--;
			continue;
		}
		uint32_t lane = b->joined++;
		b->inside++;
		if (crew->idle > 0 && open_batch(crew)) /* H4 */
			weir_cond_signal(&crew->work);
		weir_mutex_unlock(&crew->lock);
		do_items(b, lane);
		weir_mutex_lock(ctx, &crew->lock);
		unlink_batch(crew, b); /* nothing is left to be claimed */
		if (--b->inside == 0)
			weir_cond_signal(&b->left);
	}
	weir_mutex_unlock(&crew->lock);
	drop_reference(ctx, crew);
	return 0; /* that the scope has ended is no failure of a helper */
}

int weir__crew_start(struct weir__crew *crew, weir_scope *s, uint32_t helpers, void (*gone)(struct weir__crew *crew))
{
	weir_ctx *ctx = weir_scope_ctx(s);
	int rc = 0;
	crew->rt = weir_ctx_rt(ctx);
	crew->gone = gone;
	weir_mutex_init(&crew->lock, crew->rt);
	weir_cond_init(&crew->work, crew->rt);
	weir_ctx_init_root(&crew->forever, crew->rt);
	crew->helpers = helpers;
	crew->refs = helpers + 1; /* before they run: they count it down */
	for (uint32_t i = 0; i < helpers && rc == 0; i++) {
		rc = weir_scope_spawn(s, "helper", help, crew);
		if (rc < 0) {
			weir_mutex_lock(&crew->forever, &crew->lock);
			crew->refs -= helpers - i;
			weir_mutex_unlock(&crew->lock);
		}
	}
	return rc;
}

void weir__crew_do(weir_ctx *ctx, struct weir__crew *crew, struct weir__batch *b)
{
	assert(b->item && b->lanes > 0);
	b->ctx = ctx;
	b->joined = b->inside = 1;
	weir_atomic_init(&b->next, crew->rt, 0);
	weir_cond_init(&b->left, crew->rt);
	bool shared = b->lanes > 1 && b->n > 1 && crew->helpers > 0;
	if (shared) {
		weir_mutex_lock(ctx, &crew->lock);
		b->following = crew->batches;
		crew->batches = b;
		if (crew->idle > 0)
			weir_cond_signal(&crew->work);
		weir_mutex_unlock(&crew->lock);
	}
	do_items(b, 0);
	if (shared) {
		weir_mutex_lock(ctx, &crew->lock);
		unlink_batch(crew, b);
		b->inside--;
		while (b->inside > 0) {
			int rc = weir_cond_wait(&crew->forever, &b->left, &crew->lock);
			assert(rc == 0); /* that context has no end */
			(void)rc;
		}
		weir_mutex_unlock(&crew->lock);
	}
	assert(b->inside <= 1);
	weir_cond_fini(&b->left);
	weir_atomic_fini(&b->next);
}

void weir__crew_end(struct weir__crew *crew)
{
	weir_mutex_lock(&crew->forever, &crew->lock);
	crew->over = true;
	weir_cond_broadcast(&crew->work);
	weir_mutex_unlock(&crew->lock);
	drop_reference(&crew->forever, crew);
}
