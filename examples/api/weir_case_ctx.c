/* SPDX-License-Identifier: MIT
 *
 * weir_case_ctx: waits for an item and for the end of another context, which is not a failure here but a case. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_ctx other;
	int n = 0;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 1, &tx, &rx) == 0);
	weir_ctx_init(&other, ctx, WEIR_FOREVER);
	weir_case cases[2] = {weir_case_recv(rx, &n), weir_case_ctx(&other)};
	CHECK(weir_try_select(cases, 2) == WEIR_EAGAIN);
	weir_ctx_cancel(&other, "the other side is done");
	CHECK(weir_select(ctx, cases, 2) == 1 && cases[1].rc == WEIR_ECANCELED);
	CHECK(weir_ctx_err(ctx) == 0); /* ours goes on */
	weir_ctx_fini(&other);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
