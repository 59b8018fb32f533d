/* SPDX-License-Identifier: MIT
 *
 * One question to n replicas: the first good answer wins, the others are cancelled and joined, and a limit holds for
 * all of it. fanout.c asks from the command line, tests/sim/test_fanout.c at exact virtual times and in every order.
 *
 * WHY IT IS RIGHT
 *   - A replica's failure is data, not the failure of its task: a task that fails would cancel its siblings.
 *   - Each replica has an end of the channel. When the last one is gone without an answer the wait is over.
 *   - The channel holds nothing: an answer is received, or it is still its replica's, which drops and counts it.
 *   - Cancel, then join: nobody works on an answered question, and nobody uses our stack after we left.
 * asked = won + late + failed + stopped, in every case; won is 1 exactly where fan_out returns 0. */
#ifndef WEIR_EXAMPLES_FANOUT_H
#define WEIR_EXAMPLES_FANOUT_H

#include <stdlib.h>
#include <weir/core.h>

#define FAN_NO_ANSWER (WEIR_EUSER - 1) /* every replica failed */

static inline void fan_answer_free(char **answer)
{
	free(*answer);
}
WEIR_TYPE_OWNED(fan_answer, char *, fan_answer_free);
WEIR_CHAN_DECLARE(fan_answer);

enum fan_outcome {
	FAN_NOT_ASKED,
	FAN_WON,
	FAN_LATE,    /* it had an answer that nobody wanted any more */
	FAN_FAILED,  /* rc says how */
	FAN_STOPPED, /* it was told to stop, cause and why say by whom */
	FAN_OUTCOMES
};

struct fan_replica {
	int (*ask)(weir_ctx *ctx, struct fan_replica *r, char **answer); /* blocks; on 0 *answer is the caller's */
	int64_t latency_ns;                                              /* of the synthetic ones: for ask */
	enum fan_outcome outcome;
	int rc;
	enum weir_cause cause;
	const char *why;
	fan_answer_tx tx; /* while it is being asked */
};

struct fan_report {
	size_t count[FAN_OUTCOMES];
	int64_t elapsed_ns;
};

static int fan_ask(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct fan_replica *r = arg;
	char *answer = NULL;
	(void)err; /* what went wrong is in *r */
	r->rc = r->ask(ctx, r, &answer);
	if (r->rc == 0) {
		r->rc = fan_answer_send(ctx, r->tx, &answer);
		r->outcome = r->rc == 0 ? FAN_WON : FAN_LATE;
		if (r->rc < 0)
			fan_answer_drop(&answer);
	} else {
		r->outcome = r->rc == WEIR_ECANCELED || r->rc == WEIR_EDEADLINE ? FAN_STOPPED : FAN_FAILED;
	}
	if (r->outcome == FAN_LATE || r->outcome == FAN_STOPPED)
		r->cause = weir_ctx_cause(ctx, &r->why);
	fan_answer_tx_close(&r->tx);
	return 0;
}

/* Asks everybody and waits for the first answer: 1, or what is wrong. */
static int fan_wait(weir_ctx *total, weir_scope *s, struct fan_replica *replicas, size_t n, char **answer,
		    weir_err *err)
{
	fan_answer_tx tx = {0};
	fan_answer_rx rx = {0};
	int rc = fan_answer_chan_new(weir_ctx_rt(total), 0, &tx, &rx);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = fan_answer_tx_clone(tx, &replicas[i].tx);
		if (rc == 0)
			rc = weir_scope_spawn(s, "replica", fan_ask, &replicas[i]);
		if (rc < 0)
			fan_answer_tx_close(&replicas[i].tx);
	}
	fan_answer_tx_close(&tx); /* or the channel would not end with the last replica */
	if (rc == 0 && (rc = fan_answer_recv(total, rx, answer)) == 0) {
		rc = weir_ctx_err(total); /* all are gone: they failed, or they were told to stop just before us */
		if (rc == 0)
			rc = weir_fail(err, FAN_NO_ANSWER, "none of %zu replicas has an answer", n);
	}
	weir_scope_cancel(s, rc > 0 ? "another replica was first" : "nobody waits for an answer");
	fan_answer_rx_close(&rx);
	return rc;
}

/* 0: *answer is the caller's. FAN_NO_ANSWER; WEIR_ETIMEOUT: the limit is over; else ctx ended, or a replica could
 * not be asked. The replicas and *report are written in any case. */
static int fan_out(weir_ctx *ctx, struct fan_replica *replicas, size_t n, int64_t limit_ns, char **answer,
		   struct fan_report *report, weir_err *err)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	int64_t begun_at = weir_rt_now(rt);
	weir_ctx total;
	weir_scope s;
	weir_ctx_init(&total, ctx, weir_time_add(begun_at, limit_ns));
	weir_scope_init(&s, &total);
	int rc = fan_wait(&total, &s, replicas, n, answer, err);
	int joined = weir_scope_join(ctx, &s, rc, rc > 0 ? NULL : err);
	if (joined == WEIR_EDEADLINE && rc < 0 && weir_ctx_deadline(&total) < weir_ctx_deadline(ctx))
		joined = weir_fail(err, WEIR_ETIMEOUT, "no answer within the limit"); /* ours, not the caller's */
	weir_ctx_fini(&total);
	*report = (struct fan_report){.elapsed_ns = weir_rt_now(rt) - begun_at};
	for (size_t i = 0; i < n; i++)
		report->count[replicas[i].outcome]++;
	return rc > 0 ? 0 : joined; /* the answer is in hand: whatever ended since does not take it back */
}

#endif
