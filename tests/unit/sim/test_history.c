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
#include <unistd.h>
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
	ck_assert_str_eq(text,
			 "No order of the operations explains load(0, 0) -> 0 of T2 (atomic).\n"
			 "      time  T1                             T2 reader\n"
			 "         1  store(5, 0)\n"
			 "         2  |                              load(0, 0)\n"
			 "         3  |                              -> 5\n"
			 "         4  -> 0\n"
			 "         5                                 load(0, 0)\n"
			 "         6                                 -> 0                           <-- fits nowhere\n"
			 "           ... 2 more, which make no difference\n"
			 "Everything before it is explained, for instance in this order:\n"
			 "    store(5, 0) -> 0 of T1\n"
			 "    load(0, 0) -> 5 of T2 reader\n"
			 "What the model has then:\n"
			 "    state count 5, writer or code 0, 0 waiting\n");
	/* cut at any length, it is text */
	for (size_t cap = 1; cap < 300; cap++) {
		memset(text, 'x', sizeof(text));
		opts.text_cap = cap;
		ck_assert_int_eq(check_atomic(ops, 4, &opts, NULL), 1);
		ck_assert_uint_eq(strlen(text), cap - 1);
	}
}
END_TEST

/* The load needs the exchange to have come before it; what is wrong is what the exchange returns, later. */
START_TEST(blames_the_result_that_is_wrong)
{
	struct weir_sim_op ops[] = {atomic_op(1, 1, 4, SYNC_EXCHANGE, 5, 9), atomic_op(2, 2, 3, SYNC_LOAD, 0, 5)};
	char text[2000];
	struct weir_sim_check_opts opts = {.text = text, .text_cap = sizeof(text)};
	struct weir_sim_verdict v;
	ck_assert_int_eq(check_atomic(ops, 2, &opts, &v), 1);
	ck_assert_uint_eq(v.culprit, 0);
	ck_assert_uint_eq(v.prefix, 3);
	ck_assert_str_eq(text,
			 "No order of the operations explains exchange(5, 0) -> 9 of T1 (atomic).\n"
			 "      time  T1                             T2\n"
			 "         1  exchange(5, 0)\n"
			 "         2  |                              load(0, 0)\n"
			 "         3  |                              -> 5\n"
			 "         4  -> 9                                                          <-- fits nowhere\n"
			 "Everything before it is explained, for instance in this order:\n"
			 "    exchange(5, 0) -> 9 of T1, but with another result\n"
			 "    load(0, 0) -> 5 of T2\n"
			 "What the model has then:\n"
			 "    state count 0, writer or code 0, 0 waiting\n");
}
END_TEST

/* Many tasks, long histories, and a history of several keys: it stays text, and it stays short. */
START_TEST(the_explanation_is_bounded)
{
	struct weir_sim_op *ops = calloc(3000, sizeof(*ops));
	char *text = malloc(1 << 16);
	struct weir_sim_check_opts opts = {.text = text, .text_cap = 1 << 16};
	for (uint32_t i = 0; i < 3000; i++)
		ops[i] = atomic_op(i % 30, 2 * i, 2 * i + 1, SYNC_FETCH_ADD, 1, i);
	ops[2990].out.v[0] = 0;
	ck_assert_int_eq(check_atomic(ops, 3000, &opts, NULL), 1);
	ck_assert_ptr_nonnull(strstr(text, "... 5942 calls and returns before\n"));
	ck_assert_ptr_nonnull(strstr(text, " T20: -> 0 <-- fits nowhere\n           ... 18 more, which make"));
	ck_assert_ptr_nonnull(strstr(text, "(the end of it):\n    add(1, 0) -> 2974 of T4\n"));
	ck_assert_ptr_nonnull(strstr(text, "    add(1, 0) -> 2989 of T19\nWhat the model has then:\n"));
	ck_assert_uint_lt(strlen(text), 16000);
	free(text);
	free(ops);
}
END_TEST

/* ---- in the simulator: objects that are broken ---- */

enum { PUSH, POP };

/* A queue of a user's own: pop looks whether there is something under the lock, and takes it under the lock, and lets
 * go of it in between. The repaired twin does not. */
static struct user_queue {
	weir_mutex mutex;
	int items[16], head, tail;
	bool broken;
} uq;

static struct weir_sim_op uq_ops[64];
static struct weir_sim_history uq_history = {.ops = uq_ops, .cap = 64};

static void uq_push(weir_ctx *ctx, int item)
{
	weir_mutex_lock(ctx, &uq.mutex);
	uq.items[uq.tail++] = item;
	weir_mutex_unlock(&uq.mutex);
}

static int uq_pop(weir_ctx *ctx)
{
	int item = 0;
	weir_mutex_lock(ctx, &uq.mutex);
	bool empty = uq.head == uq.tail;
	if (uq.broken) {
		weir_mutex_unlock(&uq.mutex);
		weir_mutex_lock(ctx, &uq.mutex);
	}
	if (!empty)
		item = uq.items[uq.head++];
	weir_mutex_unlock(&uq.mutex);
	return item;
}

struct queue_state {
	uint8_t n, items[15];
};

static enum weir_sim_step queue_step(void *state, struct weir_sim_point *p, void *arg)
{
	struct queue_state *q = state;
	int64_t first = q->n ? q->items[0] : 0;
	(void)arg;
	if (p->op->op == PUSH) {
		q->items[q->n++] = (uint8_t)p->op->in.v[0];
		return WEIR_SIM_DONE;
	}
	if (weir_sim_op_returned(p->op) && p->op->out.v[0] != first)
		return WEIR_SIM_NO;
	if (q->n) {
		memmove(q->items, q->items + 1, sizeof(q->items) - 1);
		q->items[sizeof(q->items) - 1] = 0;
		q->n--;
	}
	return WEIR_SIM_DONE;
}

static void queue_expected(const void *state, const struct weir_sim_op *op, char *text, size_t cap, void *arg)
{
	const struct queue_state *q = state;
	(void)op, (void)arg;
	(void)snprintf(text, cap, "the next item is %d", q->n ? q->items[0] : 0);
}

static const struct weir_sim_model queue_model = {.name = "queue",
						  .state_size = sizeof(struct queue_state),
						  .step = queue_step,
						  .put_expected = queue_expected};

static int queue_client(weir_ctx *ctx, weir_err *err, void *arg)
{
	int me = (int)(intptr_t)arg;
	(void)err;
	uint32_t id = weir_sim_op_begin(&uq_history, PUSH, WEIR_SIM_ARGS(me));
	uq_push(ctx, me);
	weir_sim_op_end(&uq_history, id, WEIR_SIM_ARGS(0));
	for (int i = 0; i < 2; i++) {
		id = weir_sim_op_begin(&uq_history, POP, WEIR_SIM_ARGS(0));
		weir_sim_op_end(&uq_history, id, WEIR_SIM_ARGS(uq_pop(ctx)));
	}
	return 0;
}

static int queue_scenario(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	memset(&uq, 0, sizeof(uq));
	uq.broken = arg;
	weir_sim_history_clear(&uq_history);
	weir_mutex_init(&uq.mutex, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	for (intptr_t i = 1; i <= 3; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "client", queue_client, (void *)i), 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_mutex_fini(&uq.mutex);
	WEIR_SIM_EQ(weir_sim_check_linearizable(&uq_history, &queue_model), 0);
	return rc;
}

/* A register with a copy that readers look at, and that is brought up to date after the store has returned. */
static int64_t reg_value, reg_copy;

static int reg_writer(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	uint32_t id = weir_sim_op_begin(&uq_history, SYNC_STORE, WEIR_SIM_ARGS(7));
	weir_rt_yield(weir_ctx_rt(ctx));
	reg_value = 7;
	if (!arg)
		reg_copy = 7;
	weir_sim_op_end(&uq_history, id, WEIR_SIM_ARGS(0));
	weir_rt_yield(weir_ctx_rt(ctx));
	reg_copy = reg_value;
	return 0;
}

static int reg_reader(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	for (int i = 0; i < 2; i++) {
		weir_rt_yield(weir_ctx_rt(ctx));
		uint32_t id = weir_sim_op_begin(&uq_history, SYNC_LOAD, WEIR_SIM_ARGS(0));
		weir_sim_op_end(&uq_history, id, WEIR_SIM_ARGS(reg_copy));
	}
	return 0;
}

static int reg_scenario(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_sim_model m = sync_model("register", &zero);
	weir_scope s;
	reg_value = reg_copy = 0;
	weir_sim_history_clear(&uq_history);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "writer", reg_writer, arg), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "reader", reg_reader, arg), 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	WEIR_SIM_EQ(weir_sim_check_linearizable(&uq_history, &m), 0);
	return rc;
}

/* A channel behind a receiver that loses an item where two receive at one time: it counts what it has handed on. */
static int lossy_left;

static int lossy_recv(weir_ctx *ctx, weir_rx *rx, int *item, bool broken)
{
	int left = lossy_left;
	weir_rt_yield(weir_ctx_rt(ctx));
	int rc = weir_rx_recv(ctx, rx, item);
	if (broken && rc == 1 && left != lossy_left) /* "has been handed on already" */
		rc = weir_rx_recv(ctx, rx, item);
	lossy_left--;
	return rc;
}

struct lossy {
	weir_rx *rx;
	bool broken;
	int me;
};

static int lossy_client(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct lossy *l = arg;
	int item = 0;
	(void)err;
	uint32_t id = weir_sim_op_begin(&uq_history, HUB_WAIT, WEIR_SIM_ARGS(l->me, hub_recv(0)));
	int rc = lossy_recv(ctx, l->rx, &item, l->broken);
	weir_sim_op_end(&uq_history, id, WEIR_SIM_ARGS(rc < 0 ? rc : 0, rc < 0 ? 0 : rc, rc == 1 ? item : 0));
	weir_rx_close(&l->rx);
	return 0;
}

static int lossy_scenario(weir_ctx *ctx, weir_err *err, void *arg)
{
	static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};
	static const struct hub_start from = {.capacity = {2}, .n_tx = {1}, .n_rx = {2}};
	struct weir_sim_model m = hub_model(&from);
	struct lossy l[2] = {{.broken = arg, .me = 0}, {.broken = arg, .me = 1}};
	weir_tx *tx = NULL;
	weir_scope s;
	lossy_left = 2;
	weir_sim_history_clear(&uq_history);
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &num, 2, &tx, &l[0].rx), 0);
	WEIR_SIM_EQ(weir_rx_clone(l[0].rx, 1, &l[1].rx), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "client", lossy_client, &l[i]), 0);
	for (int i = 1; i <= 2; i++) {
		uint32_t id = weir_sim_op_begin(&uq_history, HUB_WAIT, WEIR_SIM_ARGS(2, hub_send(0, i)));
		WEIR_SIM_EQ(weir_tx_send(ctx, tx, &i), 0);
		weir_sim_op_end(&uq_history, id, WEIR_SIM_ARGS(0));
	}
	uint32_t id = weir_sim_op_begin(&uq_history, HUB_CLOSE_TX, WEIR_SIM_ARGS(0));
	weir_tx_close(&tx);
	weir_sim_op_end(&uq_history, id, WEIR_SIM_ARGS(0));
	int rc = weir_scope_join(ctx, &s, 0, err);
	WEIR_SIM_EQ(weir_sim_check_linearizable(&uq_history, &m), 0);
	return rc;
}

static const struct planted {
	const char *name;
	weir_task_fn *fn;
	const char *blames, *shows;
} planted[] = {
	{"queue", queue_scenario, "no order of ", "the next item is "},
	{"register", reg_scenario, "explains load(0, 0) -> 0 of T2 reader (register)", "state count 7"},
	{"lossy", lossy_scenario, " explains recv(ch0) -> no error of ", "ch0["},
};

/* Found, explained in the report, made smaller, and the same again from the replay string; the repaired twin stays
 * silent. */
START_TEST(broken_objects_are_found)
{
	const struct planted *p = &planted[_i];
	char path[] = "/tmp/weir-history-XXXXXX", text[16384];
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	struct weir_sim_opts opts = {.name = p->name, .quiet = true, .report = path};
	struct weir_sim_result found, again;
	ck_assert_int_eq(weir_sim_run(&opts, p->fn, (void *)p, &found), 1);
	ck_assert_msg(found.kind == WEIR_SIM_LINEARIZABILITY, "%s", found.message);
	ck_assert_ptr_nonnull(strstr(found.message, p->blames));
	ssize_t n = read(fd, text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	close(fd);
	unlink(path);
	ck_assert_ptr_nonnull(strstr(text, "FAIL "));
	ck_assert_ptr_nonnull(strstr(text, ": linearizability at step "));
	ck_assert_ptr_nonnull(strstr(text, "\n  No order of the operations explains "));
	ck_assert_ptr_nonnull(strstr(text, " <-- fits nowhere\n"));
	ck_assert_ptr_nonnull(strstr(text, p->shows));
	opts = (struct weir_sim_opts){.name = p->name, .quiet = true, .replay = found.replay};
	ck_assert_int_eq(weir_sim_run(&opts, p->fn, (void *)p, &again), 1);
	ck_assert_int_eq(again.kind, WEIR_SIM_LINEARIZABILITY);
	ck_assert_str_eq(again.message, found.message);
	opts = (struct weir_sim_opts){.name = p->name, .schedules = 3000};
	ck_assert_int_eq(weir_sim_run(&opts, p->fn, NULL, &again), 0);
}
END_TEST

/* ---- recording ---- */

static int too_many(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_sim_op two[2];
	struct weir_sim_history h = {.ops = two, .cap = 2};
	struct weir_sim_model m = sync_model("atomic", &zero);
	(void)ctx, (void)err, (void)arg;
	for (int i = 0; i < 3; i++) {
		uint32_t id = weir_sim_op_begin(&h, SYNC_LOAD, WEIR_SIM_ARGS(0));
		WEIR_SIM_EQ(id == WEIR_SIM_NO_OP, i == 2);
		weir_sim_op_end(&h, id, WEIR_SIM_ARGS(0));
	}
	WEIR_SIM_EQ(h.lost, 1);
	WEIR_SIM_EQ(weir_sim_check_linearizable(&h, &m), WEIR_EOVERFLOW);
	weir_sim_history_clear(&h);
	WEIR_SIM_EQ(weir_sim_check_linearizable(&h, &m), 0);
	(void)weir_sim_op_begin(&h, SYNC_LOAD, WEIR_SIM_ARGS(0)); /* never returns */
	WEIR_SIM_EQ(weir_sim_check_linearizable(&h, &m), 0);
	/* what a model takes is no leak, and no place for a fault */
	copies_left = -1;
	WEIR_SIM_EQ(weir_sim_check_linearizable(&h, &box_model), 0);
	WEIR_SIM_EQ(live, 0);
	return 0;
}

START_TEST(a_full_history_is_told)
{
	struct weir_sim_opts opts = {.allow_no_decisions = true, .schedules = 2, .fault_sweep = true};
	struct weir_sim_result result;
	ck_assert_int_eq(weir_sim_run(&opts, too_many, NULL, &result), 0);
	ck_assert_uint_eq(result.faults, 0);
}
END_TEST

/* Outside of the simulator: the same calls, in this thread. */
START_TEST(without_the_simulator)
{
	struct weir_sim_op ops[4];
	struct weir_sim_history h = {.ops = ops, .cap = 4};
	struct weir_sim_model m = sync_model("atomic", &zero);
	uint32_t id = weir_sim_op_begin(&h, SYNC_STORE, WEIR_SIM_ARGS(3));
	weir_sim_op_end(&h, id, WEIR_SIM_ARGS(0));
	id = weir_sim_op_begin(&h, SYNC_LOAD, WEIR_SIM_ARGS(0));
	weir_sim_op_end(&h, id, WEIR_SIM_ARGS(3));
	ck_assert_int_eq(weir_sim_check_linearizable(&h, &m), 0);
	ops[1].out.v[0] = 4;
	ck_assert_int_eq(weir_sim_check_linearizable(&h, &m), 1);
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
	tcase_add_test(t, blames_the_result_that_is_wrong);
	tcase_add_test(t, the_explanation_is_bounded);
	tcase_add_loop_test(t, broken_objects_are_found, 0, sizeof(planted) / sizeof(planted[0]));
	tcase_add_test(t, a_full_history_is_told);
	tcase_add_test(t, without_the_simulator);
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
