/* SPDX-License-Identifier: MIT
 *
 * Pipelines under the load of eight threads, with every way to end at a random moment.
 *
 * Each round: three workers, two producers, two consumers, and a task that reads snapshots all the while; plain or
 * ordered, with small buffers of random size. At a random number of results the run is ended in one of seven ways: the
 * producers just finish, drain, cancel, stop, a consumer that makes all consumers leave, the scope is cancelled, or
 * one after the other (drain, then cancel).
 *
 * Then the books are closed. In every snapshot: received = outcomes + running, outcomes = emitted + undelivered +
 * finishing, and no counter goes back. At the end: what producers handed over = received + discarded; what consumers
 * got = emitted, all of it different jobs, in order where one consumer reads an ordered run; each input was dropped
 * once; each value was received or dropped once; running and finishing are 0 since results closed. */
#include "stress.h"

enum { JOBS = 400, WORKERS = 3, PRODUCERS = 2, CONSUMERS = 2 };
enum ending { PRODUCERS_FINISH, DRAIN, CANCEL, STOP, CONSUMERS_LEAVE, SCOPE_CANCEL, DRAIN_THEN_CANCEL, ENDINGS };

static _Atomic uint64_t inputs_dropped, values_dropped, values_made;

static void input_drop(void *item, void *arg)
{
	(void)item, (void)arg;
	atomic_fetch_add(&inputs_dropped, 1);
}

static void value_drop(void *item, void *arg)
{
	(void)item, (void)arg;
	atomic_fetch_add(&values_dropped, 1);
}

static const weir_type input_type = {.name = "input",
				     .size = sizeof(uint64_t),
				     .align = _Alignof(uint64_t),
				     .drop = input_drop};
static const weir_type value_type = {.name = "value",
				     .size = sizeof(uint64_t),
				     .align = _Alignof(uint64_t),
				     .drop = value_drop};

struct job {
	struct weir_job_head head;
	uint64_t in;
};

struct result {
	struct weir_result_head head;
	uint64_t value;
};

struct load {
	weir_pipeline *run;
	weir_tx *jobs[PRODUCERS];
	weir_rx *results[CONSUMERS];
	uint64_t sent[PRODUCERS], got[CONSUMERS], got_values[CONSUMERS], got_failed[CONSUMERS];
	_Atomic uint64_t n_results;
	_Atomic bool leave, over;
	_Atomic uint8_t seen[PRODUCERS * JOBS];
	bool ordered, alone; /* alone: only one consumer reads */
	uint64_t seed, snapshots;
	enum ending ending;
	weir_scope *scope;
};

static int handle(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	uint64_t n;
	(void)arg;
	memcpy(&n, in, sizeof(n));
	if (n % 7 == 0)
		weir_rt_yield(rt);
	if (n % 11 == 0)
		return weir_fail(err, WEIR_EUSER, "job %llu", (unsigned long long)n);
	if (n % 13 == 0 && weir_ctx_err(ctx) < 0)
		return weir_ctx_err(ctx);
	if (n % 31 == 0) { /* a job that waits for a moment, unless its time or its run is over */
		int rc = weir_sleep(ctx, WEIR_US(30));
		if (rc < 0)
			return rc;
	}
	memcpy(out, &n, sizeof(n));
	atomic_fetch_add(&values_made, 1);
	return 0;
}

struct part {
	struct load *load;
	size_t i;
};

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct part *part = arg;
	struct load *l = part->load;
	int rc = 0;
	(void)err;
	for (uint64_t n = 0; n < JOBS && rc == 0; n++) {
		struct job job = {.head.id = part->i * JOBS + n, .in = n};
		job.head.timeout_ns = n % 17 == 0 ? WEIR_US(20) : 0;
		rc = weir_tx_send(ctx, l->jobs[part->i], &job);
		l->sent[part->i] += rc == 0;
	}
	EXPECT(rc == 0 || rc == WEIR_EPIPE || rc == WEIR_ECANCELED);
	weir_tx_close(&l->jobs[part->i]);
	return 0;
}

static void take(struct load *l, size_t i, struct result *r)
{
	EXPECT(r->head.id < PRODUCERS * JOBS && atomic_fetch_add(&l->seen[r->head.id], 1) == 0);
	EXPECT((r->head.rc == 0) == (r->head.err.code == 0));
	EXPECT(r->head.rc != 0 || r->value == r->head.id % JOBS);
	l->got[i]++;
	l->got_values[i] += r->head.rc == 0;
	l->got_failed[i] += r->head.rc != 0;
	weir_err_fini(&r->head.err);
	atomic_fetch_add(&l->n_results, 1);
}

static int consume(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct part *part = arg;
	struct load *l = part->load;
	uint64_t last[PRODUCERS] = {0};
	struct result r;
	int rc = 1;
	(void)err;
	while (!atomic_load(&l->leave) && (rc = weir_rx_recv(ctx, l->results[part->i], &r)) == 1) {
		uint64_t producer = r.head.id / JOBS, n = r.head.id % JOBS + 1;
		if (l->ordered && l->alone && producer < PRODUCERS) {
			EXPECT(n > last[producer]);
			last[producer] = n;
		}
		take(l, part->i, &r);
	}
	EXPECT(rc >= 0 || rc == WEIR_ECANCELED);
	if (rc == 0) { /* the results channel is closed: nothing moves any more */
		weir_pipeline_report report;
		weir_pipeline_stats(l->run, &report);
		EXPECT(report.running == 0 && report.finishing == 0);
	}
	weir_rx_close(&l->results[part->i]);
	return 0;
}

/* Snapshots until all is over. */
static int look(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct load *l = arg;
	weir_pipeline_report r, before = {0};
	(void)ctx, (void)err;
	do {
		weir_pipeline_stats(l->run, &r);
		uint64_t outcomes = r.succeeded + r.failed + r.canceled;
		EXPECT(r.received == outcomes + r.running);
		EXPECT(outcomes == r.emitted + r.undelivered + r.finishing);
		EXPECT(r.received >= before.received && r.succeeded >= before.succeeded && r.failed >= before.failed);
		EXPECT(r.canceled >= before.canceled && r.emitted >= before.emitted);
		EXPECT(r.undelivered >= before.undelivered && r.discarded >= before.discarded);
		EXPECT(r.workers_alive <= WORKERS && r.n_stuck <= WORKERS);
		before = r;
		l->snapshots++;
		weir_rt_yield(rt);
	} while (!atomic_load(&l->over));
	return 0;
}

static void end_run(weir_ctx *ctx, struct load *l)
{
	weir_pipeline_report r;
	int rc;
	switch (l->ending) {
	case DRAIN:
		weir_pipeline_drain(l->run);
		break;
	case DRAIN_THEN_CANCEL:
		weir_pipeline_drain(l->run);
		dawdle(&l->seed);
		weir_pipeline_cancel(l->run, "a moment later");
		break;
	case CANCEL:
		weir_pipeline_cancel(l->run, "enough");
		break;
	case STOP:
		rc = weir_pipeline_stop(ctx, l->run, pick(&l->seed, 3) ? WEIR_SEC(60) : 0, &r);
		EXPECT(rc == 0 || rc == WEIR_ECANCELED || rc == WEIR_ETIMEOUT);
		EXPECT(rc == WEIR_ETIMEOUT || r.workers_alive == 0);
		break;
	case CONSUMERS_LEAVE:
		atomic_store(&l->leave, true);
		break;
	case SCOPE_CANCEL:
		weir_scope_cancel(l->scope, "enough");
		break;
	default:
		break;
	}
}

static uint64_t sum(const uint64_t *n, size_t count)
{
	uint64_t all = 0;
	for (size_t i = 0; i < count; i++)
		all += n[i];
	return all;
}

static void close_books(struct load *l)
{
	weir_pipeline_report r;
	weir_pipeline_stats(l->run, &r);
	uint64_t sent = sum(l->sent, PRODUCERS), got = sum(l->got, CONSUMERS);
	EXPECT(r.running == 0 && r.finishing == 0 && r.workers_alive == 0 && r.n_stuck == 0);
	EXPECT(sent == r.received + r.discarded);
	EXPECT(r.received == r.succeeded + r.failed + r.canceled);
	/* an emitted result may still lie in the buffer that the last consumer left behind */
	EXPECT(l->ending == CONSUMERS_LEAVE || l->ending == SCOPE_CANCEL ? got <= r.emitted : got == r.emitted);
	EXPECT(atomic_load(&values_made) == r.succeeded);
	if (l->ending <= DRAIN)
		EXPECT(r.undelivered == 0 && r.discarded == 0 && got == sent);
	EXPECT(l->ending != PRODUCERS_FINISH || sent == PRODUCERS * JOBS);
}

static void open_run(weir_scope *s, struct load *l, uint64_t round)
{
	weir_tx *jobs;
	weir_rx *results;
	struct weir_pipeline_opts opts = {.handler = handle, .name = "stress", .workers = WORKERS};
	memset((void *)l, 0, sizeof(*l));
	l->seed = seed_of(round);
	l->ending = (enum ending)(round % ENDINGS);
	l->ordered = opts.ordered = pick(&l->seed, 2);
	l->alone = pick(&l->seed, 3) == 0;
	l->scope = s;
	opts.reorder_window = pick(&l->seed, 6);
	opts.job_buffer = pick(&l->seed, 4);
	opts.result_buffer = pick(&l->seed, 4);
	EXPECT(weir_pipeline_start(s, &input_type, &value_type, &opts, &jobs, &results, &l->run) == 0);
	for (size_t i = 0; i < PRODUCERS; i++)
		EXPECT(weir_tx_clone(jobs, 1, &l->jobs[i]) == 0);
	for (size_t i = 0; i < (l->alone ? 1 : CONSUMERS); i++)
		EXPECT(weir_rx_clone(results, 1, &l->results[i]) == 0);
	weir_tx_close(&jobs);
	weir_rx_close(&results);
}

static int run_once(weir_ctx *ctx, weir_err *err, uint64_t round)
{
	static struct load load;
	struct part producer[PRODUCERS], consumer[CONSUMERS];
	weir_scope outer, users, watch;
	struct load *l = &load;
	atomic_store(&inputs_dropped, 0), atomic_store(&values_dropped, 0), atomic_store(&values_made, 0);
	weir_scope_init(&outer, ctx);
	open_run(&outer, l, round);
	weir_scope_init(&users, ctx); /* their own: the end of the run's scope must not be needed to release them */
	weir_scope_init(&watch, ctx);
	EXPECT(weir_scope_spawn(&watch, "look", look, l) == 0);
	for (size_t i = 0; i < PRODUCERS; i++) {
		producer[i] = (struct part){l, i};
		EXPECT(weir_scope_spawn(&users, "produce", produce, &producer[i]) == 0);
	}
	for (size_t i = 0; i < (l->alone ? 1 : CONSUMERS); i++) {
		consumer[i] = (struct part){l, i};
		EXPECT(weir_scope_spawn(&users, "consume", consume, &consumer[i]) == 0);
	}
	uint64_t when = pick(&l->seed, 300);
	while (atomic_load(&l->n_results) < when)
		weir_rt_yield(rt);
	end_run(ctx, l);
	int rc = weir_scope_join(ctx, &users, 0, err); /* all of them are released, whatever the ending */
	weir_pipeline_report r;
	do
		weir_pipeline_stats(l->run, &r);
	while (r.workers_alive > 0);
	close_books(l);
	atomic_store(&l->over, true);
	rc = weir_scope_join(ctx, &watch, rc, err);
	EXPECT(l->snapshots > 0);
	uint64_t sent = sum(l->sent, PRODUCERS);
	rc = weir_scope_join(ctx, &outer, rc, err);
	EXPECT(atomic_load(&inputs_dropped) == sent);
	EXPECT(atomic_load(&values_made) == sum(l->got_values, CONSUMERS) + atomic_load(&values_dropped));
	return rc;
}

static int random_ends(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(560) && rc == 0; round++)
		rc = run_once(ctx, err, round);
	return rc;
}

int main(void)
{
	stress_case("random ends under eight threads", random_ends, NULL);
	return stress_end();
}
