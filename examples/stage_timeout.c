/* SPDX-License-Identifier: MIT
 *
 * stage_timeout - work that is given so long, and not longer.
 *
 *     $ stage_timeout
 *     quick work: ok
 *     slow work: WEIR_ETIMEOUT, it had 100 ms
 *     slow work, an impatient caller: WEIR_EDEADLINE
 *
 * The work runs under a context that ends when its time is over: so it must wait with that context, as weir_sleep does
 * here. The limit of the stage and the deadline of the caller are told apart. Exit status: 0 all is as above; 1 it is
 * not. */
#include <stdio.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define LIMIT WEIR_MS(100)

WEIR_TYPE_PLAIN(latency, int64_t);
WEIR_TYPE_PLAIN(done, int);

static int work(weir_ctx *ctx, const latency_t *in, done_t *out, weir_err *err, void *arg)
{
	int rc = weir_sleep(ctx, *in);
	(void)err;
	(void)arg;
	if (rc == 0)
		*out = 1;
	return rc;
}
WEIR_STAGE_DECLARE(work, latency, done);

struct timeout_report {
	int code;         /* of the work; what is returned says whether it could be begun */
	int64_t limit_ns; /* that it had, where it was too slow */
};

/* Works for latency_ns, for a caller who waits patience_ns (WEIR_FOREVER: as long as it takes). */
static int timeout_run(weir_ctx *ctx, int64_t latency_ns, int64_t patience_ns, struct timeout_report *report,
		       weir_err *err)
{
	weir_stage *stage = weir_timeout(work_stage(weir_ctx_rt(ctx), NULL), LIMIT);
	weir_call *call = NULL;
	weir_err failure = {0};
	struct weir_err_info info = {0};
	weir_scope s;
	weir_ctx caller;
	done_t done = 0;
	weir_scope_init(&s, ctx);
	int rc = weir_stage_check(stage, err);
	if (rc == 0)
		rc = weir_call_new(&s, stage, &call);
	if (rc == 0) {
		int64_t begin = weir_rt_now(weir_ctx_rt(ctx));
		weir_ctx_init(&caller, ctx, patience_ns == WEIR_FOREVER ? WEIR_FOREVER : begin + patience_ns);
		report->code = weir_call_process(&caller, call, &latency_ns, &done, &failure);
		weir_ctx_fini(&caller);
		if (weir_err_as(&failure, WEIR_ETIMEOUT, &info))
			report->limit_ns = info.value;
	}
	if (rc == 0 && report->code == 0 && done != 1)
		rc = weir_fail(err, WEIR_EUSER - 1, "a success without a value");
	weir_err_fini(&failure);
	weir_call_free(&call);
	weir_stage_free(&stage);
	return weir_scope_join(ctx, &s, rc, err);
}

static int timeout_app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct timeout_report quick = {0}, slow = {0}, impatient = {0};
	(void)arg;
	int rc = timeout_run(ctx, WEIR_MS(1), WEIR_FOREVER, &quick, err);
	if (rc == 0)
		rc = timeout_run(ctx, WEIR_SEC(3600), WEIR_FOREVER, &slow, err);
	if (rc == 0)
		rc = timeout_run(ctx, WEIR_SEC(3600), WEIR_MS(10), &impatient, err);
	if (rc < 0)
		return rc;
	printf("quick work: %s\n", quick.code ? weir_err_name(quick.code) : "ok");
	printf("slow work: %s, it had %d ms\n", weir_err_name(slow.code), (int)(slow.limit_ns / WEIR_MS(1)));
	printf("slow work, an impatient caller: %s\n", weir_err_name(impatient.code));
	if (quick.code != 0 || slow.code != WEIR_ETIMEOUT || slow.limit_ns != LIMIT)
		return weir_fail(err, WEIR_EUSER - 1, "the limit is not what was told");
	if (impatient.code != WEIR_EDEADLINE || impatient.limit_ns != 0)
		return weir_fail(err, WEIR_EUSER - 1, "the caller's deadline is not the limit of the stage");
	return 0;
}

int main(void)
{
	return weir_main(timeout_app, NULL);
}
