/* SPDX-License-Identifier: MIT
 *
 * tests/data/breaker_steps.tsv: what three other breakers do step by step (facts of the tests of sony/gobreaker,
 * failsafe-go and resilience4j; its head says what the columns mean), held against weir's. Every row passes, or is
 * listed in `differs` with the reason why weir answers something else; a row that is listed and passes is a failure.
 *
 * weir has no count of requests: it is what was counted and the permits of this generation that are out. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>

struct row {
	char name[64], model[32], params[160], op[32], arg[32], result[32], state[32], counts[160];
	int step;
	long long ms;
};

static const struct {
	const char *name;
	int step;
	const char *why;
} differs[] = {
	{"gen_boundary_timeout", 3, "a time is over at its very nanosecond: who was told to wait so long is let in"},
	{"gb_generation", 2, "a window that ends is no new generation: the call that is out is still of this one"},
	{"gb_generation", 3, "and its result counts in the window in which it comes"},
	{"r4j_rate", 4, "an open breaker holds no counts: the event of its opening has them"},
};

/* weir's minimum is of finished calls (B5): one in flight says nothing. So these cases trip at the second one. */
static const char *const minimum_is_2[] = {"gen_late_open", "gen_late_half"};

static bool number(const char *text, const char *key, long long *out)
{
	size_t n = strlen(key);
	for (const char *at = text; (at = strstr(at, key)); at += n)
		if ((at == text || at[-1] == ';') && at[n] == '=') {
			*out = atoll(at + n + 1);
			return true;
		}
	return false;
}

static uint32_t param(const struct row *r, const char *key, uint32_t otherwise)
{
	long long value;
	return number(r->params, key, &value) ? (uint32_t)value : otherwise;
}

static void counts_generation(const struct row *r, struct weir_breaker_opts *o)
{
	o->successes = o->trials = o->probes = param(r, "half_open_max", 0);
	o->open_ns = WEIR_MS(param(r, "timeout_ms", 0));
	o->window_ns = WEIR_MS(param(r, "interval_ms", 0));
	if (strstr(r->params, "trip=consecutive_failures>5")) {
		o->failures = 6;
		return;
	}
	ck_assert_ptr_nonnull(strstr(r->params, "trip=requests>=3&failure_ratio>=0.6"));
	uint32_t bucket = param(r, "bucket_ms", 0);
	o->window_slices = bucket ? param(r, "interval_ms", 0) / bucket : 1;
	o->failure_percent = 60;
	o->minimum_calls = 3;
	for (size_t i = 0; i < sizeof(minimum_is_2) / sizeof(minimum_is_2[0]); i++)
		if (strcmp(r->name, minimum_is_2[i]) == 0)
			o->minimum_calls = 2;
}

static void last_n_window(const struct row *r, struct weir_breaker_opts *o)
{
	uint32_t k = param(r, "failure_threshold", 0), n = param(r, "failure_capacity", 0);
	o->window_calls = n;
	o->window_failures = k;
	o->successes = param(r, "success_threshold", n - k + 1);
	o->trials = o->probes = param(r, "success_capacity", n);
}

static void start(const struct row *r, struct weir_breaker_state *s)
{
	struct weir_breaker_opts o = {0};
	if (strcmp(r->model, "counts_generation") == 0) {
		counts_generation(r, &o);
	} else if (strcmp(r->model, "last_n_window") == 0) {
		last_n_window(r, &o);
	} else if (strcmp(r->model, "time_slices") == 0) {
		o.window_slices = param(r, "slices", 0);
		o.window_ns = WEIR_MS(param(r, "slice_ms", 0)) * o.window_slices;
	} else {
		ck_assert_str_eq(r->model, "rate_window");
		o = (struct weir_breaker_opts){.window_ns = WEIR_SEC(20),
					       .minimum_calls = param(r, "min_calls", 0),
					       .failure_percent = param(r, "failure_rate_pct", 0),
					       .slow_percent = param(r, "slow_rate_pct", 0),
					       .slow_ns = WEIR_MS(param(r, "slow_ms", 0)),
					       .open_ns = WEIR_MS(param(r, "open_ms", 0)),
					       .successes = 3, /* 2 failures of 4 are 50 percent */
					       .trials = param(r, "half_open_calls", 0),
					       .probes = param(r, "half_open_calls", 0)};
	}
	ck_assert_int_eq(weir_breaker_state_init(s, &o, 0), 0);
	if (strcmp(r->model, "time_slices") == 0)
		weir_breaker_state_set(s, 0, WEIR_BREAKER_FORCED_CLOSED, NULL);
}

/* ---- steps ---- */

static struct weir_breaker_permit out[16]; /* those in flight, first in, first out */
static size_t n_out;

static int begin(struct weir_breaker_state *s, int64_t now)
{
	ck_assert_uint_lt(n_out, 16);
	int rc = weir_breaker_state_acquire(s, now, &out[n_out], NULL, NULL);
	n_out += rc == 0;
	return rc;
}

static void end(struct weir_breaker_state *s, int64_t now, enum weir_outcome outcome)
{
	ck_assert_uint_gt(n_out, 0);
	weir_breaker_state_report(s, now, &out[0], outcome, NULL);
	memmove(out, out + 1, --n_out * sizeof(out[0]));
}

static int whole(struct weir_breaker_state *s, int64_t now, enum weir_outcome outcome)
{
	struct weir_breaker_permit p;
	int rc = weir_breaker_state_acquire(s, now, &p, NULL, NULL);
	weir_breaker_state_report(s, now, &p, outcome, NULL);
	return rc;
}

static void record_many(struct weir_breaker_state *s, int64_t now, const char *arg)
{
	long long n = 0;
	ck_assert(number(arg, "successes", &n));
	while (n-- > 0)
		ck_assert_int_eq(whole(s, now, WEIR_OUTCOME_SUCCESS), 0);
	ck_assert(number(arg, "failures", &n));
	while (n-- > 0)
		ck_assert_int_eq(whole(s, now, WEIR_OUTCOME_FAILURE), 0);
}

static int step(const struct row *r, struct weir_breaker_state *s)
{
	int64_t now = WEIR_MS(r->ms);
	const char *op = strncmp(r->op, "record_", 7) == 0 ? r->op + 7 : r->op;
	if (strcmp(op, "success") == 0)
		return whole(s, now, WEIR_OUTCOME_SUCCESS);
	if (strcmp(op, "failure") == 0)
		return whole(s, now, WEIR_OUTCOME_FAILURE);
	if (strcmp(op, "exclude") == 0)
		return whole(s, now, WEIR_OUTCOME_IGNORED);
	if (strcmp(op, "begin") == 0 || strcmp(op, "try_acquire") == 0)
		return begin(s, now);
	if (strcmp(op, "end_success") == 0)
		end(s, now, WEIR_OUTCOME_SUCCESS);
	else if (strcmp(op, "end_failure") == 0)
		end(s, now, WEIR_OUTCOME_FAILURE);
	else if (strcmp(op, "release") == 0)
		end(s, now, WEIR_OUTCOME_IGNORED);
	else if (strcmp(op, "force_closed") == 0)
		weir_breaker_state_set(s, now, WEIR_BREAKER_CLOSED, NULL);
	else if (strcmp(op, "force_half-open") == 0)
		weir_breaker_state_set(s, now, WEIR_BREAKER_HALF_OPEN, NULL);
	else if (strcmp(op, "record") == 0)
		record_many(s, now, r->arg);
	else
		ck_assert_str_eq(op, "observe");
	return 0;
}

static uint64_t requests(const struct weir_breaker_snapshot *is)
{
	uint64_t n = is->successes + is->failures + is->ignored;
	for (size_t i = 0; i < n_out; i++)
		n += out[i].generation == is->generation;
	return n;
}

static bool counts_fit(const struct row *r, const struct weir_breaker_snapshot *is)
{
	const struct {
		const char *key;
		long long value;
	} known[] = {{"requests", (long long)requests(is)},
		     {"successes", (long long)is->successes},
		     {"failures", (long long)is->failures},
		     {"exclusions", (long long)is->ignored},
		     {"consec_success", is->successes_in_row},
		     {"consec_failure", is->failures_in_row},
		     {"buffered", (long long)(is->successes + is->failures)},
		     {"failed", (long long)is->failures},
		     {"rate", is->failure_percent},
		     {"not_permitted", (long long)is->refused}};
	size_t looked = 0, wanted = 0;
	for (const char *c = r->counts; *c; c++)
		wanted += *c == '=';
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		long long value;
		if (!number(r->counts, known[i].key, &value))
			continue;
		looked++;
		if (value != known[i].value)
			return false;
	}
	ck_assert_uint_eq(looked, wanted);
	return true;
}

static bool fits(const struct row *r, struct weir_breaker_state *s)
{
	struct weir_breaker_snapshot is;
	int rc = step(r, s);
	weir_breaker_state_look(s, WEIR_MS(r->ms), &is, NULL);
	const char *result = rc == 0 ? "ok" : is.mode == WEIR_BREAKER_HALF_OPEN ? "rejected_limit" : "rejected_open";
	return (!*r->result || strcmp(result, r->result) == 0) &&
	       (!*r->state || strcmp(weir_breaker_mode_name(is.mode), r->state) == 0) && counts_fit(r, &is);
}

static const char *reason(const struct row *r)
{
	for (size_t i = 0; i < sizeof(differs) / sizeof(differs[0]); i++)
		if (differs[i].step == r->step && strcmp(differs[i].name, r->name) == 0)
			return differs[i].why;
	return NULL;
}

/* The next column of *at into to. */
static void column(char **at, char *to, size_t cap)
{
	size_t n = strcspn(*at, "\t\r\n");
	ck_assert_uint_lt(n, cap);
	memcpy(to, *at, n);
	to[n] = '\0';
	*at += n + ((*at)[n] == '\t');
}

static void parse(char *line, struct row *r)
{
	char source[128], at_step[16], ms[16];
	column(&line, r->name, sizeof(r->name));
	column(&line, source, sizeof(source));
	column(&line, r->model, sizeof(r->model));
	column(&line, r->params, sizeof(r->params));
	column(&line, at_step, sizeof(at_step));
	column(&line, ms, sizeof(ms));
	column(&line, r->op, sizeof(r->op));
	column(&line, r->arg, sizeof(r->arg));
	column(&line, r->result, sizeof(r->result));
	column(&line, r->state, sizeof(r->state));
	column(&line, r->counts, sizeof(r->counts));
	r->step = atoi(at_step);
	r->ms = atoll(ms);
}

START_TEST(every_row_passes_or_is_listed)
{
	struct weir_breaker_state s;
	char line[1024];
	struct row r;
	size_t rows = 0, listed = 0, cases = 0;
	FILE *f = fopen("tests/data/breaker_steps.tsv", "r");
	ck_assert_msg(f, "tests are run from the top of the tree");
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#' || strncmp(line, "case\t", 5) == 0)
			continue;
		parse(line, &r);
		if (r.step == 0) {
			start(&r, &s);
			n_out = 0;
			cases++;
		}
		bool as_listed = reason(&r) != NULL;
		ck_assert_msg(fits(&r, &s) != as_listed, "%s step %d: %s", r.name, r.step,
			      as_listed ? "is listed, but passes" : "differs");
		rows++;
		listed += as_listed;
	}
	(void)fclose(f);
	ck_assert_uint_eq(rows, 338);
	ck_assert_uint_eq(cases, 39);
	ck_assert_uint_eq(listed, sizeof(differs) / sizeof(differs[0]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("breaker data");
	TCase *t = tcase_create("breaker_steps.tsv");
	tcase_add_test(t, every_row_passes_or_is_listed);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
