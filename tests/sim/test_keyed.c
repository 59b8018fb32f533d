/* SPDX-License-Identifier: MIT
 *
 * A bucket for each key, shared: every order of two callers, times to the nanosecond against a bucket of its own, and
 * keys that are forgotten when they are full again; and that making one fails cleanly. */
#include <stdio.h>
#include <weir/limit.h>
#include <weir/sim.h>

struct caller {
	weir_keyed *k;
	const char *key;
	int granted, overload;
};

static int use_twice(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct caller *c = arg;
	(void)ctx, (void)err;
	for (int i = 0; i < 2; i++) {
		int rc = weir_keyed_allow_n(c->k, c->key, 1, 1);
		c->granted += rc == 0;
		c->overload += rc == WEIR_EOVERLOAD;
	}
	return 0;
}

static weir_keyed *made(weir_ctx *ctx, struct weir_keyed_opts opts)
{
	weir_keyed *k = NULL;
	WEIR_SIM_EQ(weir_keyed_new(weir_ctx_rt(ctx), &opts, &k), 0);
	return k;
}

static void two(weir_ctx *ctx, struct caller *a, struct caller *b)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "a", use_twice, a), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "b", use_twice, b), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}

WEIR_SIM_TEST_WITH(one_key_two_callers, .strategy = "dfs")
{
	weir_keyed *k = made(ctx, (struct weir_keyed_opts){.each.burst = 3, .max_keys = 2});
	struct caller a = {.k = k, .key = "x"}, b = {.k = k, .key = "x"};
	two(ctx, &a, &b);
	WEIR_SIM_EQ(a.granted + b.granted, 3);
	weir_keyed_free(&k);
}

static bool seen[2]; /* who had the only place */

WEIR_SIM_TEST_WITH(two_keys_one_place, .strategy = "dfs")
{
	struct weir_keyed_stats is;
	weir_keyed *k = made(ctx, (struct weir_keyed_opts){.each.burst = 2, .max_keys = 1, .refuse_new = true});
	struct caller a = {.k = k, .key = "x"}, b = {.k = k, .key = "y"};
	two(ctx, &a, &b);
	WEIR_SIM_ASSERT((a.granted == 2 && b.overload == 2) || (b.granted == 2 && a.overload == 2));
	seen[a.granted == 2] = true;
	weir_keyed_stats_read(k, &is);
	WEIR_SIM_EQ(is.keys, 1);
	WEIR_SIM_EQ(is.turned_away, 2);
	WEIR_SIM_EQ(is.forgotten, 0);
	weir_keyed_free(&k);
}

/* Random use of three keys at random times: each is what a bucket of its own is. */
WEIR_SIM_TEST_WITH(each_is_a_bucket, .schedules = 60, .no_early = true)
{
	static const struct weir_bucket_opts rates[] = {
		{.tokens = 3, .burst = 4},
		{.tokens = 999999937, .burst = 4},
		{.tokens = 1, .period_ns = WEIR_SEC(7), .burst = 2, .spent = 1}};
	const struct weir_bucket_opts *o = &rates[weir_sim_choose(3, "rate")];
	weir_keyed *k = made(ctx, (struct weir_keyed_opts){.each = *o, .max_keys = 3});
	weir_bucket_state own[3];
	int64_t now = weir_rt_now(weir_ctx_rt(ctx));
	for (int i = 0; i < 3; i++)
		WEIR_SIM_EQ(weir_bucket_state_init(&own[i], o, now), 0);
	for (int i = 0; i < 60; i++) {
		struct weir_bucket_view v, w;
		uint64_t at = weir_sim_choose(3, "key"), n = weir_sim_choose(4, "n");
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(weir_sim_choose(1500, "sleep"))), 0);
		now = weir_rt_now(weir_ctx_rt(ctx));
		weir_keyed_view(k, &at, sizeof(at), n, &v);
		weir_bucket_state_view(&own[at], now, n, &w);
		WEIR_SIM_EQ(v.available, w.available);
		WEIR_SIM_EQ(v.retry_ns, w.retry_ns);
		WEIR_SIM_EQ(v.full_ns, w.full_ns);
		WEIR_SIM_EQ(weir_keyed_allow_n(k, &at, sizeof(at), n),
			    weir_bucket_state_take(&own[at], now, n, 0, NULL));
	}
	weir_keyed_free(&k);
}

/* What is full again gives its place up, one or two for each call. */
WEIR_SIM_TEST_WITH(idle_keys_are_forgotten, .allow_no_decisions = true, .no_early = true, .schedules = 1)
{
	struct weir_keyed_stats is;
	weir_keyed *k =
		made(ctx,
		     (struct weir_keyed_opts){.each = {.tokens = 1, .burst = 2}, .max_keys = 4, .refuse_new = true});
	for (int i = 0; i < 4; i++)
		WEIR_SIM_EQ(weir_keyed_allow_n(k, &i, sizeof(i), 1), 0);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(1) - 1), 0);
	WEIR_SIM_EQ(weir_keyed_allow_n(k, "new", 3, 1), WEIR_EOVERLOAD);
	WEIR_SIM_EQ(weir_sleep(ctx, 1), 0);
	WEIR_SIM_EQ(weir_keyed_allow_n(k, "new", 3, 2), 0); /* in the place of one of them */
	weir_keyed_stats_read(k, &is);
	WEIR_SIM_EQ(is.keys, 3);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_keyed_allow_n(k, "look", 4, 0), 0);
	weir_keyed_stats_read(k, &is);
	WEIR_SIM_EQ(is.keys, 1);
	WEIR_SIM_EQ(is.forgotten, 0);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(1000)), 0);
	WEIR_SIM_EQ(weir_keyed_allow_n(k, "look", 4, 0), 0);
	weir_keyed_stats_read(k, &is);
	WEIR_SIM_EQ(is.keys, 0);
	weir_keyed_free(&k);
}

/* Buckets that begin empty fill up as one does: from when they were made. */
WEIR_SIM_TEST_WITH(a_key_that_begins_empty, .allow_no_decisions = true, .no_early = true, .schedules = 1)
{
	weir_keyed *k = made(ctx,
			     (struct weir_keyed_opts){.each = {.tokens = 1, .burst = 4, .spent = 4}, .max_keys = 2});
	WEIR_SIM_EQ(weir_keyed_allow_n(k, "a", 1, 1), WEIR_ELIMITED);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(1)), 0);
	WEIR_SIM_EQ(weir_keyed_allow_n(k, "a", 1, 1), 0);
	WEIR_SIM_EQ(weir_keyed_allow_n(k, "a", 1, 1), WEIR_ELIMITED);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(4)), 0);
	WEIR_SIM_EQ(weir_keyed_allow_n(k, "b", 1, 4), 0);
	WEIR_SIM_EQ(weir_keyed_allow_n(k, "a", 1, 4), 0);
	weir_keyed_free(&k);
}

/* The one that was used least recently owes for long. The others' places are free again all the same. */
WEIR_SIM_TEST_WITH(one_that_owes_keeps_one_place, .allow_no_decisions = true, .no_early = true, .schedules = 1)
{
	weir_keyed *k =
		made(ctx,
		     (struct weir_keyed_opts){.each = {.tokens = 1, .burst = 100}, .max_keys = 4, .refuse_new = true});
	WEIR_SIM_EQ(weir_keyed_allow_n(k, "greedy", 6, 100), 0);
	for (int i = 0; i < 3; i++)
		WEIR_SIM_EQ(weir_keyed_allow_n(k, &i, sizeof(i), 1), 0);
	WEIR_SIM_EQ(weir_keyed_allow_n(k, "new", 3, 1), WEIR_EOVERLOAD);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(2)), 0);
	for (int i = 10; i < 13; i++)
		WEIR_SIM_EQ(weir_keyed_allow_n(k, &i, sizeof(i), 1), 0);
	WEIR_SIM_EQ(weir_keyed_allow_n(k, "new", 3, 1), WEIR_EOVERLOAD);
	weir_keyed_free(&k);
}

/* Each allocation fails once. */
static int make_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_keyed *k = NULL;
	(void)err, (void)arg;
	int rc = weir_keyed_new(weir_ctx_rt(ctx), NULL, &k);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM);
	WEIR_SIM_EQ(k != NULL, rc == 0);
	if (rc == 0)
		WEIR_SIM_EQ(weir_keyed_allow_n(k, "a", 1, 1), 0);
	weir_keyed_free(&k);
	return rc;
}

int main(int argc, char **argv)
{
	int status = weir_sim_main(argc, argv);
	if (argc > 1 || status)
		return status;
	if (!seen[0] || !seen[1]) {
		fprintf(stderr, "a race ended one way only\n");
		return 1;
	}
	struct weir_sim_result r;
	const struct weir_sim_opts faults = {.name = "make_one", .fault_sweep = true, .allow_no_decisions = true};
	int rc = weir_sim_run(&faults, make_one, NULL, &r);
	printf("%-4s make_one: %llu faults\n", rc == 0 && r.faults == 1 ? "ok" : "FAIL", (unsigned long long)r.faults);
	return rc == 0 && r.faults == 1 ? 0 : 1;
}
