/* SPDX-License-Identifier: MIT
 *
 * weir_job_type: the element of a jobs channel, for a program that makes that channel itself. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

struct job {
	struct weir_job_head head;
	int in;
};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *jobs = NULL;
	weir_rx *intake = NULL;
	struct job got;
	(void)err, (void)arg;
	const weir_type type = weir_job_type(&num);
	CHECK(type.size == sizeof(struct job));
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &type, 2, &jobs, &intake) == 0); /* for weir_pipeline_attach */
	CHECK(weir_tx_send(ctx, jobs, &(struct job){.head = {.id = 9, .timeout_ns = WEIR_SEC(1)}, .in = 3}) == 0);
	CHECK(weir_rx_recv(ctx, intake, &got) == 1 && got.head.id == 9 && got.in == 3);
	weir_tx_close(&jobs);
	weir_rx_close(&intake);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
