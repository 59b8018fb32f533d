/* SPDX-License-Identifier: MIT
 *
 * Several limits in one: what bucket4j does with limits that come back evenly, per period, aligned, and several at
 * once, and resilience4j with cycles (tests/data/rate_allow.tsv); what is refused; all or none under random use; the
 * shared face on threads. Races and exact waits are in tests/sim/test_bands.c.
 *
 * Each row of those two algorithms is run, or listed with the reason; a row that is listed and would pass is an error
 * too. */
#include <check.h>
#include <weir/limit/bands.h>

#include "../core/support.h"
#include "tsv.h"

/* ---- the table ---- */

static const struct {
	const char *name;
	int step;
	const char *reason;
} differs[] = {
	{"RoundingCleared", 2, "tokens cannot be added from outside"},
	{"RoundingCleared", 3, "so these have not come"},
	{"RoundingCleared", 4, "and the one that was there is left"},
	{"DelayFor#4", 0, "more than the burst never comes; no time is named"},
};

static bool is_listed(const struct tsv *t)
{
	for (size_t i = 0; i < COUNT_OF(differs); i++)
		if (tsv_is(t, "case", differs[i].name) && tsv_int(t, "step") == differs[i].step)
			return true;
	return false;
}

static int64_t unit_of(const char *text)
{
	return strncmp(text, "ns", 2) == 0 ? 1 : strncmp(text, "ms", 2) == 0 ? WEIR_MS(1) : WEIR_SEC(1);
}

/* One limit at *at, as the table writes it: "cap9,interval5/6ns,init0". Behind it afterwards. */
static struct weir_band band_of(const char **at)
{
	struct weir_band b = {0};
	char kind[16];
	int n = 0;
	unsigned long init = 0, tokens, cap;
	long period;
	ck_assert_int_eq(sscanf(*at, "cap%lu,%15[a-z]%lu/%ld%n", &cap, kind, &tokens, &period, &n), 4);
	b.burst = cap, b.tokens = tokens;
	b.period_ns = period * unit_of(*at += n);
	b.per_period = strcmp(kind, "greedy") != 0;
	const char *rest = strchr(*at, ',');
	if (strcmp(kind, "aligned") != 0) {
		ck_assert_int_eq(sscanf(rest, ",init%lu", &init), 1);
		b.spent = cap - init;
	} else {
		ck_assert_int_eq(sscanf(rest, ",first%ld%n", &period, &n), 1);
		b.first_at = period * unit_of(rest + n);
		b.partial = strncmp(rest + n, "ms,adaptive", 11) == 0;
	}
	*at = rest + strcspn(rest, "|;");
	return b;
}

static weir_bands_state begin(const struct tsv *t)
{
	weir_bands_state st;
	struct weir_band bands[WEIR_BANDS_MAX];
	size_t n = 0;
	int64_t now = 0;
	if (tsv_is(t, "algo", "cycle_window")) { /* what a cycle leaves is lost: as many as come */
		bands[n++] = (struct weir_band){.tokens = (uint64_t)tsv_key_int(t, "params", "limit_for_period"),
						.period_ns = tsv_key_int(t, "params", "refresh_ns"),
						.per_period = true,
						.first_at = tsv_key_int(t, "params", "refresh_ns")};
	} else {
		const char *at = tsv_find(t, "params", "limits");
		if (tsv_find(t, "params", "t0_ns"))
			now = tsv_key_int(t, "params", "t0_ns");
		for (bands[n++] = band_of(&at); *at == '|'; n++)
			at++, bands[n] = band_of(&at);
		if (bands[0].partial)
			now = tsv_int(t, "t_ns");
	}
	ck_assert_int_eq(weir_bands_state_init(&st, bands, n, now), 0);
	return st;
}

static bool value_fits(const struct tsv *t, const struct weir_bucket_view *v)
{
	const char *wait = tsv_find(t, "value", "wait_ns");
	int64_t wanted = wait && strncmp(wait, "never", 5) == 0 ? WEIR_FOREVER : wait ? strtoll(wait, NULL, 10) : 0;
	bool fits = !wait || wanted == (tsv_is(t, "ok", "1") ? 0 : v->retry_ns);
	if (tsv_find(t, "value", "remaining"))
		fits &= v->available == tsv_key_int(t, "value", "remaining");
	if (tsv_find(t, "value", "wait_for_one_ns"))
		fits &= v->available == tsv_key_int(t, "value", "available") &&
			v->retry_ns == tsv_key_int(t, "value", "wait_for_one_ns");
	return fits;
}

static bool play(weir_bands_state *st, const struct tsv *t)
{
	int64_t now = tsv_int(t, "t_ns");
	uint64_t n = (uint64_t)tsv_int(t, "n");
	struct weir_bucket_view v;
	weir_bands_state_view(st, now, n, &v);
	if (tsv_is(t, "op", "available"))
		return v.available == tsv_int(t, "value");
	if (tsv_is(t, "op", "take_all"))
		return v.available == tsv_int(t, "value") && weir_bands_state_take(st, now, (uint64_t)v.available) == 0;
	if (tsv_is(t, "op", "delay_for"))
		return v.retry_ns == tsv_int(t, "value");
	if (tsv_is(t, "op", "peek")) {
		weir_bands_state_view(st, now, 1, &v);
		return value_fits(t, &v);
	}
	if (!tsv_is(t, "op", "try") && !tsv_is(t, "op", "reserve"))
		return false;
	bool fits = (weir_bands_state_take(st, now, n) == 0) == tsv_is(t, "ok", "1");
	weir_bands_state_view(st, now, n, &v);
	return fits && value_fits(t, &v);
}

START_TEST(table)
{
	struct tsv t = tsv_open("tests/data/rate_allow.tsv");
	weir_bands_state st;
	size_t played = 0, ahead = 0, listed = 0;
	while (tsv_next(&t)) {
		if (tsv_is(&t, "algo", "cycle_window") && !strstr(tsv_cell(&t, "params"), "timeout_ns=0")) {
			ahead++; /* permits of later cycles are given out: there is nothing like it */
			continue;
		}
		if (!tsv_is(&t, "algo", "bucket4j") && !tsv_is(&t, "algo", "cycle_window"))
			continue;
		if (tsv_is(&t, "step", "0"))
			st = begin(&t);
		bool no = is_listed(&t);
		ck_assert_msg(play(&st, &t) != no, "row %zu: %s step %s: %s", t.rows, tsv_cell(&t, "case"),
			      tsv_cell(&t, "step"), no ? "is listed, and passes" : "differs");
		played++;
		listed += no;
	}
	ck_assert_uint_eq(t.rows, 490);
	ck_assert_uint_eq(played, 72 + 7);
	ck_assert_uint_eq(ahead, 4);
	ck_assert_uint_eq(listed, COUNT_OF(differs));
}
END_TEST

/* ---- the rules ---- */

START_TEST(out_of_range)
{
	static const struct weir_band bad[] = {{.tokens = 1, .period_ns = -1},
					       {.tokens = 1, .per_period = true, .period_ns = -1},
					       {.tokens = (UINT64_C(1) << 32) + 1, .per_period = true, .burst = 1},
					       {.burst = (UINT64_C(1) << 32) + 1},
					       {.burst = 2, .spent = 3},
					       {.tokens = 1, .first_at = 1},
					       {.tokens = 1, .partial = true},
					       {.tokens = 1, .per_period = true, .first_at = -1},
					       {.tokens = 1, .per_period = true, .partial = true, .spent = 1}};
	weir_bands_state st;
	weir_bands b = {0};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		const struct weir_band two[] = {{.tokens = 1}, bad[i]};
		ck_assert_int_eq(weir_bands_state_init(&st, two, 2, 0), WEIR_EINVAL);
		ck_assert_int_eq(weir_bands_init(&b, rt, two, 2), WEIR_EINVAL);
	}
	const struct weir_band many[WEIR_BANDS_MAX + 1] = {{.tokens = 1}};
	ck_assert_int_eq(weir_bands_state_init(&st, many, 0, 0), WEIR_EINVAL);
	ck_assert_int_eq(weir_bands_state_init(&st, many, WEIR_BANDS_MAX + 1, 0), WEIR_EINVAL);
	ck_assert_int_eq(weir_bands_state_init(&st, NULL, 1, 0), WEIR_EINVAL);
	ck_assert_int_eq(weir_bands_state_init(&st, many, 1, -1), WEIR_EINVAL);
	weir_bands_fini(&b); /* nothing was made */
	weir_bands_fini(NULL);
}
END_TEST

START_TEST(per_period)
{
	const struct weir_band hourly = {.tokens = 3, .period_ns = 100, .per_period = true, .first_at = 30};
	weir_bands_state st;
	struct weir_bucket_view v;
	ck_assert_int_eq(weir_bands_state_init(&st, &hourly, 1, 250), 0); /* on the grid 30, 130, 230, 330 */
	ck_assert_int_eq(weir_bands_state_take(&st, 250, 4), WEIR_EOVERFLOW);
	ck_assert_int_eq(weir_bands_state_take(&st, 250, 2), 0);
	ck_assert_int_eq(weir_bands_state_take(&st, 250, 0), 0);
	ck_assert_int_eq(weir_bands_state_take(&st, 250, 2), WEIR_ELIMITED);
	weir_bands_state_view(&st, 250, 2, &v);
	ck_assert_int_eq(v.available, 1);
	ck_assert_int_eq(v.retry_ns, 80);
	ck_assert_int_eq(v.full_ns, 80);
	ck_assert_uint_eq(v.burst, 3);
	ck_assert_int_eq(weir_bands_state_take(&st, 329, 2), WEIR_ELIMITED);
	ck_assert_int_eq(weir_bands_state_take(&st, 330, 3), 0);
	ck_assert_int_eq(weir_bands_state_take(&st, 20, 1), WEIR_ELIMITED);   /* a clock that goes back stands */
	ck_assert_int_eq(weir_bands_state_take(&st, WEIR_FOREVER - 1, 3), 0); /* centuries later */
	ck_assert_int_eq(weir_bands_state_take(&st, WEIR_FOREVER - 1, 1), WEIR_ELIMITED);
	const struct weir_band never = {.burst = 2, .per_period = true};
	ck_assert_int_eq(weir_bands_state_init(&st, &never, 1, 0), 0);
	ck_assert_int_eq(weir_bands_state_take(&st, 0, 2), 0);
	weir_bands_state_view(&st, WEIR_SEC(9), 1, &v);
	ck_assert_int_eq(v.retry_ns, WEIR_FOREVER);
	ck_assert_int_eq(v.full_ns, WEIR_FOREVER);
}
END_TEST

/* What there is at first is the rest of the first period; where its end is not to come, a whole one. */
START_TEST(rest_of_a_period)
{
	struct weir_band b = {.tokens = 10, .period_ns = 100, .per_period = true, .partial = true};
	weir_bands_state st;
	struct weir_bucket_view v;
	static const struct {
		int64_t first_at, now;
		int available;
	} rows[] = {{300, 230, 7},  {300, 299, 0},  {300, 200, 10}, {100, 230, 10},
		    {200, 230, 10}, {230, 230, 10}, {0, 230, 10}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b.first_at = rows[i].first_at;
		ck_assert_int_eq(weir_bands_state_init(&st, &b, 1, rows[i].now), 0);
		weir_bands_state_view(&st, rows[i].now, 1, &v);
		ck_assert_int_eq(v.available, rows[i].available);
	}
}
END_TEST

static uint64_t dice = 1;

static uint64_t roll(uint64_t n)
{
	dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
	return (dice >> 11) % n;
}

/* Against one object for each band: all of them would grant it, or none of them is asked; and at the time that the view
 * says, to the nanosecond, it is granted. */
START_TEST(all_or_none)
{
	for (int round = 0; round < 3000; round++) {
		struct weir_band bands[3];
		weir_bands_state all, one[3];
		int64_t now = (int64_t)roll(1000);
		for (size_t i = 0; i < 3; i++) {
			bands[i] = (struct weir_band){.tokens = 1 + roll(20),
						      .period_ns = 1 + (int64_t)roll(1000),
						      .burst = 1 + roll(30),
						      .per_period = roll(2) == 0};
			ck_assert_int_eq(weir_bands_state_init(&one[i], &bands[i], 1, now), 0);
		}
		ck_assert_int_eq(weir_bands_state_init(&all, bands, 3, now), 0);
		for (int k = 0; k < 30; k++) {
			struct weir_bucket_view v, each;
			uint64_t n = roll(12);
			int64_t retry = 0;
			int could = 0;
			now += (int64_t)roll(200);
			for (size_t i = 0; i < 3; i++) {
				weir_bands_state_view(&one[i], now, n, &each);
				could += each.retry_ns == 0;
				retry = each.retry_ns > retry ? each.retry_ns : retry;
			}
			weir_bands_state_view(&all, now, n, &v);
			ck_assert_int_eq(v.retry_ns, retry);
			if (retry != WEIR_FOREVER && retry > 0) {
				weir_bands_state then = all;
				ck_assert_int_eq(weir_bands_state_take(&then, now + retry - 1, n), WEIR_ELIMITED);
				ck_assert_int_eq(weir_bands_state_take(&then, now + retry, n), 0);
			}
			int rc = weir_bands_state_take(&all, now, n);
			ck_assert_int_eq(rc == 0, could == 3);
			ck_assert_int_eq(rc == WEIR_EOVERFLOW, retry == WEIR_FOREVER);
			for (size_t i = 0; rc == 0 && i < 3; i++)
				ck_assert_int_eq(weir_bands_state_take(&one[i], now, n), 0);
		}
	}
}
END_TEST

static int take_many(void *arg)
{
	int taken = 0;
	for (int i = 0; i < 20000; i++)
		taken += weir_bands_allow_n(arg, 1) == 0;
	return taken;
}

START_TEST(exact_under_load)
{
	weir_bands b;
	struct helper h[3];
	struct weir_bucket_view v;
	int taken = 0;
	const struct weir_band bands[] = {{.burst = 40000}, {.burst = 30000, .per_period = true}};
	ck_assert_int_eq(weir_bands_init(&b, rt, bands, 2), 0);
	for (size_t i = 0; i < COUNT_OF(h); i++)
		helper_start(&h[i], take_many, &b);
	for (size_t i = 0; i < COUNT_OF(h); i++)
		taken += helper_join(&h[i]);
	ck_assert_int_eq(taken, 30000);
	weir_bands_view_now(&b, 1, &v);
	ck_assert_int_eq(v.available, 0);
	ck_assert_uint_eq(v.burst, 30000);
	ck_assert_int_eq(weir_bands_allow_n(&b, 30001), WEIR_EOVERFLOW);
	weir_bands_fini(&b);
	weir_bands_fini(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bands");
	TCase *tcase = bare_case(suite, "pure");
	tcase_add_test(tcase, table);
	tcase_add_test(tcase, per_period);
	tcase_add_test(tcase, rest_of_a_period);
	tcase_add_test(tcase, all_or_none);
	tcase = world_case(suite, "shared");
	tcase_add_test(tcase, out_of_range);
	tcase_add_test(tcase, exact_under_load);
	return run_suite(suite);
}
