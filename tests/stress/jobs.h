/* SPDX-License-Identifier: MIT
 *
 * A pipeline of tokens under load: one task sends, one receives, and the run ends in one of five ways, some of them at
 * a moment that is not known before. */
#ifndef WEIR_TESTS_STRESS_JOBS_H
#define WEIR_TESTS_STRESS_JOBS_H

#include "token.h"

enum ending { SENDER_ENDS, DRAIN, CANCEL, SCOPE_CANCEL, RECEIVER_LEAVES, ENDINGS };

struct job {
	struct weir_job_head head;
	struct token in;
};

struct result {
	struct weir_result_head head;
	struct token value;
};

struct jobs {
	/* The test's: */
	enum ending ending;
	uint32_t n;
	struct job (*make)(uint32_t n, uint64_t *seed);
	void (*see)(void *arg, const struct result *r);
	void *arg;
	/* The run's: */
	weir_pipeline *run;
	weir_tx *tx;
	weir_rx *rx;
	_Atomic uint64_t got;
	_Atomic bool leave;
	uint64_t sent;
};

static int send_jobs(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct jobs *j = arg;
	uint64_t seed = seed_of(tokens_made);
	int rc = 0;
	(void)err;
	for (uint32_t n = 0; n < j->n && rc == 0; n++) {
		struct job job = j->make(n, &seed);
		rc = weir_tx_send(ctx, j->tx, &job);
		if (rc < 0)
			token_drop(&job.in, NULL);
		j->sent += rc == 0;
	}
	EXPECT(rc == 0 || rc == WEIR_EPIPE);
	weir_tx_close(&j->tx);
	return 0;
}

static int take_results(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct jobs *j = arg;
	struct result r;
	(void)err;
	while (!atomic_load(&j->leave) && weir_rx_recv(ctx, j->rx, &r) == 1) {
		j->see(j->arg, &r);
		if (r.head.rc == 0)
			token_drop(&r.value, NULL);
		weir_err_fini(&r.head.err);
		atomic_fetch_add(&j->got, 1);
	}
	weir_rx_close(&j->rx);
	return 0;
}

static void end_run(weir_scope *s, struct jobs *j)
{
	if (j->ending == DRAIN)
		weir_pipeline_drain(j->run);
	else if (j->ending == CANCEL)
		weir_pipeline_cancel(j->run, "enough");
	else if (j->ending == SCOPE_CANCEL)
		weir_scope_cancel(s, "enough");
	else if (j->ending == RECEIVER_LEAVES)
		atomic_store(&j->leave, true);
}

/* From the start to the end of all tasks; r is the run's last account. Unless the sender ends it, it ends when `when`
 * results have come. */
static int run_jobs(weir_ctx *ctx, weir_err *err, struct jobs *j, const struct weir_pipeline_opts *opts, uint64_t when,
		    weir_pipeline_report *r)
{
	weir_scope s, users;
	weir_scope_init(&s, ctx);
	weir_scope_init(&users, ctx);
	EXPECT(weir_pipeline_start(&s, &token_type, &token_type, opts, &j->tx, &j->rx, &j->run) == 0);
	EXPECT(weir_scope_spawn(&users, "send", send_jobs, j) == 0);
	EXPECT(weir_scope_spawn(&users, "take", take_results, j) == 0);
	while (j->ending != SENDER_ENDS && atomic_load(&j->got) < when)
		weir_rt_yield(rt);
	end_run(&s, j);
	int rc = weir_scope_join(ctx, &users, 0, err);
	do
		weir_pipeline_stats(j->run, r);
	while (r->workers_alive > 0);
	weir_pipeline_stats(j->run, r); /* the same snapshot may be older in what it read first */
	rc = weir_scope_join(ctx, &s, rc, err);
	EXPECT(r->received + r->discarded == j->sent && r->received == r->succeeded + r->failed + r->canceled);
	return rc;
}

#endif
