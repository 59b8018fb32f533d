/* SPDX-License-Identifier: MIT
 *
 * stage_retry - a service that fails now and then, tried again with delays that double.
 *
 *     $ stage_retry
 *     works at the third attempt: 3 attempts, delays of 3 ms: ok
 *     never works: 4 attempts, delays of 7 ms: WEIR_EEXHAUSTED
 *     a bad request: 1 attempts, delays of 0 ms: user error
 *
 * What another attempt does not mend is not tried again (retry_if). The delays have no jitter here, so that they can be
 * told; a real program leaves backoff.jitter at its default. Exit status: 0 all is as above; 1 it is not. */
#include <stdio.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define UNAVAILABLE (WEIR_EUSER - 1)
#define BAD_REQUEST (WEIR_EUSER - 2)

WEIR_TYPE_PLAIN(request, int);
WEIR_TYPE_PLAIN(reply, int);

struct retry_service {
	uint32_t works_at; /* the attempt that succeeds; 0: none */
	int code;          /* of the others */
	uint32_t attempts; /* so far */
	int64_t delays_ns; /* all together */
};

static int ask(weir_ctx *ctx, const request_t *in, reply_t *out, weir_err *err, void *arg)
{
	struct retry_service *service = arg;
	(void)ctx;
	if (++service->attempts != service->works_at)
		return weir_fail(err, service->code, "attempt %u", service->attempts);
	*out = *in * 2;
	return 0;
}
WEIR_STAGE_DECLARE(ask, request, reply);

static bool worth_it(int code, const weir_err *failure, void *arg)
{
	(void)failure;
	(void)arg;
	return code == UNAVAILABLE;
}

static void told(uint32_t attempt, const weir_err *failure, int64_t delay_ns, void *arg)
{
	struct retry_service *service = arg;
	(void)attempt;
	(void)failure;
	service->delays_ns += delay_ns;
}

/* Asks for 21. How the service answers is in *code and *reply; the result says whether it could be asked. */
static int retry_run(weir_ctx *ctx, struct retry_service *service, int *code, reply_t *reply, weir_err *err)
{
	const struct weir_retry_opts opts = {
		.max_attempts = 4,
		.backoff = {.base_ns = WEIR_MS(1), .jitter = WEIR_JITTER_NONE},
		.retry_if = worth_it,
		.on_retry = told,
		.arg = service,
	};
	weir_stage *stage = weir_retry(ask_stage(weir_ctx_rt(ctx), service), &opts);
	weir_call *call = NULL;
	weir_err failure = {0};
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_stage_check(stage, err);
	if (rc == 0)
		rc = weir_call_new(&s, stage, &call);
	if (rc == 0)
		*code = weir_call_process(ctx, call, &(request_t){21}, reply, &failure);
	weir_err_fini(&failure);
	weir_call_free(&call);
	weir_stage_free(&stage);
	return weir_scope_join(ctx, &s, rc, err);
}

static int retry_case(weir_ctx *ctx, const char *name, struct retry_service service, struct retry_service wanted,
		      weir_err *err)
{
	reply_t reply = 0;
	int code = 0;
	int rc = retry_run(ctx, &service, &code, &reply, err);
	if (rc < 0)
		return rc;
	printf("%s: %u attempts, delays of %d ms: %s\n", name, service.attempts, (int)(service.delays_ns / WEIR_MS(1)),
	       code ? weir_err_name(code) : "ok");
	if (code != wanted.code || service.attempts != wanted.attempts || service.delays_ns != wanted.delays_ns ||
	    (code == 0 && reply != 42))
		return weir_fail(err, WEIR_EUSER - 3, "%s: not as it should be", name);
	return 0;
}

static int retry_app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	int rc = retry_case(ctx, "works at the third attempt",
			    (struct retry_service){.works_at = 3, .code = UNAVAILABLE},
			    (struct retry_service){.attempts = 3, .delays_ns = WEIR_MS(1 + 2)}, err);
	if (rc == 0)
		rc = retry_case(ctx, "never works", (struct retry_service){.code = UNAVAILABLE},
				(struct retry_service){.code = WEIR_EEXHAUSTED,
						       .attempts = 4,
						       .delays_ns = WEIR_MS(1 + 2 + 4)},
				err);
	if (rc == 0)
		rc = retry_case(ctx, "a bad request", (struct retry_service){.code = BAD_REQUEST},
				(struct retry_service){.code = BAD_REQUEST, .attempts = 1}, err);
	return rc;
}

int main(void)
{
	return weir_main(retry_app, NULL);
}
