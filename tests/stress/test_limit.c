/* SPDX-License-Identifier: MIT
 *
 * The objects of limit that tasks share, on real threads: buckets and budgets. (The others are pure: of one task.)
 *
 *   once       A bucket whose tokens never come back, asked by six tasks in every way, while another changes its
 *              settings: in all exactly its burst is granted, and never more where a smaller burst took some away. This
 *              is the one that a torn pair of word and terms would break.
 *   rate       A bucket that fills: up to any moment no more than burst and rate * time was granted, reservations as of
 *              their time, and what was given back counts once.
 *   line       Tasks that wait in line for tokens that do not come, until each is cancelled or the rate is changed so
 *              that they do. Nobody is forgotten; the account of the line adds up, and is empty at the end.
 *   share      Retries of a budget: exactly its share of the calls, however they are mixed.
 *   tokens     A budget of tokens: results that nowhere reach an end of the scale add up exactly. */
#include <math.h>
#include <weir/limit.h>

#include "stress.h"

enum { TASKS = 6 };

struct worker {
	void *what;
	size_t i;
	uint64_t seed, granted, calls, allowed;
};

/* Runs fn in TASKS tasks, with a worker each, and `beside`, if there is one, in one more. */
static int run_all(weir_ctx *ctx, weir_err *err, weir_task_fn *fn, struct worker w[TASKS], void *what, uint64_t seed,
		   weir_task_fn *beside)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	for (size_t i = 0; i < TASKS; i++) {
		w[i] = (struct worker){.what = what, .i = i, .seed = seed_of(seed * TASKS + i)};
		EXPECT(weir_scope_spawn(&s, "worker", fn, &w[i]) == 0);
	}
	if (beside)
		EXPECT(weir_scope_spawn(&s, "beside", beside, what) == 0);
	return weir_scope_join(ctx, &s, 0, err);
}

static uint64_t sum_granted(const struct worker w[TASKS])
{
	uint64_t sum = 0;
	for (size_t i = 0; i < TASKS; i++)
		sum += w[i].granted;
	return sum;
}

/* ---- buckets ---- */

struct bucket {
	weir_bucket b;
	enum { SAME, LARGER, SMALLER } settings; /* how they change meanwhile */
	_Atomic uint32_t running;                /* workers */
	_Atomic uint64_t changes;
};

/* The books of the bucket are those of its callers. */
static void expect_counted(struct bucket *b, const struct worker w[TASKS])
{
	struct weir_bucket_stats st;
	uint64_t calls = 0, allowed = 0;
	for (size_t i = 0; i < TASKS; i++) {
		calls += w[i].calls;
		allowed += w[i].allowed;
	}
	weir_bucket_stats_read(&b->b, &st);
	EXPECT(st.allowed == allowed && st.allowed + st.refused == calls);
	EXPECT(st.waiting == 0);
}

static void note(struct worker *w, int rc, uint64_t n)
{
	EXPECT(rc == 0 || rc == WEIR_ELIMITED);
	w->calls++;
	w->allowed += rc == 0;
	w->granted += rc == 0 ? n : 0;
}

#define ONCE UINT64_C(3000)

static int ask(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	struct bucket *b = w->what;
	struct weir_bucket_grant grant;
	int rc;
	(void)err;
	while (atomic_load(&b->changes) == 0) /* all begin together with the one who changes the settings */
		weir_rt_yield(rt);
	for (uint32_t refused = 0; refused < 400;) { /* an empty one is asked for a while, too */
		uint64_t n = 1 + pick(&w->seed, 4);
		switch (pick(&w->seed, 8)) {
		case 0:
			note(w, weir_bucket_reserve(&b->b, n, WEIR_FOREVER, &grant), n);
			break;
		case 1:
			note(w, weir_bucket_wait(ctx, &b->b, n, NULL), n); /* nothing to wait for: none comes */
			break;
		case 2:
			note(w, weir_bucket_allow_n(&b->b, n), n);
			break;
		default:
			rc = weir_bucket_allow(&b->b);
			refused = rc < 0 ? refused + 1 : 0;
			note(w, rc, 1);
			break;
		}
		if (w->calls % 16 == 0)
			weir_rt_yield(rt);
	}
	atomic_fetch_sub(&b->running, 1);
	return 0;
}

static int change_settings(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct bucket *b = arg;
	uint64_t seed = seed_of(atomic_load(&b->changes));
	struct weir_bucket_view view;
	(void)ctx, (void)err;
	for (uint64_t i = 0; atomic_load(&b->running) > 0; i++) {
		if (b->settings && i % 2)
			EXPECT(weir_bucket_set_burst(&b->b, ONCE + i / 2 % 2 * 1000) ==
			       0); /* a larger one gives none */
		else if (b->settings)
			EXPECT(weir_bucket_set_rate(&b->b, 0, WEIR_SEC(1 + i % 7)) == 0);
		weir_bucket_view_now(&b->b, 1, &view);
		EXPECT(view.available >= 0 && view.available <= (int64_t)ONCE);
		atomic_fetch_add(&b->changes, 1);
		dawdle(&seed);
	}
	return 0;
}

static int once(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct bucket b;
	struct worker w[TASKS];
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(300) && rc == 0; round++) {
		memset((void *)&b, 0, sizeof(b));
		b.settings = round % 3;
		atomic_store(&b.running, TASKS);
		EXPECT(weir_bucket_init(&b.b, rt, &(struct weir_bucket_opts){.burst = ONCE}) == 0);
		rc = run_all(ctx, err, ask, w, &b, round, change_settings);
		EXPECT(b.settings == SMALLER ? sum_granted(w) <= ONCE : sum_granted(w) == ONCE);
		EXPECT(weir_bucket_allow(&b.b) == WEIR_ELIMITED);
		w[0].calls++;
		expect_counted(&b, w);
		weir_bucket_fini(&b.b);
	}
	return rc;
}

/* ---- a bucket that fills ---- */

enum { BURST = 40, PER_MS = 200, ASKS = 400 };

struct filling {
	weir_bucket b;
	int64_t begun;
	_Atomic int64_t last; /* of all that was granted, when it may be used */
};

static void note_time(struct filling *f, int64_t at)
{
	int64_t last = atomic_load(&f->last);
	while (last < at && !atomic_compare_exchange_strong(&f->last, &last, at))
		;
}

static int ask_and_give_back(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	struct filling *f = w->what;
	struct weir_bucket_grant g;
	(void)ctx, (void)err;
	for (uint32_t i = 0; i < ASKS; i++) {
		uint64_t n = 1 + pick(&w->seed, 3);
		if (pick(&w->seed, 3)) {
			note(w, weir_bucket_allow_n(&f->b, n), n);
			note_time(f, weir_rt_now(rt));
			continue;
		}
		int rc = weir_bucket_reserve(&f->b, n, WEIR_MS(1), &g);
		note(w, rc, n);
		if (rc < 0)
			continue;
		EXPECT(g.n == n && g.delay_ns >= 0 && g.delay_ns <= WEIR_MS(1));
		note_time(f, g.at);
		if (pick(&w->seed, 2)) {
			uint64_t back = weir_bucket_cancel(&f->b, &g);
			EXPECT(back <= n && weir_bucket_cancel(&f->b, &g) == 0);
			w->granted -= back;
		}
	}
	return 0;
}

static int rate(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct filling f;
	struct worker w[TASKS];
	int rc = 0;
	(void)arg;
	const struct weir_bucket_opts opts = {.tokens = PER_MS, .period_ns = WEIR_MS(1), .burst = BURST};
	for (uint64_t round = 0; round < ROUNDS(300) && rc == 0; round++) {
		memset((void *)&f, 0, sizeof(f));
		f.begun = weir_rt_now(rt);
		EXPECT(weir_bucket_init(&f.b, rt, &opts) == 0);
		rc = run_all(ctx, err, ask_and_give_back, w, &f, round, NULL);
		int64_t ns = atomic_load(&f.last) - f.begun;
		EXPECT(ns >= 0 && sum_granted(w) <= BURST + (uint64_t)ns * PER_MS / (uint64_t)WEIR_MS(1));
		EXPECT(sum_granted(w) >= BURST);
		weir_bucket_fini(&f.b);
	}
	return rc;
}

/* ---- the line ---- */

struct line {
	weir_bucket b;
	weir_ctx *now[TASKS];
	weir_mutex lock;
	_Atomic uint32_t running, canceled, got, refused;
};

static int stand_in_line(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	struct line *l = w->what;
	weir_ctx own;
	(void)err;
	for (uint32_t i = 0; i < 12; i++) {
		uint64_t n = 1 + pick(&w->seed, 3);
		weir_ctx_init(&own, ctx, WEIR_FOREVER);
		weir_mutex_lock(ctx, &l->lock);
		l->now[w->i] = &own;
		weir_mutex_unlock(&l->lock);
		int rc = weir_bucket_wait(&own, &l->b, n, NULL);
		weir_mutex_lock(ctx, &l->lock);
		l->now[w->i] = NULL;
		weir_mutex_unlock(&l->lock);
		EXPECT(rc == 0 || (rc == WEIR_ECANCELED && weir_ctx_err(&own) < 0));
		w->granted += rc == 0 ? n : 0;
		atomic_fetch_add(rc == 0 ? &l->got : &l->canceled, 1);
		weir_ctx_fini(&own);
	}
	atomic_fetch_sub(&l->running, 1);
	return 0;
}

#define SLOW 1, WEIR_SEC(3600)

/* Without this task nobody would ever leave the line. */
static int end_waits(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct line *l = arg;
	uint64_t seed = seed_of(atomic_load(&l->canceled) + atomic_load(&l->got));
	struct weir_bucket_grant g;
	(void)err;
	while (atomic_load(&l->running) > 0) {
		uint32_t p = pick(&seed, 8);
		p = atomic_load(&l->canceled) == 0 ? 1 : atomic_load(&l->got) == 0 ? 0 : p; /* there are both */
		if (p == 0) {
			EXPECT(weir_bucket_set_rate(&l->b, 1, 1) == 0);
			weir_rt_yield(rt);
			EXPECT(weir_bucket_set_rate(&l->b, SLOW) == 0);
		} else if (p < 3) {
			weir_mutex_lock(ctx, &l->lock);
			weir_ctx *now = l->now[pick(&seed, TASKS)];
			if (now)
				weir_ctx_cancel(now, "no tokens");
			weir_mutex_unlock(&l->lock);
		} else if (p == 3) {
			if (weir_bucket_reserve(&l->b, 1, WEIR_FOREVER, &g) < 0)
				atomic_fetch_add(&l->refused, 1); /* there is a line */
			else
				(void)weir_bucket_cancel(&l->b, &g); /* which is told */
		} else if (p == 4) {
			EXPECT(weir_bucket_set_burst(&l->b, 4 + pick(&seed, 3)) == 0);
		}
		dawdle(&seed);
	}
	return 0;
}

static int line(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct line l;
	struct worker w[TASKS];
	uint64_t canceled = 0, got = 0;
	int rc = 0;
	(void)arg;
	const struct weir_bucket_opts opts = {.tokens = 1, .period_ns = WEIR_SEC(3600), .burst = 4, .spent = 4};
	for (uint64_t round = 0; round < ROUNDS(300) && rc == 0; round++) {
		struct weir_bucket_stats st;
		memset((void *)&l, 0, sizeof(l));
		atomic_store(&l.running, TASKS);
		weir_mutex_init(&l.lock, rt);
		EXPECT(weir_bucket_init(&l.b, rt, &opts) == 0);
		rc = run_all(ctx, err, stand_in_line, w, &l, round, end_waits);
		weir_bucket_stats_read(&l.b, &st);
		EXPECT(st.waiting == 0 && st.refused == atomic_load(&l.refused));
		EXPECT(st.given_up <= atomic_load(&l.canceled) && st.waited <= atomic_load(&l.got));
		EXPECT(atomic_load(&l.canceled) + atomic_load(&l.got) == TASKS * 12);
		canceled += atomic_load(&l.canceled);
		got += atomic_load(&l.got);
		weir_bucket_fini(&l.b);
		weir_mutex_fini(&l.lock);
	}
	EXPECT(canceled > 0 && got > 0);
	return rc;
}

/* ---- budgets ---- */

enum { CALLS = 2000 };

/* Each task makes CALLS calls, and as many attempts at a retry as it likes. */
static int call_and_retry(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	weir_budget *b = w->what;
	(void)ctx, (void)err;
	for (uint32_t i = 0; i < CALLS; i++) {
		weir_budget_call(b);
		if (pick(&w->seed, 2))
			w->granted += weir_budget_retry(b) == 0;
		if (i % 100 == 0)
			EXPECT(weir_budget_left(b) >= 0);
	}
	return 0;
}

static bool about(double a, double b)
{
	return fabs(a - b) < 1e-6;
}

static int share(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_budget b;
	struct worker w[TASKS];
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(60) && rc == 0; round++) {
		const struct weir_budget_opts opts = {.share = 0.25, .ttl_ns = WEIR_SEC(60)};
		EXPECT(weir_budget_init(&b, rt, &opts) == 0);
		rc = run_all(ctx, err, call_and_retry, w, &b, round, NULL);
		uint64_t retries = sum_granted(w), all = TASKS * CALLS / 4;
		EXPECT(retries <= all && about(weir_budget_left(&b), (double)(all - retries)));
		while (weir_budget_retry(&b) == 0)
			retries++;
		EXPECT(retries == all);
		weir_budget_fini(&b);
	}
	return rc;
}

static int tell_results(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	weir_budget *b = w->what;
	(void)ctx, (void)err;
	for (uint32_t i = 0; i < CALLS; i++) {
		weir_budget_call(b);         /* counts for nothing */
		bool fails = (i + w->i) % 2; /* so nobody is ever more than one ahead */
		weir_budget_result(b, fails ? WEIR_ETIMEOUT : 0);
		if (i % 16 == 0)
			w->granted += weir_budget_retry(b) == 0;
	}
	return 0;
}

static int tokens(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_budget b;
	struct worker w[TASKS];
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(60) && rc == 0; round++) {
		const struct weir_budget_opts opts = {.kind = WEIR_BUDGET_TOKENS, .tokens = 1000, .ratio = 1};
		EXPECT(weir_budget_init(&b, rt, &opts) == 0);
		for (uint32_t i = 0; i < (round % 2 ? 300 : 700); i++)
			weir_budget_result(&b, WEIR_ETIMEOUT);
		rc = run_all(ctx, err, tell_results, w, &b, round, NULL);
		EXPECT(about(weir_budget_left(&b), round % 2 ? 700 : 300));
		EXPECT(sum_granted(w) == (round % 2 ? TASKS * CALLS / 16 : 0)); /* always above half, or never */
		weir_budget_fini(&b);
	}
	return rc;
}

int main(void)
{
	stress_case("tokens that never come back", once, NULL);
	stress_case("tokens that come back", rate, NULL);
	stress_case("a line that is ended from elsewhere", line, NULL);
	stress_case("a budget that is a share of the calls", share, NULL);
	stress_case("a budget of tokens", tokens, NULL);
	return stress_end();
}
