/* SPDX-License-Identifier: MIT
 *
 * stage_circuit - a breaker in front of a service that goes down and comes back.
 *
 *     $ stage_circuit
 *     call 1: user error, breaker closed
 *     call 2: user error, breaker closed
 *     call 3: user error, breaker open
 *     call 4: WEIR_EOPEN, breaker open
 *     (the service is back, and the breaker is given its time)
 *     call 5: ok, breaker half-open
 *     call 6: ok, breaker closed
 *     6 calls, 5 of them reached the service
 *
 * Three failures in a row open it; from then on calls fail at once, and the failure says when to try again. After that
 * time two successes close it. Exit status: 0 all is as above; 1 it is not. */
#include <stdio.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CALLS 6
#define OPEN_FOR WEIR_MS(250)
#define SERVICE_DOWN (WEIR_EUSER - 1)

WEIR_TYPE_PLAIN(question, int);
WEIR_TYPE_PLAIN(answer, int);

struct circuit_service {
	bool down;
	int reached; /* calls so far */
};

static int reach(weir_ctx *ctx, const question_t *in, answer_t *out, weir_err *err, void *arg)
{
	struct circuit_service *service = arg;
	int rc = weir_sleep(ctx, WEIR_MS(1)); /* stands for the network */
	if (rc < 0)
		return rc;
	service->reached++;
	if (service->down)
		return weir_fail(err, SERVICE_DOWN, "the service is down");
	*out = -*in;
	return 0;
}
WEIR_STAGE_DECLARE(reach, question, answer);

struct circuit_report {
	int code[CALLS];
	enum weir_breaker_mode mode[CALLS]; /* after the call */
	int64_t try_again_ns;               /* what the call that was refused was told */
	int reached;
};

/* Calls until the breaker refuses, waits for as long as it says, and goes on. */
static int circuit_calls(weir_ctx *ctx, weir_call *call, weir_breaker *breaker, struct circuit_service *service,
			 struct circuit_report *report)
{
	struct weir_breaker_snapshot now;
	struct weir_err_info info;
	int rc = 0;
	for (int i = 0; i < CALLS && rc == 0; i++) {
		weir_err failure = {0};
		answer_t answer = 0;
		report->code[i] = weir_call_process(ctx, call, &i, &answer, &failure);
		weir_breaker_snapshot_get(ctx, breaker, &now);
		report->mode[i] = now.mode;
		if (weir_err_as(&failure, WEIR_EOPEN, &info)) {
			service->down = false;
			report->try_again_ns = info.value;
			rc = weir_sleep(ctx, info.value);
		}
		weir_err_fini(&failure);
	}
	report->reached = service->reached;
	return rc;
}

static int circuit_run(weir_ctx *ctx, struct circuit_report *report, weir_err *err)
{
	const struct weir_breaker_opts opts = {.failures = 3, .open_ns = OPEN_FOR, .successes = 2};
	struct circuit_service service = {.down = true};
	weir_breaker breaker;
	weir_call *call = NULL;
	weir_scope s;
	int rc = weir_breaker_init(&breaker, ctx, &opts);
	if (rc < 0)
		return rc;
	weir_stage *stage = weir_guard(reach_stage(weir_ctx_rt(ctx), &service), &breaker);
	weir_scope_init(&s, ctx);
	rc = weir_stage_check(stage, err);
	if (rc == 0)
		rc = weir_call_new(&s, stage, &call);
	if (rc == 0)
		rc = circuit_calls(ctx, call, &breaker, &service, report);
	weir_call_free(&call);
	weir_stage_free(&stage);
	weir_breaker_fini(&breaker); /* after the stage that borrows it */
	return weir_scope_join(ctx, &s, rc, err);
}

static int circuit_app(weir_ctx *ctx, weir_err *err, void *arg)
{
	static const int code[CALLS] = {SERVICE_DOWN, SERVICE_DOWN, SERVICE_DOWN, WEIR_EOPEN, 0, 0};
	static const enum weir_breaker_mode mode[CALLS] = {WEIR_BREAKER_CLOSED,    WEIR_BREAKER_CLOSED,
							   WEIR_BREAKER_OPEN,      WEIR_BREAKER_OPEN,
							   WEIR_BREAKER_HALF_OPEN, WEIR_BREAKER_CLOSED};
	struct circuit_report report = {0};
	(void)arg;
	int rc = circuit_run(ctx, &report, err);
	for (int i = 0; i < CALLS && rc == 0; i++) {
		printf("call %d: %s, breaker %s\n", i + 1, report.code[i] ? weir_err_name(report.code[i]) : "ok",
		       weir_breaker_mode_name(report.mode[i]));
		if (report.code[i] == WEIR_EOPEN)
			printf("(the service is back, and the breaker is given its time)\n");
		if (report.code[i] != code[i] || report.mode[i] != mode[i])
			rc = weir_fail(err, WEIR_EUSER - 2, "call %d: not as it should be", i + 1);
	}
	if (rc < 0)
		return rc;
	printf("%d calls, %d of them reached the service\n", CALLS, report.reached);
	if (report.reached != CALLS - 1 || report.try_again_ns <= 0 || report.try_again_ns > OPEN_FOR)
		return weir_fail(err, WEIR_EUSER - 2,
				 "who is refused does not reach it, and is told when to try again");
	return 0;
}

int main(void)
{
	return weir_main(circuit_app, NULL);
}
