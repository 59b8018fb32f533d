/* SPDX-License-Identifier: MIT
 *
 * weir_pipeline_attach: workers on a jobs channel that exists already; the run takes its receiving end. */
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
	struct weir_pipeline_opts opts = {.handler = square, .result_buffer = 2};
	const weir_type job_type = weir_job_type(&num);
	weir_tx *jobs = NULL;
	weir_rx *intake = NULL, *results = NULL;
	weir_scope s;
	struct result r;
	(void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &job_type, 2, &jobs, &intake) == 0);
	CHECK(weir_tx_send(ctx, jobs, &(struct job){.in = 3}) == 0); /* work before there is a worker */
	weir_tx_close(&jobs);
	weir_scope_init(&s, ctx);
	CHECK(weir_pipeline_attach(&s, &num, &num, &opts, &results, &results, NULL) == WEIR_EBADF); /* no jobs */
	CHECK(weir_pipeline_attach(&s, &num, &num, &opts, &intake, &results, NULL) == 0 && !intake);
	CHECK(weir_rx_recv(ctx, results, &r) == 1 && r.head.rc == 0 && r.value == 9);
	CHECK(weir_rx_recv(ctx, results, &r) == 0);
	weir_rx_close(&results);
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
