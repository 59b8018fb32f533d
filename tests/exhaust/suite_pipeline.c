/* SPDX-License-Identifier: MIT
 *
 * Pipelines of two workers and three jobs: the normal end, and the ways to end early.
 *
 * What pipeline.h promises and each schedule is held to: an input is dropped once by the run, or stays with its
 * producer; a value that a handler made is taken by the consumer or dropped once; the identities of the account hold
 * when the results have closed, with nothing running and nothing finishing; a canceled result carries the cause; the
 * results close exactly once, after the last worker; ordered results come in the order of pick-up.
 *
 * Outcomes: bit 0 three values were delivered, 1 fewer; 2 a result said that its time was over; 3 an input never came
 * to a worker; 4 the producer was refused; 5 to 7 a stop came to the end by itself, by its cancel, or not. */
#include <string.h>

#include "exhaust.h"

enum { JOBS = 3 };

enum event {
	PLAIN,
	CANCEL,          /* main cancels the run */
	STOP,            /* main stops it with a grace time */
	DRAIN,           /* main drains */
	CONSUMER_LEAVES, /* after one result */
	PRODUCER_LEAVES, /* after one job */
};

struct pipeline_arg {
	enum event event;
	bool ordered, slow; /* slow: a handler takes a millisecond */
	size_t job_buffer;
	int64_t timeout_ns; /* of each job */
};

static struct {
	const struct pipeline_arg *a;
	int kept[JOBS], in_dropped[JOBS], made[JOBS], taken[JOBS], out_dropped[JOBS], code[JOBS];
	int picked[JOBS], n_picked, order[JOBS], n_order;
	weir_tx *jobs;
	weir_rx *results;
	weir_pipeline *p;
	bool closed;
} st;

struct job {
	struct weir_job_head head;
	int in;
};

struct result {
	struct weir_result_head head;
	int value;
};

static void drop_in(void *item, void *arg)
{
	(void)arg;
	st.in_dropped[*(const int *)item]++;
}

static void drop_out(void *item, void *arg)
{
	(void)arg;
	st.out_dropped[*(const int *)item]++;
}

static const weir_type in_type = {.name = "in", .size = sizeof(int), .align = _Alignof(int), .drop = drop_in};
static const weir_type out_type = {.name = "out", .size = sizeof(int), .align = _Alignof(int), .drop = drop_out};

static int handler(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	int id = *(const int *)in, rc = 0;
	(void)err, (void)arg;
	st.picked[st.n_picked++] = id;
	if (st.a->slow)
		rc = weir_sleep(ctx, WEIR_MS(1));
	if (rc < 0)
		return rc;
	st.made[id]++;
	*(int *)out = id;
	return 0;
}

static void take(struct result *r)
{
	int id = (int)r->head.id;
	WEIR_SIM_EQ(st.code[id], 0);
	st.code[id] = r->head.rc ? r->head.rc : 1;
	st.order[st.n_order++] = id;
	WEIR_SIM_ASSERT(r->head.rc == 0 || (r->head.rc == WEIR_EDEADLINE && st.a->timeout_ns));
	WEIR_SIM_EQ(r->head.cause, r->head.rc ? WEIR_CAUSE_DEADLINE : WEIR_CAUSE_NONE);
	WEIR_SIM_EQ(r->head.why[0] != '\0', r->head.cause != WEIR_CAUSE_NONE);
	if (r->head.rc == 0) {
		WEIR_SIM_EQ(r->value, id);
		st.taken[id]++;
	}
	weir_err_fini(&r->head.err);
}

static int consume(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct result r;
	int rc;
	(void)err, (void)arg;
	while ((rc = weir_rx_recv(ctx, st.results, &r)) == 1) {
		take(&r);
		if (st.a->event == CONSUMER_LEAVES)
			break;
	}
	WEIR_SIM_ASSERT(rc >= 0);
	st.closed = rc == 0;
	if (st.closed && st.a->event != CONSUMER_LEAVES) {
		weir_pipeline_report rep;
		weir_pipeline_stats(st.p, &rep);
		WEIR_SIM_EQ(rep.running + rep.finishing, 0);
		WEIR_SIM_EQ(rep.emitted, st.n_order);
	}
	weir_rx_close(&st.results);
	return 0;
}

static void produce(weir_ctx *ctx)
{
	int rc = 0, n = st.a->event == PRODUCER_LEAVES ? 1 : JOBS;
	for (int id = 0; id < JOBS; id++) {
		struct job job = {.head = {.id = (uint64_t)id, .timeout_ns = st.a->timeout_ns}, .in = id};
		if (rc == 0 && id < n)
			rc = weir_tx_send(ctx, st.jobs, &job);
		WEIR_SIM_ASSERT(rc == 0 || (rc == WEIR_EPIPE && st.a->event != PLAIN));
		st.kept[id] = rc < 0 || id >= n;
	}
	if (rc < 0)
		exhaust_saw(4);
	weir_tx_close(&st.jobs);
}

static int ends(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_pipeline_report rep;
	if (st.a->event == CANCEL) {
		weir_pipeline_cancel(st.p, "enough");
	} else if (st.a->event == DRAIN) {
		weir_pipeline_drain(st.p);
	} else if (st.a->event == STOP) {
		int rc = weir_pipeline_stop(ctx, st.p, WEIR_US(500), &rep);
		WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED || rc == WEIR_ETIMEOUT);
		WEIR_SIM_EQ(rep.workers_alive > 0, rc == WEIR_ETIMEOUT);
		exhaust_saw(rc == 0 ? 5 : rc == WEIR_ECANCELED ? 6 : 7);
	}
	return 0;
}

/* Everything of every job is in one place. */
static void settle(void)
{
	int delivered = 0, unpicked = 0;
	for (int id = 0; id < JOBS; id++) {
		WEIR_SIM_EQ(st.kept[id] + st.in_dropped[id], 1);
		WEIR_SIM_EQ(st.made[id], st.taken[id] + st.out_dropped[id]);
		delivered += st.taken[id];
		if (st.code[id] < 0)
			exhaust_saw(2);
	}
	unpicked = JOBS - st.n_picked - st.kept[0] - st.kept[1] - st.kept[2];
	WEIR_SIM_ASSERT(unpicked >= 0);
	if (unpicked > 0)
		exhaust_saw(3);
	exhaust_saw(delivered == JOBS ? 0 : 1);
	if (st.a->event == PLAIN)
		WEIR_SIM_ASSERT(st.n_order == JOBS && (delivered == JOBS || st.a->timeout_ns));
	if (st.a->event == PRODUCER_LEAVES)
		WEIR_SIM_ASSERT(delivered == 1 && st.closed);
	if (st.a->event == DRAIN) /* what was accepted is delivered */
		WEIR_SIM_EQ(delivered, JOBS - st.kept[0] - st.kept[1] - st.kept[2]);
	if (st.a->ordered) /* picked up in the order they were sent: one channel, FIFO */
		for (int i = 1; i < st.n_order; i++)
			WEIR_SIM_ASSERT(st.order[i - 1] < st.order[i]);
}

static void pipeline(weir_ctx *ctx, const void *arg)
{
	const struct pipeline_arg *a = arg;
	const struct weir_pipeline_opts opts = {.handler = handler,
						.workers = 2,
						.job_buffer = a->job_buffer,
						.ordered = a->ordered};
	weir_scope s;
	memset(&st, 0, sizeof(st));
	st.a = a;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_pipeline_start(&s, &in_type, &out_type, &opts, &st.jobs, &st.results, &st.p), 0);
	exhaust_start(&s, "consumer", consume, NULL);
	if (a->event == CANCEL || a->event == STOP || a->event == DRAIN)
		exhaust_start(&s, "ends", ends, NULL);
	produce(ctx);
	exhaust_join(ctx, &s);
	settle();
}

#define ARG(...) (&(const struct pipeline_arg){__VA_ARGS__})
#define ROW(name_, arg_, outcomes_, quick_, deep_, inner_, inner_deep_)                                         \
	{                                                                                                       \
		.name = "pipeline_" name_, .fn = pipeline, .arg = arg_, .outcomes = outcomes_, .quick = quick_, \
		.deep = deep_, .inner = inner_, .inner_deep = inner_deep_                                       \
	}

const struct exhaust_row exhaust_pipeline[] = {
	ROW("plain", ARG(.event = PLAIN), 0x1, WITHIN("dfs1", 0), WITHIN("dfs2", 0), "dfs0", "dfs0"),
	ROW("ordered", ARG(.event = PLAIN, .ordered = true), 0x1, WITHIN("dfs1", 0), WITHIN("dfs2", 0), "dfs0", "dfs0"),
	ROW("timeout", ARG(.event = PLAIN, .slow = true, .timeout_ns = WEIR_US(500)), 0x6, WITHIN("dpor", 0),
	    WITHIN("dfs1", 1), "dfs0", "dfs0"),
	ROW("cancel", ARG(.event = CANCEL), 0x13, WITHIN("dfs0", 0), WITHIN("dfs1", 0), "dfs0", "dfs0"),
	ROW("cancel_ordered", ARG(.event = CANCEL, .ordered = true, .job_buffer = 1), 0x1b, WITHIN("dfs0", 0),
	    WITHIN("dfs1", 0), "dfs0", "dfs0"),
	ROW("cancel_slow", ARG(.event = CANCEL, .slow = true), 0x12, WITHIN("dfs0", 1), WITHIN("dfs1", 1), SAMPLED,
	    "dfs0"),
	ROW("stop", ARG(.event = STOP, .slow = true, .job_buffer = 1), 0xfa, WITHIN("dfs0", 1), WITHIN("dfs1", 1),
	    SAMPLED, "dfs0"),
	ROW("drain", ARG(.event = DRAIN, .job_buffer = 1), 0x13, WITHIN("dfs0", 0), WITHIN("dfs1", 0), "dfs0", "dfs0"),
	ROW("consumer_leaves", ARG(.event = CONSUMER_LEAVES, .job_buffer = 1), 0x1a, WITHIN("dfs1", 0),
	    WITHIN("dfs2", 0), "dfs0", "dfs0"),
	ROW("producer_leaves", ARG(.event = PRODUCER_LEAVES), 0x2, WITHIN("dfs1", 0), WITHIN("dfs2", 0), "dfs0",
	    "dfs0"),
};
const size_t exhaust_n_pipeline = sizeof(exhaust_pipeline) / sizeof(exhaust_pipeline[0]);
