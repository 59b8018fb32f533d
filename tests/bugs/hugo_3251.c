/* SPDX-License-Identifier: MIT
 *
 * Origin: gohugoio/hugo, pull request 3251. Class: resource deadlock, opposite lock order.
 *
 * Each address has a mutex of its own, kept in a table under a read-write lock. Locking an address waits for its mutex
 * while holding the table; unlocking it needs the table first. One task holds the address, another the table. (Two
 * addresses one after the other, two tasks, two rounds each.) Fix: leave the table before locking the address. */
#include "bugs.h"

#define ROUNDS 2

struct remote {
	weir_rwlock table;
	weir_mutex url;
	bool known, bad;
};

static void lock_url(weir_ctx *ctx, struct remote *r)
{
	weir_rwlock_write_lock(ctx, &r->table);
	if (!r->known)
		weir_mutex_init(&r->url, weir_ctx_rt(ctx));
	r->known = true;
	if (r->bad)
		weir_mutex_lock(ctx, &r->url);
	weir_rwlock_write_unlock(&r->table);
	if (!r->bad)
		weir_mutex_lock(ctx, &r->url);
}

static void unlock_url(weir_ctx *ctx, struct remote *r)
{
	weir_rwlock_read_lock(ctx, &r->table);
	weir_mutex_unlock(&r->url);
	weir_rwlock_read_unlock(&r->table);
}

static int fetch(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	for (int i = 0; i < ROUNDS; i++) {
		lock_url(ctx, arg);
		unlock_url(ctx, arg);
		WEIR_SIM_EQ(weir_sleep(ctx, 300), 0);
	}
	return 0;
}

static int fetch_all(weir_ctx *ctx, bool bad)
{
	for (int url = 0; url < 2; url++) {
		struct remote r = {.bad = bad};
		weir_scope s;
		weir_rwlock_init(&r.table, weir_ctx_rt(ctx));
		weir_scope_init(&s, ctx);
		bug_spawn(&s, "fetch", fetch, &r);
		bug_spawn(&s, "fetch", fetch, &r);
		bug_join(ctx, &s);
		weir_mutex_fini(&r.url);
		weir_rwlock_fini(&r.table);
	}
	return 0;
}

static int hugo_3251_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return fetch_all(ctx, true);
}

static int hugo_3251_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return fetch_all(ctx, false);
}

WEIR_BUG(hugo_3251, "Resource: opposite lock order", WEIR_SIM_DEADLOCK, false);
