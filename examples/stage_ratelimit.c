/* SPDX-License-Identifier: MIT
 *
 * stage_ratelimit - requests that go on no faster than a bucket of tokens allows.
 *
 *     $ stage_ratelimit
 *     6 requests, 3 at once and then one each 10 ms: 6 done, the last after 30 ms or more
 *     no token, and no time to wait: WEIR_ELIMITED
 *     with a new rate: ok
 *
 * A request waits in line for its token; one that would wait in vain is refused at once, and told how long it would
 * take. The rate can be changed while the bucket is in use. Exit status: 0 all is as above; 1 it is not. */
#include <stdio.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define REQUESTS 6
#define BURST 3
#define GAP WEIR_MS(10)

WEIR_TYPE_PLAIN(number, int);
WEIR_TYPE_PLAIN(when, int64_t);

static int note_time(weir_ctx *ctx, const number_t *in, when_t *out, weir_err *err, void *arg)
{
	(void)in;
	(void)err;
	(void)arg;
	*out = weir_rt_now(weir_ctx_rt(ctx));
	return 0;
}
WEIR_STAGE_DECLARE(note_time, number, when);

struct limit_report {
	int code[REQUESTS];
	int64_t after_ns[REQUESTS]; /* the bucket was made */
	int64_t retry_ns;           /* until the token would be there that was asked for in vain */
};

typedef int limit_fn(weir_ctx *ctx, weir_call *call, weir_bucket *bucket, struct limit_report *report);

static int limit_one(weir_ctx *ctx, weir_call *call, int i, struct limit_report *report)
{
	weir_err failure = {0};
	struct weir_err_info info;
	when_t when = 0;
	int rc = weir_call_process(ctx, call, &i, &when, &failure);
	report->code[i] = rc;
	report->after_ns[i] = rc == 0 ? when - report->after_ns[i] : 0;
	if (weir_err_as(&failure, WEIR_ELIMITED, &info))
		report->retry_ns = info.value;
	weir_err_fini(&failure);
	return rc;
}

/* All of them, each when it is its turn. */
static int limit_all(weir_ctx *ctx, weir_call *call, weir_bucket *bucket, struct limit_report *report)
{
	int rc = 0;
	(void)bucket;
	for (int i = 0; i < REQUESTS && rc == 0; i++)
		rc = limit_one(ctx, call, i, report);
	return rc;
}

/* One that takes the only token, one that is refused, and one with a new rate. */
static int limit_refuse(weir_ctx *ctx, weir_call *call, weir_bucket *bucket, struct limit_report *report)
{
	int rc = limit_one(ctx, call, 0, report);
	if (rc == 0 && limit_one(ctx, call, 1, report) == WEIR_ECANCELED)
		return WEIR_ECANCELED;
	if (rc == 0)
		rc = weir_bucket_set_rate(bucket, 1, WEIR_MS(1));
	if (rc == 0)
		rc = weir_sleep(ctx, WEIR_MS(1));
	return rc == 0 ? limit_one(ctx, call, 2, report) : rc;
}

static int limit_run(weir_ctx *ctx, const struct weir_bucket_opts *rate, int64_t max_wait_ns, limit_fn *fn,
		     struct limit_report *report, weir_err *err)
{
	weir_bucket bucket;
	weir_call *call = NULL;
	weir_scope s;
	for (int i = 0; i < REQUESTS; i++)
		report->after_ns[i] = weir_rt_now(weir_ctx_rt(ctx));
	int rc = weir_bucket_init(&bucket, weir_ctx_rt(ctx), rate);
	if (rc < 0)
		return rc;
	weir_stage *stage =
		weir_limit_stage_with(note_time_stage(weir_ctx_rt(ctx), NULL),
				      &(struct weir_limiter_opts){.bucket = &bucket, .max_wait_ns = max_wait_ns});
	weir_scope_init(&s, ctx);
	rc = weir_stage_check(stage, err);
	if (rc == 0)
		rc = weir_call_new(&s, stage, &call);
	if (rc == 0)
		rc = fn(ctx, call, &bucket, report);
	weir_call_free(&call);
	weir_stage_free(&stage);
	weir_bucket_fini(&bucket); /* after the stage that borrows it */
	return weir_scope_join(ctx, &s, rc, err);
}

static const struct weir_bucket_opts limit_steady = {.tokens = 1, .period_ns = GAP, .burst = BURST};
static const struct weir_bucket_opts limit_scarce = {.tokens = 1, .period_ns = WEIR_SEC(3600), .burst = 1};

static int limit_app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct limit_report all = {0}, one = {0};
	(void)arg;
	int rc = limit_run(ctx, &limit_steady, WEIR_FOREVER, limit_all, &all, err);
	for (int i = 0; i < REQUESTS && rc == 0; i++) {
		if (all.after_ns[i] < (i - BURST + 1) * GAP)
			rc = weir_fail(err, WEIR_EUSER - 1, "request %d came too early", i);
	}
	if (rc == 0)
		rc = limit_run(ctx, &limit_scarce, WEIR_LIMITER_NO_WAIT, limit_refuse, &one, err);
	if (rc < 0)
		return rc;
	printf("%d requests, %d at once and then one each %d ms: %d done, the last after 30 ms or more\n", REQUESTS,
	       BURST, (int)(GAP / WEIR_MS(1)), REQUESTS);
	printf("no token, and no time to wait: %s\n", weir_err_name(one.code[1]));
	printf("with a new rate: %s\n", one.code[2] ? weir_err_name(one.code[2]) : "ok");
	if (one.code[1] != WEIR_ELIMITED || one.retry_ns <= 0 || one.retry_ns > WEIR_SEC(3600))
		return weir_fail(err, WEIR_EUSER - 1, "it should have been refused, and told how long it takes");
	return 0;
}

int main(void)
{
	return weir_main(limit_app, NULL);
}
