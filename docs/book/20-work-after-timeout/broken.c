/* SPDX-License-Identifier: MIT
 *
 * WRONG ON PURPOSE: chapter 20, the timeout that does not stop the work.
 *
 * A client asks a server, and waits at most 5 ms. So that a slow server holds up nobody, each question is a task of its
 * own, in the background of the whole program. The memory for the answer is the client's, and used again. */
#include <weir/sim.h>

struct answer {
	int question;
};

struct job {
	int question;
	int64_t takes_ns;
	struct answer *out;
	weir_wg done;
};

static weir_scope background; /* under a root of its own */

static int work(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct job *job = arg;
	int rc = weir_sleep(ctx, job->takes_ns); /* the server thinks */
	(void)err;
	if (rc == 0)
		job->out->question = job->question;
	weir_wg_done(&job->done);
	return rc;
}

static int ask(weir_ctx *ctx, struct job *job)
{
	weir_ctx limit;
	weir_wg_init(&job->done, weir_ctx_rt(ctx));
	weir_wg_add(&job->done, 1);
	WEIR_SIM_EQ(weir_scope_spawn(&background, "work", work, job), 0);
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(5)));
	int rc = weir_wg_wait(&limit, &job->done);
	weir_ctx_fini(&limit);
	return rc;
}

WEIR_SIM_TEST(an_answer_is_that_of_its_question)
{
	struct answer answer = {0};
	struct job first = {.question = 1, .takes_ns = WEIR_MS(7), .out = &answer};
	struct job second = {.question = 2, .takes_ns = WEIR_MS(1), .out = &answer};
	weir_ctx root;
	weir_ctx_init_root(&root, weir_ctx_rt(ctx));
	weir_scope_init(&background, &root);
	if (ask(ctx, &first) == WEIR_EDEADLINE && ask(ctx, &second) == 0) {
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(2)), 0); /* shows it to the user */
		WEIR_SIM_EQ(answer.question, 2);
	}
	WEIR_SIM_EQ(weir_scope_join(ctx, &background, 0, NULL), 0); /* the program ends */
	weir_wg_fini(&first.done), weir_wg_fini(&second.done);
	weir_ctx_fini(&root);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
