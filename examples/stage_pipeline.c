/* SPDX-License-Identifier: MIT
 *
 * stage_pipeline - a service around a chain of stages: started, asked how it is, used by a pipeline, and stopped.
 *
 * The chain is `tokenise` and `look_up`, and each has something to open before the first value and to close after the
 * last one. What must hold, and is checked: nothing is let in before start and after stop; setup is in the order of the
 * chain and close in the reverse one; a health check finds the stage that is not well, and names it; a stopped service
 * can be started again. Exit status: 0; 1 something failed, or was not as it must be. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

#define TEXTS 20

struct text {
	char bytes[32];
};

struct tokens {
	char first[16], second[16];
};

WEIR_TYPE_PLAIN(text, struct text);
WEIR_TYPE_PLAIN(tokens, struct tokens);
WEIR_TYPE_PLAIN(num, int64_t);
WEIR_PIPELINE_DECLARE(line, text, num);

/* What the program looks at. Setup and close run in one task, when no value is inside. */
struct run {
	char diary[64]; /* what was opened and closed: "+t+l-l-t" */
	weir_atomic unwell;
	int64_t sum;
	uint64_t good, bad;
};

static void note(struct run *run, const char *what)
{
	size_t n = strlen(run->diary);
	snprintf(run->diary + n, sizeof(run->diary) - n, "%s", what);
}

/* ---- the stages ---- */

static int tokenise(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct text *text = in;
	struct tokens *tokens = out;
	(void)ctx, (void)arg;
	if (sscanf(text->bytes, "%15s %15s", tokens->first, tokens->second) != 2)
		return weir_fail(err, WEIR_EUSER - 1, "'%s' is not two words", text->bytes);
	return 0;
}

static int look_up(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct tokens *tokens = in;
	(void)ctx, (void)err, (void)arg;
	*(int64_t *)out = (int64_t)(strlen(tokens->first) * 10 + strlen(tokens->second));
	return 0;
}

#define DIARY_DECLARE(fn, what)                                   \
	static int fn(weir_ctx *ctx_, weir_err *err_, void *run_) \
	{                                                         \
		(void)ctx_, (void)err_;                           \
		note(run_, what);                                 \
		return 0;                                         \
	}                                                         \
	struct token_##fn

DIARY_DECLARE(tokenise_open, "+t");
DIARY_DECLARE(tokenise_close, "-t");
DIARY_DECLARE(look_up_open, "+l");
DIARY_DECLARE(look_up_close, "-l");

static int look_up_health(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct run *run = arg;
	(void)ctx;
	return weir_atomic_load(&run->unwell) ? weir_fail(err, WEIR_EUSER - 2, "the table is stale") : 0;
}

static weir_stage *chain(weir_rt *rt, struct run *run)
{
	const struct weir_stage_opts first = {
		.name = "tokenise",
		.in = text_type(),
		.out = tokens_type(),
		.process = tokenise,
		.arg = run,
		.lifecycle = {.setup = tokenise_open, .close = tokenise_close},
	};
	const struct weir_stage_opts second = {
		.name = "look_up",
		.in = tokens_type(),
		.out = num_type(),
		.process = look_up,
		.arg = run,
		.lifecycle = {.setup = look_up_open, .close = look_up_close, .health = look_up_health},
	};
	return weir_then(weir_stage_new(rt, &first), weir_stage_new(rt, &second));
}

/* ---- its use ---- */

static int produce(weir_ctx *ctx, weir_err *err, line_jobs *jobs)
{
	int rc = 0;
	(void)err;
	for (int i = 0; i < TEXTS && rc == 0; i++) {
		struct line_job job = {.head.id = (uint64_t)i};
		snprintf(job.in.bytes, sizeof(job.in.bytes), i % 4 == 3 ? "alone" : "two words");
		rc = line_send(ctx, *jobs, &job);
	}
	line_jobs_close(jobs);
	return rc;
}
WEIR_TASK_DECLARE(produce, line_jobs);

/* All texts through the stage; WEIR_ENOTSTARTED where it lets none of them in. */
static int through(weir_ctx *ctx, weir_err *err, weir_stage *st, struct run *run)
{
	const struct weir_pipeline_opts opts = {.stage = st, .workers = 3, .name = "line"};
	line_jobs jobs = {0};
	line_results results = {0};
	struct line_result r;
	uint64_t refused = 0;
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = line_start(&s, &opts, &jobs, &results, NULL);
	run->sum = 0;
	run->good = run->bad = 0;
	if (rc == 0)
		rc = produce_spawn(&s, &jobs);
	while (rc >= 0 && (rc = line_recv(ctx, results, &r)) > 0) {
		run->sum += r.head.rc == 0 ? r.value : 0;
		run->good += r.head.rc == 0;
		run->bad += r.head.rc == WEIR_EUSER - 1;
		refused += r.head.rc == WEIR_ENOTSTARTED;
		line_result_drop(&r);
	}
	line_results_close(&results);
	rc = weir_scope_join(ctx, &s, rc, err);
	line_jobs_close(&jobs);
	return rc == 0 && refused == TEXTS ? WEIR_ENOTSTARTED : rc;
}

/* rc as it was to be is 0; anything else is a failure, whose own code is kept where it has one. */
static int want(int rc, int wanted, weir_err *err, const char *what)
{
	if (rc == wanted)
		weir_err_fini(err);
	else if (rc == 0 || rc == WEIR_ENOTSTARTED)
		return weir_fail(err, WEIR_EUSER - 3, "%s: %s instead of %s", what, weir_err_name(rc),
				 weir_err_name(wanted));
	return rc == wanted ? 0 : rc;
}

static int started(weir_ctx *ctx, weir_err *err, weir_service *svc, weir_stage *st, struct run *run)
{
	struct weir_err_info where = {0};
	weir_err said = {0};
	int rc = want(weir_service_health(ctx, svc, err), 0, err, "the health of a service that is well");
	if (rc == 0)
		rc = want(through(ctx, err, st, run), 0, err, "values through a service");
	if (rc == 0 && (run->good != 15 || run->bad != 5 || run->sum != (int64_t)15 * 35))
		rc = weir_fail(err, WEIR_EUSER - 4, "not the results that were expected");
	if (rc < 0)
		return rc;
	weir_atomic_store(&run->unwell, 1);
	rc = weir_service_health(ctx, svc, &said);
	weir_atomic_store(&run->unwell, 0);
	/* A health check asks all stages; each that is not well is a member of the failure. */
	bool found = weir_err_as(weir_err_member(&said, 0, NULL), WEIR_EUSER - 2, &where) && where.name &&
		     strcmp(where.name, "look_up") == 0;
	weir_err_fini(&said);
	if (rc == WEIR_EUSER - 2 && !found)
		return weir_fail(err, WEIR_EUSER - 5, "the health check did not find the stage that is not well");
	return want(rc, WEIR_EUSER - 2, err, "the health of a service that is not well");
}

static int serve(weir_ctx *ctx, weir_err *err, weir_service *svc, weir_stage *st, struct run *run)
{
	int rc = weir_stage_check(st, err);
	if (rc == 0)
		rc = want(through(ctx, err, st, run), WEIR_ENOTSTARTED, err, "values before the start");
	for (int turn = 0; turn < 2 && rc == 0; turn++) {
		rc = weir_service_start(ctx, svc, err);
		if (rc < 0)
			break;
		rc = started(ctx, err, svc, st, run);
		int stopped = weir_service_stop(ctx, svc, rc == 0 ? err : NULL);
		rc = rc == 0 ? stopped : rc;
	}
	if (rc == 0)
		rc = want(through(ctx, err, st, run), WEIR_ENOTSTARTED, err, "values after the stop");
	if (rc == 0 && strcmp(run->diary, "+t+l-l-t+t+l-l-t") != 0)
		rc = weir_fail(err, WEIR_EUSER - 6, "opened and closed in the wrong order: %s", run->diary);
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct run run = {0};
	weir_service svc;
	const bool *quiet = arg;
	weir_atomic_init(&run.unwell, weir_ctx_rt(ctx), 0);
	weir_service_init(&svc, weir_ctx_rt(ctx), NULL);
	weir_stage *st = weir_service_stage(chain(weir_ctx_rt(ctx), &run), &svc);
	int rc = serve(ctx, err, &svc, st, &run);
	weir_stage_free(&st);
	weir_service_fini(&svc);
	weir_atomic_fini(&run.unwell);
	if (rc == 0 && !(quiet && *quiet))
		printf("opened and closed twice: %s; each time 15 texts were looked up, and 5 refused\n", run.diary);
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}
