/* SPDX-License-Identifier: MIT
 *
 * weir_tx_try_send: what cannot be sent at once is thrown away: a counter for it, but no waiting. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int lost = 0;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 3, &tx, &rx) == 0);
	for (int i = 0; i < 5; i++) {
		int rc = weir_tx_try_send(tx, &i);
		CHECK(rc == 0 || rc == WEIR_EAGAIN);
		lost += rc == WEIR_EAGAIN;
	}
	CHECK(lost == 2);
	weir_rx_close(&rx);
	CHECK(weir_tx_try_send(tx, &lost) == WEIR_EPIPE);
	weir_tx_close(&tx);
	CHECK(weir_tx_try_send(tx, &lost) == WEIR_EBADF); /* closed: NULL */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
