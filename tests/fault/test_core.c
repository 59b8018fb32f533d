/* SPDX-License-Identifier: MIT
 *
 * Every allocation and every spawn of core fails once, under 20 schedules each: the call must say so with the code its
 * header names, leave its outputs alone, have made nothing by halves, and what it did make must be gone at the end. The
 * simulator counts handles, contexts, scopes, tasks and memory, so nothing here looks for leaks itself.
 *
 * Each test names how many allocations and spawns its scenario makes at most, one after the other; the sweep must have
 * failed at least that many in turn, or it did not reach what the test is about. */
#include <string.h>
#include <weir/sim.h>

#include "kit.h"

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int *const untouched = (int *)16; /* what outputs hold before */

static bool told(int rc, int code)
{
	WEIR_SIM_ASSERT(rc == 0 || rc == code);
	return rc == 0;
}

/* ---- channels ---- */

/* 3 blocks for the channel, 1 + 3 + 2 for clones. */
static int channels(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = (weir_tx *)untouched,
		*more[3] = {(weir_tx *)untouched, (weir_tx *)untouched, (weir_tx *)untouched};
	weir_rx *rx = (weir_rx *)untouched, *others[2] = {(weir_rx *)untouched, (weir_rx *)untouched};
	struct weir_chan_stats st;
	(void)err, (void)arg;
	int rc = weir_chan_new(weir_ctx_rt(ctx), &num, 2, &tx, &rx);
	if (!told(rc, WEIR_ENOMEM)) {
		WEIR_SIM_ASSERT((int *)tx == untouched && (int *)rx == untouched);
		return rc;
	}
	weir_rt_yield(weir_ctx_rt(ctx));
	for (size_t n = 1; rc == 0 && n <= 3; n += 2) {
		rc = weir_tx_clone(tx, n, more);
		weir_tx_stats(tx, &st);
		if (told(rc, WEIR_ENOMEM)) {
			WEIR_SIM_EQ(st.tx_handles, 1 + n);
			for (size_t i = 0; i < n; i++)
				weir_tx_close(&more[i]);
			more[0] = more[1] = more[2] = (weir_tx *)untouched;
		} else {
			WEIR_SIM_EQ(st.tx_handles, 1); /* n or none */
			for (size_t i = 0; i < 3; i++)
				WEIR_SIM_ASSERT((int *)more[i] == untouched);
		}
	}
	if (rc == 0) {
		rc = weir_rx_clone(rx, 2, others);
		weir_rx_stats(rx, &st);
		WEIR_SIM_EQ(st.rx_handles, told(rc, WEIR_ENOMEM) ? 3 : 1);
		for (size_t i = 0; i < 2; i++) {
			WEIR_SIM_EQ((int *)others[i] == untouched, rc < 0);
			if (rc == 0)
				weir_rx_close(&others[i]);
		}
	}
	WEIR_SIM_EQ(weir_tx_send(ctx, tx, &(int){1}), 0); /* works on as if nothing had been asked */
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return rc;
}

/* ---- scopes ---- */

static int ran;

static int run_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	ran++;
	weir_rt_yield(weir_ctx_rt(ctx));
	++*(int *)arg;
	return 0;
}

/* 3 blocks and 3 spawns: a spawn that fails has touched nothing, and the others go on. */
static int scopes(weir_ctx *ctx, weir_err *err, void *arg)
{
	int args[3] = {0}, failed = 0, last = 0;
	weir_scope s;
	(void)arg;
	ran = 0;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++) {
		int rc = weir_scope_spawn(&s, "task", run_once, &args[i]);
		WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
		failed += rc < 0;
		last = rc < 0 ? rc : last;
	}
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, err), 0); /* the owner decides what a failed spawn means */
	WEIR_SIM_ASSERT(failed <= 1);
	WEIR_SIM_EQ(ran + failed, 3);
	WEIR_SIM_EQ(args[0] + args[1] + args[2], ran);
	return last;
}

/* ---- pipelines ---- */

struct payload {
	void *mem;
	weir_rt *rt;
};

static void free_payload(void *item, void *arg)
{
	struct payload *p = item;
	(void)arg;
	weir_rt_release(p->rt, p->mem);
}

static const weir_type owned = {.name = "owned",
				.size = sizeof(struct payload),
				.align = _Alignof(struct payload),
				.drop = free_payload};

static int handled;

/* A handler that needs memory of its own, which may fail as well: then the job has failed, and that is a result. */
static int copy_payload(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct payload *to = out;
	(void)in, (void)arg;
	handled++;
	*to = (struct payload){.mem = weir_rt_alloc(weir_ctx_rt(ctx), 8), .rt = weir_ctx_rt(ctx)};
	return to->mem ? 0 : weir_fail(err, WEIR_ENOMEM, "no memory for the copy");
}

struct job {
	struct weir_job_head head;
	struct payload in;
};

struct result {
	struct weir_result_head head;
	struct payload value;
};

static weir_tx *jobs;

/* Three jobs. One that cannot be made or sent is the producer's loss. */
static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	int rc = 0;
	(void)err, (void)arg;
	for (uint64_t i = 0; i < 3 && rc == 0; i++) {
		struct job job = {.head.id = i, .in = {.mem = weir_rt_alloc(rt, 8), .rt = rt}};
		rc = job.in.mem ? weir_tx_send(ctx, jobs, &job) : WEIR_ENOMEM;
		if (rc < 0)
			free_payload(&job.in, NULL);
	}
	weir_tx_close(&jobs);
	return rc;
}

/* The whole life: start, feed, read to the end, join. The first error that anybody tells is what comes out. */
static int run_pipeline(weir_ctx *ctx, weir_err *err, bool ordered, bool attach)
{
	const struct weir_pipeline_opts opts = {
		.handler = copy_payload, .workers = 2, .ordered = ordered, .job_buffer = 1, .result_buffer = 1};
	weir_pipeline *p = (weir_pipeline *)untouched;
	weir_rx *results = (weir_rx *)untouched, *intake = NULL;
	weir_type job_type = weir_job_type(&owned);
	struct result r;
	weir_scope s;
	uint64_t next = 0, failures = 0;
	int rc;
	jobs = (weir_tx *)untouched;
	handled = 0;
	if (attach) {
		rc = weir_chan_new(weir_ctx_rt(ctx), &job_type, 1, &jobs, &intake);
		if (!told(rc, WEIR_ENOMEM))
			return rc;
	}
	weir_scope_init(&s, ctx);
	rc = attach ? weir_pipeline_attach(&s, &owned, &owned, &opts, &intake, &results, &p)
		    : weir_pipeline_start(&s, &owned, &owned, &opts, &jobs, &results, &p);
	if (rc < 0) { /* nothing is started, outputs are untouched */
		WEIR_SIM_ASSERT(rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
		WEIR_SIM_ASSERT((int *)results == untouched && (int *)p == untouched && (intake != NULL) == attach);
		if (attach) { /* the intake is the caller's alone again, before any join */
			struct weir_chan_stats st;
			weir_sim_quiesce(ctx);
			weir_rx_stats(intake, &st);
			WEIR_SIM_EQ(st.rx_handles, 1);
		}
		WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
		WEIR_SIM_EQ(handled, 0);
		if (attach) {
			WEIR_SIM_EQ(weir_tx_try_send(jobs, &(struct job){.in.rt = weir_ctx_rt(ctx)}),
				    0); /* still open */
			weir_tx_close(&jobs);
			weir_rx_close(&intake);
		} else {
			WEIR_SIM_ASSERT((int *)jobs == untouched);
		}
		return rc;
	}
	WEIR_SIM_ASSERT(intake == NULL);
	int spawned = weir_scope_spawn(&s, "producer", produce, NULL);
	if (spawned < 0)
		weir_tx_close(&jobs);
	while ((rc = weir_rx_recv(ctx, results, &r)) == 1) {
		WEIR_SIM_ASSERT(r.head.rc == 0 || r.head.rc == WEIR_ENOMEM);
		WEIR_SIM_ASSERT(!ordered || r.head.id == next);
		next++;
		failures += r.head.rc < 0;
		if (r.head.rc == 0)
			free_payload(&r.value, NULL);
		weir_err_fini(&r.head.err);
	}
	WEIR_SIM_ASSERT(rc == 0 && failures <= 1);
	weir_rx_close(&results);
	rc = weir_scope_join(ctx, &s, spawned, err);
	weir_tx_close(&jobs);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	WEIR_SIM_EQ(rc == 0 && failures == 0, next == 3 && failures == 0);
	return rc < 0 ? rc : failures ? WEIR_ENOMEM : 0;
}

static int plain(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	return run_pipeline(ctx, err, false, false);
}

static int ordered(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	return run_pipeline(ctx, err, true, false);
}

static int attached(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	return run_pipeline(ctx, err, weir_sim_choose(2, "ordered"), true);
}

/* ---- counters ---- */

/* One block each; the registry shows what there is, and nothing of what there is not. */
static int counters(weir_ctx *ctx, weir_err *err, void *arg)
{
	static const char *const names[] = {"in", "out"};
	static const struct weir_stats_opts opts = {.name = "set", .counters = names, .n_counters = 2, .n_writers = 3};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_stats *sets[2] = {NULL, NULL};
	struct weir_stats_view view;
	size_t made = 0;
	int rc = 0;
	(void)err, (void)arg;
	weir_rt_yield(rt);
	for (size_t i = 0; i < 2; i++) {
		int one = weir_stats_new(rt, &opts, &sets[i]);
		WEIR_SIM_EQ(told(one, WEIR_ENOMEM), sets[i] != NULL);
		made += one == 0;
		rc = one < 0 ? one : rc;
	}
	WEIR_SIM_EQ(made == 0 ? 0 : weir_stats_at(rt, made - 1, &view), made > 0);
	WEIR_SIM_EQ(weir_stats_at(rt, made, &view), 0);
	weir_stats_free(&sets[0]);
	weir_stats_free(&sets[1]);
	WEIR_SIM_EQ(weir_stats_at(rt, 0, &view), 0);
	return rc;
}

/* ---- a spawn of the simulator itself ---- */

static int detached(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	int rc = weir_sim_spawn(ctx, "outside", run_once, &ran);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	weir_rt_yield(weir_ctx_rt(ctx));
	return rc;
}

/* A group of failures is a failure with or without memory for its members. */
static int several_failures(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_err group = {0}, one = {0};
	(void)arg, (void)err;
	size_t n = 0;
	for (uint32_t i = 0; i < 3; i++) {
		(void)weir_fail(&one, WEIR_EIO, "part %u", i);
		weir_err_add(&group, weir_ctx_rt(ctx), i, &one);
		WEIR_SIM_EQ(one.code, 0);
		WEIR_SIM_EQ(group.code, WEIR_EIO);
	}
	while (weir_err_member(&group, n, NULL))
		n++;
	WEIR_SIM_ASSERT(n >= 2); /* at most one allocation fails */
	int rc = n == 3 ? 0 : WEIR_ENOMEM;
	weir_err_fini(&group);
	return rc;
}

static const struct fault_test tests[] = {
	{"channels", channels, 3 + 1 + 3 + 2, true},
	{"scopes", scopes, 3 + 3, false},
	/* run, jobs channel 3, statistics, results channel 3, 2 x 2 handles, 2 tasks, producer; 3 payloads, 3 copies */
	{"pipeline", plain, 1 + 3 + 1 + 3 + 4 + 2 + 1 + 6 + 3, false},
	{"pipeline_ordered", ordered, 1 + 3 + 1 + 3 + 4 + 2 + 1 + 6 + 3, false},
	{"pipeline_attached", attached, 1 + 3 + 1 + 3 + 4 + 2 + 1 + 6 + 3, false},
	{"counters", counters, 2, true},
	{"several_failures", several_failures, 3, true},
	{"detached_task", detached, 1 + 1, false},
};

int main(void)
{
	return FAULT_MAIN(tests, .schedules = 20);
}
