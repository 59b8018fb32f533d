/* SPDX-License-Identifier: MIT
 *
 * Origin: etcd-io/etcd, pull request 9446. Class: traditional, data race.
 *
 * One task empties a table while another looks a key up, without a lock between them: the lookup can meet a slot that
 * is counted and holds nothing any more. Fix: a lock around both. */
#include "bugs.h"

struct table {
	weir_mutex m;
	bool locks;
	uint64_t used, key; /* room for one key; 0 is none */
};

static int delete_all(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct table *t = arg;
	(void)err;
	if (t->locks)
		weir_mutex_lock(ctx, &t->m);
	WEIR_SIM_SET(t->key, 0);
	WEIR_SIM_SET(t->used, 0);
	if (t->locks)
		weir_mutex_unlock(&t->m);
	return 0;
}

static int look_up(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct table *t = arg;
	(void)err;
	if (t->locks)
		weir_mutex_lock(ctx, &t->m);
	if (WEIR_SIM_GET(t->used) == 1)
		WEIR_SIM_EQ(WEIR_SIM_GET(t->key), 9446);
	if (t->locks)
		weir_mutex_unlock(&t->m);
	return 0;
}

static int read_buffer(weir_ctx *ctx, bool locks)
{
	struct table t = {.locks = locks};
	weir_scope s;
	weir_mutex_init(&t.m, weir_ctx_rt(ctx));
	WEIR_SIM_SET(t.used, 1);
	WEIR_SIM_SET(t.key, 9446);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "delete", delete_all, &t);
	bug_spawn(&s, "lookup", look_up, &t);
	bug_join(ctx, &s);
	WEIR_SIM_EQ(WEIR_SIM_GET(t.used), 0);
	weir_mutex_fini(&t.m);
	return 0;
}

static int etcd_9446_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return read_buffer(ctx, false);
}

static int etcd_9446_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return read_buffer(ctx, true);
}

WEIR_BUG(etcd_9446, "Traditional: data race", WEIR_SIM_RACE, false);
