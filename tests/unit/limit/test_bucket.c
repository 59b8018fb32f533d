/* SPDX-License-Identifier: MIT
 *
 * The token bucket: the tables of other limiters (tests/data/rate_allow.tsv), the rules of bucket.h as properties under
 * random use, and each function of the shared face on threads. Races and exact times are for tests/sim/test_bucket.c.
 *
 * Each row of the table is run, or its algorithm is in the first list below with the reason. What differs is a row of
 * the second list; a row that is listed and would pass is an error too. */
#include <check.h>
#include <weir/limit/bucket.h>

#include "../core/support.h"
#include "tsv.h"

/* ---- the table ---- */

static const struct {
	const char *algo, *reason;
} other_algorithms[] = {
	{"guava", "the current request is free and the next one waits for it; warm-up: not a token bucket's time"},
	{"bursty_window", "permits of later periods are given out ahead, all of a period for its start"},
	{"cycle_window",
	 "permits come all together, and are lost at the end: test_bands.c, but for those given out ahead"},
};

static const struct {
	const char *name;
	int step;
	const char *reason;
} differences[] = {
	{"JumpBackwards", 10, "after a jump back, time that was counted once is not counted again"},
	{"JumpBackwards", 11, "so there is none yet"},
	{"ReserveJumpBack", 2, "the same"},
	{"ReserveJumpBack", 4, "so it is due a token later"},
	{"ReserveJumpBack", 6, "and this one"},
	{"ReserveJumpBackCancel", 4, "the same"},
	{"SmoothAcquirePermits_500ms", 10, "permits lie on a grid that never moves: two can be closer than the gap"},
	{"SmoothAcquirePermits_200ms", 2, "the same grid"},
	{"SmoothInitial_b", 2, "the same grid"},
	{"redis_rate_TestAllow", 5, "n above the burst never comes; no time is named"},
	{"DelayFor#4", 0, "n above the burst never comes; no time is named"},
	{"RoundingCleared", 2, "tokens are given back by cancel only, not added"},
	{"RoundingCleared", 3, "so these are not there"},
	{"RoundingCleared", 4, "and this one is left"},
};

struct player {
	weir_bucket_state st;
	struct weir_bucket_opts opts;
	struct weir_bucket_grant grants[32]; /* by step */
	char name[64], params[128];
	bool differs, exempt; /* this row */
};

static size_t listed_differs;

static void rate_of(double per_s, struct weir_bucket_opts *o)
{
	o->unlimited = isinf(per_s);
	o->period_ns = WEIR_SEC(1);
	if (per_s >= 1 && !o->unlimited)
		o->tokens = (uint64_t)per_s;
	else if (per_s > 1e-9) /* below, a token takes longer than there are nanoseconds: none comes */
		o->tokens = 1, o->period_ns = nearest(1e9 / per_s);
}

/* "limits=cap10,greedy10/100ns,init0;t0_ns=..." of one greedy limit; false: another kind. */
static bool greedy_of(const struct tsv *t, struct weir_bucket_opts *o, int64_t *out_t0)
{
	unsigned long cap, tokens, init;
	long period;
	char unit[3] = "";
	const char *text = tsv_find(t, "params", "limits");
	if (strchr(text, '|') ||
	    sscanf(text, "cap%lu,greedy%lu/%ld%2[a-z],init%lu", &cap, &tokens, &period, unit, &init) != 5)
		return false;
	*o = (struct weir_bucket_opts){.tokens = tokens, .burst = cap, .spent = cap - init};
	o->period_ns = strcmp(unit, "ns") == 0 ? period : WEIR_SEC(period);
	*out_t0 = tsv_find(t, "params", "t0_ns") ? tsv_key_int(t, "params", "t0_ns") : 0;
	return true;
}

/* A bucket for the case of this row; false: no such limiter here. */
static bool player_open(struct player *p, const struct tsv *t)
{
	int64_t now = tsv_int(t, "t_ns");
	*p = (struct player){.opts = {.period_ns = WEIR_SEC(1)}};
	snprintf(p->name, sizeof(p->name), "%s", tsv_cell(t, "case"));
	snprintf(p->params, sizeof(p->params), "%s", tsv_cell(t, "params"));
	if (tsv_is(t, "algo", "token_bucket")) {
		p->opts.burst = (uint64_t)tsv_key(t, "params", "burst");
		rate_of(tsv_key(t, "params", "rate_per_s"), &p->opts);
	} else if (tsv_is(t, "algo", "gcra")) {
		p->opts.tokens = 1;
		p->opts.period_ns = tsv_key_int(t, "params", "emission_ns");
		p->opts.burst = (uint64_t)tsv_key_int(t, "params", "limit");
	} else if (tsv_is(t, "algo", "paced") || tsv_is(t, "algo", "smooth")) {
		uint64_t slack = tsv_find(t, "params", "slack") ? (uint64_t)tsv_key_int(t, "params", "slack") : 0;
		p->opts = (struct weir_bucket_opts){.tokens = 1, .burst = slack + 1, .spent = slack};
		p->opts.period_ns = tsv_key_int(t, "params", "interval_ns");
	} else if (!tsv_is(t, "algo", "bucket4j") || !greedy_of(t, &p->opts, &now)) {
		return false;
	}
	ck_assert_int_eq(weir_bucket_state_init(&p->st, &p->opts, now), 0);
	return true;
}

#define EXPECT(cond)                                                                                  \
	do {                                                                                          \
		if (!(cond)) {                                                                        \
			p->differs = true;                                                            \
			if (!p->exempt)                                                               \
				ck_abort_msg("row %zu: %s step %s: %s", t->rows, tsv_cell(t, "case"), \
					     tsv_cell(t, "step"), #cond);                             \
		}                                                                                     \
	} while (0)

static bool near(int64_t a, int64_t b, int64_t tolerance)
{
	return a - b <= tolerance && b - a <= tolerance;
}

static void play_view(struct player *p, const struct tsv *t, int64_t now, uint64_t n, int rc)
{
	struct weir_bucket_view v;
	int64_t off = tsv_find(t, "arg", "tolerance_ns") ? tsv_key_int(t, "arg", "tolerance_ns") : 0;
	weir_bucket_state_view(&p->st, now, n, &v);
	if (tsv_find(t, "value", "remaining"))
		EXPECT(v.available == tsv_key_int(t, "value", "remaining"));
	if (tsv_find(t, "value", "reset_ns"))
		EXPECT(near(v.full_ns, tsv_key_int(t, "value", "reset_ns"), off));
	if (tsv_find(t, "value", "retry_ns")) {
		int64_t wanted = tsv_key_int(t, "value", "retry_ns"); /* -1: allowed, or never */
		EXPECT(wanted >= 0 ? near(v.retry_ns, wanted, off) : rc == 0 || v.retry_ns == WEIR_FOREVER);
	}
	if (tsv_find(t, "value", "wait_ns")) {
		const char *text = tsv_find(t, "value", "wait_ns");
		int64_t wanted = strncmp(text, "never", 5) == 0 ? WEIR_FOREVER : strtoll(text, NULL, 10);
		EXPECT((rc == 0 ? 0 : v.retry_ns) == wanted);
	}
}

static void play_settings(struct player *p, const struct tsv *t, int64_t now)
{
	if (tsv_is(t, "op", "set_limit")) {
		rate_of(tsv_key(t, "arg", "rate_per_s"), &p->opts);
		EXPECT(weir_bucket_state_set_rate(&p->st, now, p->opts.tokens, p->opts.period_ns) == 0);
	} else if (tsv_is(t, "op", "set_burst")) {
		EXPECT(weir_bucket_state_set_burst(&p->st, now, (uint64_t)tsv_key_int(t, "arg", "burst")) == 0);
	} else if (tsv_is(t, "op", "reset")) {
		EXPECT(weir_bucket_state_init(&p->st, &p->opts, now) == 0);
	} else {
		bool known = false;
		EXPECT(known);
	}
}

static void play_step(struct player *p, const struct tsv *t)
{
	int64_t now = tsv_int(t, "t_ns");
	uint64_t n = (uint64_t)tsv_int(t, "n");
	struct weir_bucket_grant *grant = &p->grants[tsv_int(t, "step")];
	struct weir_bucket_view v;
	bool is_try = tsv_is(t, "op", "allow") || tsv_is(t, "op", "take") || tsv_is(t, "op", "try");
	weir_bucket_state_view(&p->st, now, n, &v);
	if (tsv_is(t, "algo", "paced") || tsv_is(t, "op", "acquire")) { /* one gap per permit */
		for (uint64_t i = 0; i < n; i++)
			EXPECT(weir_bucket_state_take(&p->st, now, 1, WEIR_FOREVER, grant) == 0);
		EXPECT(grant->delay_ns == tsv_int(t, "value"));
	} else if (is_try) {
		int rc = weir_bucket_state_take(&p->st, now, n, 0, grant);
		EXPECT((rc == 0) == (tsv_int(t, "ok") == 1));
		play_view(p, t, now, n, rc);
	} else if (strncmp(tsv_cell(t, "op"), "reserve", 7) == 0) {
		int64_t most = tsv_find(t, "arg", "max_wait_ns") ? tsv_key_int(t, "arg", "max_wait_ns") : WEIR_FOREVER;
		int rc = weir_bucket_state_take(&p->st, now, n, most, grant);
		EXPECT((rc == 0) == (tsv_int(t, "ok") == 1));
		if (rc == 0)
			EXPECT(grant->delay_ns == tsv_int(t, "value"));
	} else if (tsv_is(t, "op", "cancel")) {
		weir_bucket_state_cancel(&p->st, now, &p->grants[tsv_key_int(t, "arg", "step")]);
	} else if (tsv_is(t, "op", "tokens") || tsv_is(t, "op", "available")) {
		EXPECT(v.available == tsv_int(t, "value"));
	} else if (tsv_is(t, "op", "take_all")) {
		EXPECT(v.available == tsv_int(t, "value"));
		EXPECT(weir_bucket_state_take(&p->st, now, (uint64_t)v.available, 0, NULL) == 0);
	} else if (tsv_is(t, "op", "delay_for")) {
		EXPECT(v.retry_ns == tsv_int(t, "value"));
	} else {
		play_settings(p, t, now);
	}
}

/* A row of a limiter that a bucket is not: its algorithm is listed, or it is a limit of bucket4j of another kind: per
 * period, aligned to the clock, or several in one. Those are run in test_bands.c. */
static void other_kind(const struct tsv *t)
{
	bool listed = tsv_is(t, "algo", "bucket4j");
	for (size_t i = 0; i < COUNT_OF(other_algorithms); i++)
		listed |= tsv_is(t, "algo", other_algorithms[i].algo);
	ck_assert_msg(listed, "row %zu: nobody says why it is not run", t->rows);
}

static void play(struct player *p, const struct tsv *t)
{
	p->differs = p->exempt = false;
	for (size_t i = 0; i < COUNT_OF(differences); i++)
		p->exempt |= strcmp(differences[i].name, p->name) == 0 && differences[i].step == tsv_int(t, "step");
	play_step(p, t);
	ck_assert_msg(p->differs == p->exempt, "%s step %s is listed, and passes", p->name, tsv_cell(t, "step"));
	listed_differs += p->exempt;
}

START_TEST(table_of_other_limiters)
{
	struct tsv t = tsv_open("tests/data/rate_allow.tsv");
	struct player p = {.name = ""};
	bool playing = false;
	size_t played = 0;
	while (tsv_next(&t)) {
		if (!tsv_is(&t, "case", p.name) || !tsv_is(&t, "params", p.params) || tsv_is(&t, "step", "0"))
			playing = player_open(&p, &t);
		if (playing)
			play(&p, &t), played++;
		else
			other_kind(&t);
	}
	ck_assert_uint_eq(t.rows, 490);
	ck_assert_uint_eq(played, 261);
	ck_assert_uint_eq(listed_differs, COUNT_OF(differences));
}
END_TEST

/* ---- the rules ---- */

static uint64_t dice = 1;

static uint64_t roll(uint64_t n)
{
	dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
	return (dice >> 11) % n;
}

enum { USES = 160 };

struct use {
	struct weir_bucket_grant grant;
	int64_t at;
	uint64_t n, given;
};

__extension__ typedef __int128 wide;

/* Whether what is used from a to b, both included, is within burst + rate * (b - a), and the nanosecond to which the
 * time of a grant is rounded up; what a grant gave back has not been used. */
static void assert_within(const struct use *uses, size_t n, const struct weir_bucket_opts *o)
{
	ck_assert_uint_eq(n, USES);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) { /* no assertion in here: of Check's each is a system call */
			wide sum = 0;
			if (uses[j].at < uses[i].at)
				continue;
			for (size_t k = 0; k < n; k++)
				if (uses[k].at >= uses[i].at && uses[k].at <= uses[j].at)
					sum += (int64_t)uses[k].n;
			sum = (sum - (int64_t)o->burst) * o->period_ns;
			if (sum > (wide)(uses[j].at - uses[i].at + 1) * (int64_t)o->tokens)
				ck_abort_msg("%zu to %zu of %zu, rate %lu in %ld, burst %lu", i, j, n,
					     (unsigned long)o->tokens, (long)o->period_ns, (unsigned long)o->burst);
		}
}

static void random_use(const struct weir_bucket_opts *o)
{
	struct use uses[USES];
	weir_bucket_state st;
	size_t n = 0;
	int64_t now = (int64_t)roll(1000000), token_ns = o->period_ns / (int64_t)o->tokens + 1;
	ck_assert_int_eq(weir_bucket_state_init(&st, o, now), 0);
	while (n < USES) {
		now += (int64_t)roll((uint64_t)token_ns * 2);
		size_t old = n ? (size_t)roll(n) : 0;
		if (roll(3) == 0 && n && uses[old].n && uses[old].at > now) { /* given back: nothing of it is used */
			weir_bucket_state_cancel(&st, now, &uses[old].grant);
			uses[old].n = 0;
			continue;
		}
		uint64_t want = 1 + roll(o->burst);
		int64_t most = roll(2) ? 0 : (int64_t)roll((uint64_t)token_ns * 6);
		if (weir_bucket_state_take(&st, now, want, most, &uses[n].grant) < 0)
			continue;
		ck_assert_int_eq(uses[n].grant.at, now + uses[n].grant.delay_ns);
		ck_assert_int_le(uses[n].grant.delay_ns, most);
		uses[n].at = uses[n].grant.at;
		uses[n++].n = want;
	}
	assert_within(uses, n, o);
}

START_TEST(never_more_than_burst_and_rate)
{
	static const uint64_t rates[][2] = {{10, 1000000000}, {3, 1000000000},         {7, 10}, {1000003, 1000000000},
					    {1, 86400},       {999999937, 1000000000}, {5, 3},  {4096, 1000000007}};
	for (int round = 0; round < 40; round++)
		for (size_t i = 0; i < COUNT_OF(rates); i++)
			random_use(&(struct weir_bucket_opts){.tokens = rates[i][0],
							      .period_ns = (int64_t)rates[i][1],
							      .burst = 1 + roll(6)});
}
END_TEST

/* Later is never worse, fewer is never worse, and what the view says is what a take does. */
START_TEST(monotone)
{
	for (int round = 0; round < 2000; round++) {
		weir_bucket_state st, copy;
		struct weir_bucket_view v, then;
		struct weir_bucket_grant grant;
		struct weir_bucket_opts o = {.tokens = 1 + roll(1000),
					     .period_ns = 1 + (int64_t)roll(1000000),
					     .burst = 1 + roll(50)};
		int64_t now = (int64_t)roll(1000);
		o.spent = roll(o.burst + 1);
		ck_assert_int_eq(weir_bucket_state_init(&st, &o, 0), 0);
		for (int i = 0; i < 5; i++)
			ck_assert_int_eq(weir_bucket_state_take(&st, now, roll(o.burst) + 1, WEIR_FOREVER, NULL), 0);
		uint64_t n = 1 + roll(o.burst);
		weir_bucket_state_view(&st, now, n, &v);
		weir_bucket_state_view(&st, now, n > 1 ? n - 1 : 1, &then);
		ck_assert_int_le(then.retry_ns, v.retry_ns);
		weir_bucket_state_view(&st, now + 1, n, &then);
		ck_assert_int_le(then.retry_ns, v.retry_ns);
		ck_assert_int_ge(then.available, v.available);
		copy = st;
		ck_assert_int_eq(weir_bucket_state_take(&copy, now, n, WEIR_FOREVER, &grant), 0);
		ck_assert_int_eq(grant.delay_ns, v.retry_ns);
		copy = st; /* to the nanosecond */
		ck_assert_int_eq(weir_bucket_state_take(&copy, now + v.retry_ns, n, 0, NULL), 0);
		if (v.retry_ns)
			ck_assert_int_eq(weir_bucket_state_take(&st, now + v.retry_ns - 1, n, 0, NULL), WEIR_ELIMITED);
	}
}
END_TEST

/* A token in 333.3 seconds: after ten years the next one comes at the nanosecond it should. */
START_TEST(no_drift_over_years)
{
	weir_bucket_state st;
	struct weir_bucket_grant grant;
	struct weir_bucket_opts o = {.tokens = 3, .period_ns = WEIR_SEC(1000), .burst = 1};
	int64_t now = 0;
	ck_assert_int_eq(weir_bucket_state_init(&st, &o, 0), 0);
	int64_t k = 0; /* each assertion of Check is a system call: one for all */
	for (; k < 1000000; k++) {
		int64_t wanted = k / 3 * WEIR_SEC(1000) + (k % 3 * WEIR_SEC(1000) + 2) / 3;
		if (weir_bucket_state_take(&st, now, 1, WEIR_FOREVER, &grant) < 0 || grant.at != wanted)
			break;
		now = grant.at;
	}
	ck_assert_int_eq(k, 1000000);
	ck_assert_int_gt(now, WEIR_SEC(86400) * 3650);
	struct weir_bucket_view v; /* and after 200 idle years it is full */
	weir_bucket_state_view(&st, WEIR_FOREVER / 3 * 2, 1, &v);
	ck_assert_int_eq(v.available, 1);
	ck_assert_int_eq(weir_bucket_state_take(&st, WEIR_FOREVER / 3 * 2, 1, 0, NULL), 0);
	ck_assert_int_eq(weir_bucket_state_take(&st, WEIR_FOREVER / 3 * 2, 1, 0, NULL), WEIR_ELIMITED);
}
END_TEST

/* A burst that takes a thousand years to come back: the unit is coarser, the price at most 1 / 2^22 more. */
START_TEST(saturates)
{
	weir_bucket_state st;
	struct weir_bucket_grant grant;
	struct weir_bucket_view v;
	struct weir_bucket_opts o = {.tokens = 7, .period_ns = WEIR_SEC(86400) * 365, .burst = 7000};
	ck_assert_int_eq(weir_bucket_state_init(&st, &o, 5), 0);
	ck_assert_int_eq(weir_bucket_state_take(&st, 5, 7000, 0, NULL), 0);
	ck_assert_int_eq(weir_bucket_state_take(&st, 5, 7, WEIR_FOREVER, &grant), 0);
	ck_assert_int_ge(grant.delay_ns, o.period_ns);
	ck_assert_int_le(grant.delay_ns - o.period_ns, o.period_ns >> 22);
	int granted = 0;
	while (weir_bucket_state_take(&st, 5, 1000, WEIR_FOREVER, NULL) == 0)
		ck_assert_int_lt(++granted, 100); /* reservations end where numbers do */
	weir_bucket_state_view(&st, 5, 7000, &v);
	ck_assert_int_eq(v.retry_ns, WEIR_FOREVER);
	ck_assert_int_lt(v.available, 0);
}
END_TEST

START_TEST(settings_out_of_range)
{
	weir_bucket_state st;
	const uint64_t most = UINT64_C(1) << 32;
	struct weir_bucket_opts bad[] = {{.tokens = 1, .period_ns = -1},
					 {.tokens = 1, .burst = most + 1},
					 {.tokens = most + 1, .period_ns = 1},
					 {.tokens = 1, .burst = 3, .spent = 4}};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_int_eq(weir_bucket_state_init(&st, &bad[i], 0), WEIR_EINVAL);
	ck_assert_int_eq(weir_bucket_state_init(&st, NULL, 0), 0);
	ck_assert_int_eq(weir_bucket_state_set_rate(&st, 0, most + 1, 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_bucket_state_set_rate(&st, 0, 1, -1), WEIR_EINVAL);
	ck_assert_int_eq(weir_bucket_state_set_burst(&st, 0, most + 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_bucket_state_take(&st, 0, 1, -1, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_bucket_state_take(&st, 0, 2, WEIR_FOREVER, NULL), WEIR_EOVERFLOW);
	ck_assert_int_eq(weir_bucket_state_take(&st, 0, 1, 0, NULL), 0);
	ck_assert_int_eq(weir_bucket_state_take(&st, WEIR_FOREVER, 1, WEIR_FOREVER, NULL), WEIR_ELIMITED);
	ck_assert_int_eq(weir_bucket_state_take(&st, WEIR_FOREVER, 0, 0, NULL), 0);
}
END_TEST

/* Most of what there can be, at the ends of every range, without a sum that wraps: what comes is still monotone. */
START_TEST(ends_of_the_ranges)
{
	static const uint64_t tokens[] = {1, 3, UINT64_C(1) << 32}, bursts[] = {1, 1000003, UINT64_C(1) << 32};
	static const int64_t periods[] = {1, 1000000007, WEIR_FOREVER};
	for (size_t i = 0; i < 27; i++) {
		weir_bucket_state st;
		struct weir_bucket_grant grant, last = {.at = 0};
		struct weir_bucket_opts o = {.tokens = tokens[i % 3],
					     .period_ns = periods[i / 3 % 3],
					     .burst = bursts[i / 9]};
		ck_assert_int_eq(weir_bucket_state_init(&st, &o, 0), 0);
		ck_assert_int_eq(weir_bucket_state_take(&st, 0, o.burst, 0, NULL), 0);
		ck_assert_int_eq(weir_bucket_state_take(&st, 0, 0, 0, NULL), 0);
		for (int k = 0; k < 4; k++)
			if (weir_bucket_state_take(&st, k, o.burst, WEIR_FOREVER, &grant) == 0) {
				ck_assert_int_ge(grant.at, last.at);
				ck_assert_int_ge(grant.at, k);
				last = grant;
			}
		ck_assert_int_eq(weir_bucket_state_set_rate(&st, 9, 1, 1), 0);
		ck_assert_int_eq(weir_bucket_state_take(&st, WEIR_FOREVER, o.burst, 0, NULL), 0);
	}
}
END_TEST

/* No burst is a burst of one: a zero that nobody set neither closes the door nor opens it. */
START_TEST(burst_zero)
{
	weir_bucket_state st;
	struct weir_bucket_view v;
	ck_assert_int_eq(weir_bucket_state_init(&st, &(struct weir_bucket_opts){.tokens = 5}, 0), 0);
	ck_assert_int_eq(weir_bucket_state_take(&st, 0, 2, 0, NULL), WEIR_EOVERFLOW);
	ck_assert_int_eq(weir_bucket_state_set_burst(&st, 0, 3), 0);
	ck_assert_int_eq(weir_bucket_state_set_burst(&st, 0, 0), 0);
	weir_bucket_state_view(&st, 0, 1, &v);
	ck_assert_uint_eq(v.burst, 1);
	ck_assert_int_eq(weir_bucket_state_take(&st, WEIR_SEC(9), 1, 0, NULL), 0);
	ck_assert_int_eq(weir_bucket_state_take(&st, WEIR_SEC(9), 1, 0, NULL), WEIR_ELIMITED);
}
END_TEST

START_TEST(rate_and_burst_change)
{
	weir_bucket_state st;
	struct weir_bucket_view v;
	struct weir_bucket_grant grant;
	struct weir_bucket_opts o = {.tokens = 10, .burst = 10, .spent = 10};
	ck_assert_int_eq(weir_bucket_state_init(&st, &o, 0), 0);
	ck_assert_int_eq(weir_bucket_state_set_rate(&st, WEIR_MS(550), 1, WEIR_SEC(1)), 0);
	weir_bucket_state_view(&st, WEIR_MS(550), 10, &v); /* five and a half came at the old rate */
	ck_assert_int_eq(v.available, 5);
	ck_assert_int_eq(v.retry_ns, WEIR_MS(4500));
	ck_assert_int_eq(v.full_ns, WEIR_MS(4500));
	ck_assert_int_eq(weir_bucket_state_set_burst(&st, WEIR_MS(550), 20), 0); /* gives none */
	weir_bucket_state_view(&st, WEIR_MS(550), 1, &v);
	ck_assert_int_eq(v.available, 5);
	ck_assert_int_eq(weir_bucket_state_set_burst(&st, WEIR_MS(550), 3), 0); /* takes those above */
	weir_bucket_state_view(&st, WEIR_MS(550), 1, &v);
	ck_assert_int_eq(v.available, 3);
	ck_assert_uint_eq(v.burst, 3);
	ck_assert_int_eq(weir_bucket_state_take(&st, WEIR_MS(550), 3, 0, NULL), 0);
	ck_assert_int_eq(weir_bucket_state_take(&st, WEIR_MS(550), 1, WEIR_FOREVER, &grant), 0);
	ck_assert_int_eq(grant.delay_ns, WEIR_SEC(1));
	ck_assert_int_eq(weir_bucket_state_set_rate(&st, WEIR_MS(550), 2, 0), 0); /* 0: a second */
	ck_assert_int_eq(weir_bucket_state_set_rate(&st, WEIR_MS(550), 4, 0), 0);
	ck_assert_uint_eq(weir_bucket_state_cancel(&st, WEIR_MS(550), &grant), 0); /* two changes ago */
	ck_assert_int_eq(weir_bucket_state_take(&st, WEIR_MS(550), 1, WEIR_FOREVER, &grant), 0);
	ck_assert_int_eq(grant.delay_ns, WEIR_MS(500));
	ck_assert_uint_eq(weir_bucket_state_cancel(&st, WEIR_MS(550), &grant), 1);
	ck_assert_uint_eq(weir_bucket_state_cancel(&st, WEIR_MS(550), &grant), 0); /* once */
	ck_assert_uint_eq(weir_bucket_state_cancel(&st, WEIR_MS(550), NULL), 0);
}
END_TEST

START_TEST(unlimited_and_back)
{
	weir_bucket_state st;
	struct weir_bucket_view v;
	struct weir_bucket_grant grant;
	ck_assert_int_eq(weir_bucket_state_init(&st, &(struct weir_bucket_opts){.unlimited = true, .burst = 2}, 0), 0);
	ck_assert_int_eq(weir_bucket_state_take(&st, 0, UINT64_MAX, 0, &grant), 0);
	ck_assert_uint_eq(weir_bucket_state_cancel(&st, 0, &grant), 0);
	weir_bucket_state_view(&st, 0, UINT64_MAX, &v);
	ck_assert_int_eq(v.available, INT64_MAX);
	ck_assert_int_eq(v.retry_ns, 0);
	ck_assert_int_eq(weir_bucket_state_set_burst(&st, 0, 3), 0);
	ck_assert_int_eq(weir_bucket_state_take(&st, 0, 1000, 0, NULL), 0);
	ck_assert_int_eq(weir_bucket_state_set_rate(&st, 7, 1, WEIR_SEC(1)), 0);
	ck_assert_int_eq(weir_bucket_state_take(&st, 7, 4, 0, NULL), WEIR_EOVERFLOW);
	ck_assert_int_eq(weir_bucket_state_take(&st, 7, 3, 0, NULL), 0);
	ck_assert_int_eq(weir_bucket_state_take(&st, 7, 1, 0, NULL), WEIR_ELIMITED);
}
END_TEST

/* ---- the shared face, on a clock that does not matter ---- */

START_TEST(shared)
{
	weir_bucket b = {0};
	struct weir_bucket_stats s;
	struct weir_bucket_view v;
	struct weir_bucket_grant grant;
	weir_err err = {0};
	weir_ctx soon;
	weir_bucket_fini(NULL);
	weir_bucket_fini(&b);
	ck_assert_int_eq(weir_bucket_init(&b, rt, &(struct weir_bucket_opts){.period_ns = -1}), WEIR_EINVAL);
	ck_assert_int_eq(weir_bucket_init(&b, rt, &(struct weir_bucket_opts){.burst = 5}), 0); /* none ever comes */
	ck_assert_int_eq(weir_bucket_allow(&b), 0);
	ck_assert_int_eq(weir_bucket_allow_n(&b, 0), 0);
	ck_assert_int_eq(weir_bucket_allow_n(&b, 6), WEIR_EOVERFLOW);
	ck_assert_int_eq(weir_bucket_allow_n(&b, 3), 0);
	ck_assert_int_eq(weir_bucket_allow_n(&b, 2), WEIR_ELIMITED);
	ck_assert_int_eq(weir_bucket_reserve(&b, 1, 0, &grant), 0);
	ck_assert_int_eq(weir_bucket_reserve(&b, 1, WEIR_FOREVER, &grant), WEIR_ELIMITED);
	ck_assert_int_eq(weir_bucket_wait(&root, &b, 1, &err), WEIR_ELIMITED);
	struct weir_err_info info;
	ck_assert(weir_err_as(&err, WEIR_ELIMITED, &info));
	ck_assert_int_eq(info.value, WEIR_FOREVER);
	weir_err_fini(&err);
	ck_assert_int_eq(weir_bucket_wait(&root, &b, 6, NULL), WEIR_EOVERFLOW);
	ck_assert_int_eq(weir_bucket_wait(&root, &b, 0, NULL), 0);
	weir_bucket_view_now(&b, 1, &v);
	ck_assert_int_eq(v.available, 0);
	weir_bucket_stats_read(&b, &s);
	ck_assert_uint_eq(s.allowed, 5);
	ck_assert_uint_eq(s.refused, 5);
	ck_assert_int_eq(weir_bucket_set_rate(&b, 1, -1), WEIR_EINVAL);
	ck_assert_int_eq(weir_bucket_set_rate(&b, 1, 1), 0); /* a token in a nanosecond: all are there */
	ck_assert_int_eq(weir_bucket_set_burst(&b, 7), 0);
	ck_assert_int_eq(weir_bucket_wait(&root, &b, 7, NULL), 0);
	weir_ctx_init(&soon, &root, 0);
	ck_assert_int_eq(weir_bucket_wait(&soon, &b, 1, NULL), WEIR_EDEADLINE);
	weir_ctx_fini(&soon);
	ck_assert_uint_eq(weir_bucket_cancel(&b, NULL), 0);
	weir_bucket_fini(&b);
	weir_bucket_fini(&b);
	ck_assert_int_eq(weir_bucket_init(&b, rt, &(struct weir_bucket_opts){.uncounted = true}), 0);
	ck_assert_int_eq(weir_bucket_allow(&b), 0);
	ck_assert_int_eq(weir_bucket_allow(&b), WEIR_ELIMITED);
	weir_bucket_stats_read(&b, &s);
	ck_assert_uint_eq(s.allowed + s.refused, 0);
	weir_bucket_fini(&b);
}
END_TEST

/* Without limit allow asks no clock; with a rate it does again. */
START_TEST(shared_unlimited_and_back)
{
	weir_bucket b;
	struct weir_bucket_stats s;
	ck_assert_int_eq(weir_bucket_init(&b, rt, &(struct weir_bucket_opts){.unlimited = true, .burst = 2}), 0);
	ck_assert_int_eq(weir_bucket_allow_n(&b, UINT64_MAX), 0);
	ck_assert_int_eq(weir_bucket_allow_n(&b, 0), 0);
	ck_assert_int_eq(weir_bucket_set_rate(&b, 0, WEIR_SEC(1)), 0);
	ck_assert_int_eq(weir_bucket_allow_n(&b, 3), WEIR_EOVERFLOW);
	ck_assert_int_eq(weir_bucket_allow_n(&b, 2), 0);
	ck_assert_int_eq(weir_bucket_allow(&b), WEIR_ELIMITED);
	weir_bucket_stats_read(&b, &s);
	ck_assert_uint_eq(s.allowed, 3);
	ck_assert_uint_eq(s.refused, 2);
	weir_bucket_fini(&b);
}
END_TEST

struct taker {
	weir_bucket *b;
	_Atomic long *taken;
	struct helper helper;
};

static int take_many(void *arg)
{
	struct taker *me = arg;
	for (int i = 0; i < 20000; i++)
		if (weir_bucket_allow(me->b) == 0)
			atomic_fetch_add(me->taken, 1);
	return 0;
}

/* Threads that take, and one that changes the settings to what they are: nothing is lost or made. */
START_TEST(exact_under_load)
{
	weir_bucket b;
	_Atomic long taken = 0;
	struct taker takers[3];
	struct weir_bucket_view v;
	ck_assert_int_eq(weir_bucket_init(&b, rt, &(struct weir_bucket_opts){.burst = 50000}), 0);
	for (size_t i = 0; i < COUNT_OF(takers); i++) {
		takers[i] = (struct taker){.b = &b, .taken = &taken};
		helper_start(&takers[i].helper, take_many, &takers[i]);
	}
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(weir_bucket_set_rate(&b, 0, i), 0);
	for (size_t i = 0; i < COUNT_OF(takers); i++)
		ck_assert_int_eq(helper_join(&takers[i].helper), 0);
	ck_assert_int_eq(atomic_load(&taken), 50000);
	weir_bucket_view_now(&b, 1, &v);
	ck_assert_int_eq(v.available, 0);
	weir_bucket_fini(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bucket");
	TCase *tcase = bare_case(suite, "pure");
	tcase_add_test(tcase, table_of_other_limiters);
	tcase_add_test(tcase, never_more_than_burst_and_rate);
	tcase_add_test(tcase, monotone);
	tcase_add_test(tcase, no_drift_over_years);
	tcase_add_test(tcase, saturates);
	tcase_add_test(tcase, settings_out_of_range);
	tcase_add_test(tcase, ends_of_the_ranges);
	tcase_add_test(tcase, burst_zero);
	tcase_add_test(tcase, rate_and_burst_change);
	tcase_add_test(tcase, unlimited_and_back);
	tcase = world_case(suite, "shared");
	tcase_add_test(tcase, shared);
	tcase_add_test(tcase, shared_unlimited_and_back);
	tcase_add_test(tcase, exact_under_load);
	return run_suite(suite);
}
