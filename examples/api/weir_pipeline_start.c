/* SPDX-License-Identifier: MIT
 *
 * weir_pipeline_start: two workers, with both channels made by the run. typed.h has the same with types that are
 * checked. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

struct job {
	struct weir_job_head head;
	int in;
};

struct result {
	struct weir_result_head head;
	int value;
};

static int square(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*(int *)out = *(const int *)in * *(const int *)in;
	return weir_ctx_err(ctx);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_pipeline_opts opts = {.handler = square, .workers = 2, .job_buffer = 4, .result_buffer = 4};
	weir_tx *jobs = NULL;
	weir_rx *results = NULL;
	weir_scope s;
	struct result r;
	int rc = 0, sum = 0;
	(void)arg;
	weir_scope_init(&s, ctx);
	CHECK(weir_pipeline_start(&s, &num, &num, NULL, &jobs, &results, NULL) == WEIR_EINVAL); /* no handler */
	CHECK(weir_pipeline_start(&s, &num, &num, &opts, &jobs, &results, NULL) == 0);
	for (int i = 1; i <= 4 && rc == 0; i++)
		rc = weir_tx_send(ctx, jobs, &(struct job){.head = {.id = (uint64_t)i}, .in = i});
	weir_tx_close(&jobs); /* no more: the workers finish, and the results end */
	while (rc >= 0 && (rc = weir_rx_recv(ctx, results, &r)) > 0)
		sum += r.head.rc == 0 ? r.value : 0;
	weir_rx_close(&results);
	CHECK(weir_scope_join(ctx, &s, rc, err) == 0 && sum == 30);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
