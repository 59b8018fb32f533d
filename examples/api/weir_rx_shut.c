/* SPDX-License-Identifier: MIT
 *
 * weir_rx_shut: stopping without losing anything: shut the intake, receive until 0, close. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int n, rc, taken = 0;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 4, &tx, &rx) == 0);
	CHECK(weir_tx_send(ctx, tx, &(int){1}) == 0);
	CHECK(weir_tx_send(ctx, tx, &(int){2}) == 0);
	weir_rx_shut(rx);
	CHECK(weir_tx_send(ctx, tx, &(int){3}) == WEIR_EPIPE); /* producers are told */
	while ((rc = weir_rx_recv(ctx, rx, &n)) > 0)
		taken++;
	CHECK(rc == 0 && taken == 2); /* what was accepted is delivered, although tx is open */
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	weir_rx_shut(rx); /* NULL by now: allowed */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
