/* SPDX-License-Identifier: MIT
 *
 * weir_case_send: sends to whichever of two channels has room. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx[2] = {NULL, NULL};
	weir_rx *rx[2] = {NULL, NULL};
	int n = 5, got = 0;
	(void)err, (void)arg;
	for (int i = 0; i < 2; i++)
		CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 1, &tx[i], &rx[i]) == 0);
	CHECK(weir_tx_send(ctx, tx[0], &n) == 0); /* the first is full */
	weir_case cases[2] = {weir_case_send(tx[0], &n), weir_case_send(tx[1], &n)};
	CHECK(weir_select(ctx, cases, 2) == 1 && cases[1].rc == 0);
	CHECK(weir_rx_recv(ctx, rx[1], &got) == 1 && got == 5);
	weir_rx_close(&rx[1]);
	cases[1] = weir_case_send(tx[1], &n);
	CHECK(weir_select(ctx, cases, 2) == 1 && cases[1].rc == WEIR_EPIPE); /* its reader has left */
	for (int i = 0; i < 2; i++) {
		weir_tx_close(&tx[i]);
		weir_rx_close(&rx[i]);
	}
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
