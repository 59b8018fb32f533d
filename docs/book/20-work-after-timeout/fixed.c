/* SPDX-License-Identifier: MIT
 *
 * Chapter 20, the timeout that does not stop the work: broken.c, repaired. The question is a stage with a timeout: when
 * the time is over the work is told, and the client goes on when the work has returned.
 *
 * A client asks a server, and waits at most 5 ms. The memory for the answer is the client's, and used again. */
#include <weir/resilience/timeout.h>
#include <weir/sim.h>
#include <weir/stage.h>

struct answer {
	int question;
};

struct job {
	int question;
	int64_t takes_ns;
	struct answer *out;
};
WEIR_TYPE_PLAIN(job, struct job *);
WEIR_TYPE_PLAIN(nothing, char);

static int work(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct job *job = arg;
	int rc = weir_sleep(ctx, job->takes_ns); /* the server thinks */
	(void)err;
	if (rc == 0)
		job->out->question = job->question;
	return rc;
}

static int ask(weir_ctx *ctx, struct job *const *job, char *out, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	*out = 0;
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "work", work, *job);
	int joined = weir_scope_join(ctx, &s, 0, err);
	return rc < 0 ? rc : joined;
}
WEIR_STAGE_DECLARE(ask, job, nothing);

WEIR_SIM_TEST(an_answer_is_that_of_its_question)
{
	struct answer answer = {0};
	struct job first = {.question = 1, .takes_ns = WEIR_MS(7), .out = &answer};
	struct job second = {.question = 2, .takes_ns = WEIR_MS(1), .out = &answer};
	weir_stage *st = weir_timeout(ask_stage(weir_ctx_rt(ctx), NULL), WEIR_MS(5));
	weir_call *call = NULL;
	weir_scope s;
	char out;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	WEIR_SIM_EQ(weir_call_process(ctx, call, &(struct job *){&first}, &out, NULL), WEIR_ETIMEOUT);
	if (weir_call_process(ctx, call, &(struct job *){&second}, &out, NULL) == 0) {
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(2)), 0); /* shows it to the user */
		WEIR_SIM_EQ(answer.question, 2);
	}
	weir_call_free(&call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&st);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
