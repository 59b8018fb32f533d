/* SPDX-License-Identifier: MIT
 *
 * The check of histories (weir/sim/history.h) itself: against brute force on thousands of small random histories with
 * both verdicts, on histories that are hard, with every kind of budget spent at every point, and its words.
 *
 * Brute force is the definition: any operation may be next that no unfinished one precedes, every order is tried, and
 * nothing is remembered. It shares the models with the check, and no line of code. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sim.h>

#include "tests/models/hub.h"
#include "tests/models/sync.h"

static uint64_t rng;

static uint32_t draw(uint32_t n)
{
	rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(rng >> 33) % n;
}

/* ---- brute force ---- */

enum { SMALL = 7 };

struct brute {
	const struct weir_sim_model *model;
	const struct weir_sim_op *ops;
	uint32_t n;
};

static bool brute_search(const struct brute *b, const unsigned char *state, uint32_t done, uint32_t waits)
{
	unsigned char next[256];
	uint32_t finished[WEIR_SIM_OPEN], choices = b->model->choices ? b->model->choices : 1, missing = 0;
	for (uint32_t i = 0; i < b->n; i++)
		missing += !(done >> i & 1) && weir_sim_op_returned(&b->ops[i]);
	if (missing == 0)
		return true;
	for (uint32_t i = 0; i < b->n; i++) {
		bool first = !(done >> i & 1);
		for (uint32_t k = 0; k < b->n && first; k++)
			first = done >> k & 1 || b->ops[k].returned >= b->ops[i].called;
		for (uint32_t c = 0; c < choices && first; c++) {
			struct weir_sim_point p = {.op = &b->ops[i],
						   .ops = b->ops,
						   .id = i,
						   .again = waits >> i & 1,
						   .choice = c,
						   .finished_ = finished};
			uint32_t now = done;
			memcpy(next, state, b->model->state_size);
			enum weir_sim_step step = b->model->step(next, &p, b->model->arg);
			if (step == WEIR_SIM_NO)
				continue;
			for (uint32_t k = 0; k < p.n_finished_; k++)
				now |= 1u << finished[k];
			if (step == WEIR_SIM_DONE)
				now |= 1u << i;
			if (brute_search(b, next, now, waits | 1u << i))
				return true;
		}
	}
	return false;
}

static bool brute_force(const struct weir_sim_model *m, const struct weir_sim_op *ops, uint32_t n)
{
	unsigned char state[256] = {0};
	ck_assert_uint_le(m->state_size, sizeof(state));
	if (m->init)
		ck_assert_int_eq(m->init(state, m->arg), 0);
	return brute_search(&(struct brute){m, ops, n}, state, 0, 0);
}

/* Random calls and returns of 3 tasks; some never return. fill draws what was asked and what came back. */
static uint32_t random_history(struct weir_sim_op *ops, uint32_t n, void (*fill)(struct weir_sim_op *op, uint32_t i))
{
	int open[3] = {-1, -1, -1};
	uint64_t clock = 0;
	uint32_t made = 0;
	while (made < n) {
		uint32_t t = draw(3);
		clock += draw(4) > 0; /* now and then two at the same time */
		if (open[t] >= 0) {
			ops[open[t]].returned = clock;
			open[t] = -1;
		} else {
			ops[made] = (struct weir_sim_op){.task = t, .called = clock, .returned = WEIR_SIM_NEVER};
			fill(&ops[made], made);
			open[t] = (int)made++;
		}
	}
	for (uint32_t t = 0; t < 3; t++)
		if (open[t] >= 0 && draw(3))
			ops[open[t]].returned = ++clock;
	return n;
}

static void fill_atomic(struct weir_sim_op *op, uint32_t i)
{
	(void)i;
	op->op = SYNC_LOAD + draw(5);
	op->in = WEIR_SIM_ARGS(draw(2), draw(2));
	op->out = WEIR_SIM_ARGS(draw(2), draw(2));
	if (op->op == SYNC_CAS && op->out.v[0] != (op->in.v[0] == op->out.v[1]))
		op->out.v[0] = !op->out.v[0];
}

/* One channel: sends and receives that wait or try, and results that are possible at least by themselves. */
static void fill_hub(struct weir_sim_op *op, uint32_t i)
{
	bool sends = draw(2), waits = draw(3);
	op->op = draw(8) ? HUB_WAIT : HUB_SHUT;
	if (op->op == HUB_SHUT)
		return;
	op->in = WEIR_SIM_ARGS(waits ? 0 : HUB_TRY, sends ? hub_send(0, (int)i + 1) : hub_recv(0));
	if (!waits && draw(2))
		op->out = WEIR_SIM_ARGS(WEIR_EAGAIN);
	else if (sends)
		op->out = WEIR_SIM_ARGS(0, draw(5) ? 0 : WEIR_EPIPE);
	else
		op->out = draw(5) ? WEIR_SIM_ARGS(0, 1, 1 + draw(SMALL)) : WEIR_SIM_ARGS(0, 0);
}

static void compare(const struct weir_sim_model *m, void (*fill)(struct weir_sim_op *op, uint32_t i), int rounds,
		    int at_least)
{
	struct weir_sim_op ops[SMALL];
	int yes = 0, no = 0;
	for (int round = 0; round < rounds; round++) {
		uint32_t n = random_history(ops, 2 + draw(SMALL - 1), fill);
		struct weir_sim_verdict v;
		int rc = weir_sim_history_check(m, ops, n, NULL, &v);
		bool ok = brute_force(m, ops, n);
		ck_assert_msg(rc == !ok, "round %d: %d, by brute force %s", round, rc, ok ? "yes" : "no");
		yes += ok;
		no += !ok;
		if (ok)
			continue;
		/* the prefix is the longest: without the culprit's return it is fine, with it not */
		ck_assert_uint_lt(v.culprit, n);
		uint64_t limit = ops[v.culprit].returned;
		for (uint32_t i = 0; i < n; i++)
			if (ops[i].returned > limit || (ops[i].returned == limit && i > v.culprit))
				ops[i].returned = WEIR_SIM_NEVER;
		ck_assert(!brute_force(m, ops, n));
		ops[v.culprit].returned = WEIR_SIM_NEVER;
		ck_assert(brute_force(m, ops, n));
	}
	ck_assert_msg(yes >= at_least && no >= at_least, "%d yes, %d no", yes, no);
}

START_TEST(like_brute_force_on_an_atomic)
{
	const int64_t zero = 0;
	struct weir_sim_model m = sync_model("atomic", &zero);
	rng = 1;
	compare(&m, fill_atomic, 12000, 3000);
}
END_TEST

START_TEST(like_brute_force_on_channels)
{
	for (uint8_t capacity = 0; capacity < 3; capacity++) {
		const struct hub_start from = {.capacity = {capacity}, .n_tx = {1}, .n_rx = {1}};
		struct weir_sim_model m = hub_model(&from);
		rng = 2 + capacity;
		compare(&m, fill_hub, 12000, 300);
	}
}
END_TEST

/* ---- by hand ---- */

static struct weir_sim_op atomic_op(uint32_t task, uint64_t called, uint64_t returned, uint32_t op, int64_t in,
				    int64_t out)
{
	return (struct weir_sim_op){.task = task,
				    .called = called,
				    .returned = returned,
				    .op = op,
				    .in = WEIR_SIM_ARGS(in),
				    .out = WEIR_SIM_ARGS(out)};
}

static const int64_t zero;

static int check_atomic(const struct weir_sim_op *ops, size_t n, const struct weir_sim_check_opts *opts,
			struct weir_sim_verdict *v)
{
	struct weir_sim_model m = sync_model("atomic", &zero);
	return weir_sim_history_check(&m, ops, n, opts, v);
}

START_TEST(verdicts_known_by_thought)
{
	struct weir_sim_op ops[3];
	ck_assert_int_eq(check_atomic(NULL, 0, NULL, NULL), 0);
	/* one after the other: the old value is no longer there; at the same time, it may be */
	ops[0] = atomic_op(1, 1, 2, SYNC_STORE, 5, 0);
	ops[1] = atomic_op(2, 3, 4, SYNC_LOAD, 0, 0);
	ck_assert_int_eq(check_atomic(ops, 2, NULL, NULL), 1);
	ops[1].called = 2; /* equal stamps: not known which was first */
	ck_assert_int_eq(check_atomic(ops, 2, NULL, NULL), 0);
	/* a store that never returned is seen, or not, but not taken back */
	ops[0] = atomic_op(1, 1, WEIR_SIM_NEVER, SYNC_STORE, 5, 0);
	ops[1] = atomic_op(2, 3, 4, SYNC_LOAD, 0, 0);
	ops[2] = atomic_op(2, 5, 6, SYNC_LOAD, 0, 5);
	ck_assert_int_eq(check_atomic(ops, 3, NULL, NULL), 0);
	ops[1].out.v[0] = 5;
	ops[2].out.v[0] = 0;
	struct weir_sim_verdict v;
	ck_assert_int_eq(check_atomic(ops, 3, NULL, &v), 1);
	ck_assert_uint_eq(v.culprit, 2);
	ck_assert_uint_eq(v.prefix, 4);
}
END_TEST

static enum weir_sim_step step_finishes_itself(void *state, struct weir_sim_point *p, void *arg)
{
	(void)state, (void)arg;
	weir_sim_point_finish(p, p->id);
	return WEIR_SIM_DONE;
}

START_TEST(questions_that_make_no_sense)
{
	struct weir_sim_op ops[1] = {atomic_op(1, 2, 1, SYNC_LOAD, 0, 0)};
	struct weir_sim_model m = {.step = NULL};
	ck_assert_int_eq(check_atomic(ops, 1, NULL, NULL), WEIR_EINVAL);
	ck_assert_int_eq(check_atomic(NULL, 1, NULL, NULL), WEIR_EINVAL);
	ops[0].returned = 3;
	ck_assert_int_eq(weir_sim_history_check(&m, ops, 1, NULL, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_sim_history_check(NULL, ops, 1, NULL, NULL), WEIR_EINVAL);
	m.step = step_finishes_itself;
	ck_assert_int_eq(weir_sim_history_check(&m, ops, 1, NULL, NULL), WEIR_EINVAL);
	struct weir_sim_op *many = calloc(WEIR_SIM_OPEN + 1, sizeof(*many));
	for (uint32_t i = 0; i <= WEIR_SIM_OPEN; i++)
		many[i] = atomic_op(i, 1, 2, SYNC_FETCH_ADD, 0, 0);
	ck_assert_int_eq(check_atomic(many, WEIR_SIM_OPEN + 1, NULL, NULL), WEIR_EOVERFLOW);
	ck_assert_int_eq(check_atomic(many, WEIR_SIM_OPEN, NULL, NULL), 0);
	free(many);
}
END_TEST

/* ---- hard ones: bounds on configurations, not on time ---- */

/* n additions at the same time, each sees another value; the last sees one that is not there. */
static struct weir_sim_op *additions(uint32_t n, bool wrong)
{
	struct weir_sim_op *ops = calloc(n, sizeof(*ops));
	for (uint32_t i = 0; i < n; i++)
		ops[i] = atomic_op(i, 1, 2 + i, SYNC_FETCH_ADD, 1, wrong ? i : n - 1 - i);
	if (wrong)
		ops[n - 1].out.v[0] = n;
	return ops;
}

START_TEST(many_at_one_time)
{
	struct weir_sim_verdict v;
	struct weir_sim_op *ops = additions(1000, false);
	ck_assert_int_eq(check_atomic(ops, 1000, NULL, &v), 0);
	ck_assert_uint_le(v.states, 1001);
	ops[0].returned = 1; /* it comes first in time, and saw all others */
	ck_assert_int_eq(check_atomic(ops, 1000, NULL, &v), 0);
	free(ops);
	ops = additions(1000, true);
	ck_assert_int_eq(check_atomic(ops, 1000, NULL, &v), 1);
	ck_assert_uint_le(v.states, 2000);
	free(ops);
	/* all add the same and see nothing of each other: every subset is another configuration */
	ops = additions(16, false);
	for (uint32_t i = 0; i < 16; i++)
		ops[i] = atomic_op(i, 1, 2 + i, SYNC_STORE, i + 1, 0);
	struct weir_sim_op more[17];
	memcpy(more, ops, 16 * sizeof(*ops));
	more[16] = atomic_op(16, 30, 31, SYNC_LOAD, 0, 99);
	ck_assert_int_eq(check_atomic(more, 17, NULL, &v), 1);
	ck_assert_uint_eq(v.culprit, 16);
	ck_assert_uint_le(v.states, 16u << 16); /* at most: subset x the value that is there */
	free(ops);
}
END_TEST

START_TEST(pending_ones)
{
	struct weir_sim_op ops[64 + 1];
	struct weir_sim_verdict v;
	/* 64 loads and additions of 0 that never return change nothing: they cost nothing (64 open, and one more) */
	for (uint32_t i = 0; i < 64; i++)
		ops[i] = atomic_op(i, 1, WEIR_SIM_NEVER, i % 2 ? SYNC_LOAD : SYNC_FETCH_ADD, 0, 0);
	ops[64] = atomic_op(64, 2, 3, SYNC_LOAD, 0, 7);
	ck_assert_int_eq(check_atomic(ops, 65, NULL, &v), 1);
	ck_assert_uint_eq(v.states, 1);
	/* additions of 1 that never return: some of them have taken effect, which ones makes a difference to nobody
	 * but the search; a witness is found at once */
	for (uint32_t i = 0; i < 64; i++)
		ops[i] = atomic_op(i, 1, WEIR_SIM_NEVER, SYNC_FETCH_ADD, 1, 0);
	ops[64].out.v[0] = 30;
	ck_assert_int_eq(check_atomic(ops, 65, NULL, &v), 0);
	ck_assert_uint_le(v.states, 100);
	/* that 65 have is not so, and it would take 2^64 configurations to be sure: the answer is honest */
	ops[64].out.v[0] = 65;
	struct weir_sim_check_opts opts = {.states = 5000};
	ck_assert_int_eq(check_atomic(ops, 65, &opts, &v), WEIR_ETIMEOUT);
	ck_assert_uint_eq(v.states, 5000);
}
END_TEST

static uint64_t key_of(const struct weir_sim_op *op, void *arg)
{
	(void)arg;
	return (uint64_t)op->in.v[2];
}

START_TEST(partitions)
{
	enum { KEYS = 200, EACH = 20 };
	struct weir_sim_model m = sync_model("atomic", &zero);
	struct weir_sim_op *ops = calloc(KEYS * EACH, sizeof(*ops));
	struct weir_sim_verdict v;
	rng = 9;
	m.key = key_of;
	/* every key is added to by pairs that overlap; all keys at the same time */
	for (uint32_t i = 0; i < KEYS * EACH; i++) {
		uint32_t k = i % KEYS, turn = i / KEYS;
		ops[i] = atomic_op(k, turn / 2 * 10 + 1 + draw(3), turn / 2 * 10 + 5 + draw(3), SYNC_FETCH_ADD, 1,
				   (int64_t)(turn ^ 1));
		ops[i].in.v[2] = k;
	}
	ck_assert_int_eq(weir_sim_history_check(&m, ops, KEYS * EACH, NULL, &v), 0);
	ck_assert_uint_eq(v.parts, KEYS);
	ck_assert_uint_le(v.states, 2 * KEYS * EACH);
	ops[KEYS * 7 + 150].out.v[0] = 100;
	ck_assert_int_eq(weir_sim_history_check(&m, ops, KEYS * EACH, NULL, &v), 1);
	ck_assert_uint_eq(v.culprit, KEYS * 7 + 150);
	ck_assert_uint_eq(v.parts, 151);
	free(ops);
}
END_TEST

START_TEST(a_long_history)
{
	enum { N = 100000 };
	struct weir_sim_op *ops = calloc(N, sizeof(*ops));
	struct weir_sim_verdict v;
	for (uint32_t i = 0; i < N; i++) /* four at a time, in another order than they were called */
		ops[i] = atomic_op(i % 4, i / 4 * 10 + i % 4, i / 4 * 10 + 5 + i % 4, SYNC_FETCH_ADD, 1, i ^ 3);
	ck_assert_int_eq(check_atomic(ops, N, NULL, &v), 0);
	ck_assert_uint_le(v.states, 4 * N);
	ops[N - 1].out.v[0] = -1;
	ck_assert_int_eq(check_atomic(ops, N, NULL, &v), 1);
	ck_assert_uint_eq(v.culprit, N - 1);
	free(ops);
}
END_TEST

/* ---- budgets, and states that own memory ---- */

static long live;
static long copies_left;

static int box_copy(void *dst, const void *src, void *arg)
{
	(void)arg;
	if (copies_left-- == 0)
		return -1;
	int64_t *box = malloc(sizeof(*box));
	*box = **(int64_t *const *)src;
	*(int64_t **)dst = box;
	live++;
	return 0;
}

static int box_init(void *state, void *arg)
{
	const int64_t first = 0, *const from = &first;
	(void)arg;
	return box_copy(state, &from, NULL);
}

static void box_fini(void *state, void *arg)
{
	(void)arg;
	free(*(int64_t **)state);
	live--;
}

static bool box_equal(const void *a, const void *b, void *arg)
{
	(void)arg;
	return **(int64_t *const *)a == **(int64_t *const *)b;
}

static uint64_t box_hash(const void *state, void *arg)
{
	(void)arg;
	return (uint64_t) * *(int64_t *const *)state;
}

static enum weir_sim_step box_step(void *state, struct weir_sim_point *p, void *arg)
{
	int64_t *box = *(int64_t **)state;
	(void)arg;
	if (weir_sim_op_returned(p->op) && p->op->out.v[0] != *box)
		return WEIR_SIM_NO;
	*box += p->op->in.v[0];
	return WEIR_SIM_DONE;
}

static const struct weir_sim_model box_model = {.state_size = sizeof(int64_t *),
						.init = box_init,
						.step = box_step,
						.copy = box_copy,
						.fini = box_fini,
						.equal = box_equal,
						.hash = box_hash};

/* Memory fails at each place in turn, the model's and the check's own: an error, and nothing is left behind. */
START_TEST(memory_fails_everywhere)
{
	for (int wrong = 0; wrong < 2; wrong++) {
		struct weir_sim_op *ops = additions(40, wrong);
		int rc = WEIR_ENOMEM;
		unsigned failed = 0;
		for (long n = 0; rc == WEIR_ENOMEM; n++) {
			copies_left = n;
			rc = weir_sim_history_check(&box_model, ops, 40, NULL, NULL);
			ck_assert_int_eq(live, 0);
			failed += rc == WEIR_ENOMEM;
		}
		ck_assert_int_eq(rc, wrong);
		ck_assert_uint_ge(failed, 40);
		rc = WEIR_ENOMEM;
		failed = 0;
		for (size_t bytes = 1; rc == WEIR_ENOMEM; bytes += 61) {
			struct weir_sim_check_opts opts = {.bytes = bytes};
			copies_left = -1;
			rc = weir_sim_history_check(&box_model, ops, 40, &opts, NULL);
			ck_assert_int_eq(live, 0);
			failed += rc == WEIR_ENOMEM;
		}
		ck_assert_int_eq(rc, wrong);
		ck_assert_uint_ge(failed, 100);
		rc = WEIR_ETIMEOUT;
		failed = 0;
		for (uint64_t states = 1; rc == WEIR_ETIMEOUT; states++) {
			struct weir_sim_check_opts opts = {.states = states};
			rc = weir_sim_history_check(&box_model, ops, 40, &opts, NULL);
			ck_assert_int_eq(live, 0);
			failed += rc == WEIR_ETIMEOUT;
		}
		ck_assert_int_eq(rc, wrong);
		ck_assert_uint_ge(failed, 39);
		free(ops);
	}
}
END_TEST

/* ---- words ---- */

START_TEST(the_explanation)
{
	struct weir_sim_op ops[] = {atomic_op(1, 1, 4, SYNC_STORE, 5, 0), atomic_op(2, 2, 3, SYNC_LOAD, 0, 5),
				    atomic_op(2, 5, 6, SYNC_LOAD, 0, 0), atomic_op(1, 7, 8, SYNC_LOAD, 0, 5)};
	char text[2000];
	struct weir_sim_check_opts opts = {.text = text, .text_cap = sizeof(text)};
	ops[1].who = "reader";
	ck_assert_int_eq(check_atomic(ops, 4, &opts, NULL), 1);
	ck_assert_str_eq(text, "No order of the operations explains load(0, 0) -> 0 of T2 on a atomic.\n"
			       "      time  T1                             T2 reader\n");
	/* cut at any length, it is text */
	for (size_t cap = 1; cap < 300; cap++) {
		memset(text, 'x', sizeof(text));
		opts.text_cap = cap;
		ck_assert_int_eq(check_atomic(ops, 4, &opts, NULL), 1);
		ck_assert_uint_eq(strlen(text), cap - 1);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("history");
	TCase *t = tcase_create("check");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, like_brute_force_on_an_atomic);
	tcase_add_test(t, like_brute_force_on_channels);
	tcase_add_test(t, verdicts_known_by_thought);
	tcase_add_test(t, questions_that_make_no_sense);
	tcase_add_test(t, many_at_one_time);
	tcase_add_test(t, pending_ones);
	tcase_add_test(t, partitions);
	tcase_add_test(t, a_long_history);
	tcase_add_test(t, memory_fails_everywhere);
	tcase_add_test(t, the_explanation);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
