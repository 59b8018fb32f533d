/* SPDX-License-Identifier: MIT
 *
 * weir_try_select: looks whether one of several can be done now. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int in = 9, out = 0;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 1, &tx, &rx) == 0);
	weir_case receive = weir_case_recv(rx, &out);
	CHECK(weir_try_select(&receive, 1) == WEIR_EAGAIN); /* nothing there */
	weir_case send = weir_case_send(tx, &in);
	CHECK(weir_try_select(&send, 1) == 0 && send.rc == 0);
	CHECK(weir_try_select(&send, 1) == WEIR_EAGAIN); /* full */
	CHECK(weir_try_select(&receive, 1) == 0 && receive.rc == 1 && out == 9);
	CHECK(weir_try_select(NULL, 0) == WEIR_EAGAIN); /* nothing to choose from */
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
