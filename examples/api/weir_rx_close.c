/* SPDX-License-Identifier: MIT
 *
 * weir_rx_close: the last receiving end releases the senders, and what nobody received is dropped, exactly once. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int dropped;

static void ticket_drop(void *item, void *arg)
{
	(void)item, (void)arg;
	dropped++;
}
static const weir_type ticket = {.name = "ticket", .size = sizeof(int), .drop = ticket_drop};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int id = 1;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &ticket, 4, &tx, &rx) == 0);
	CHECK(weir_tx_send(ctx, tx, &id) == 0);
	CHECK(weir_tx_send(ctx, tx, &id) == 0);
	weir_rx_close(&rx);
	CHECK(rx == NULL && dropped == 2);
	CHECK(weir_tx_send(ctx, tx, &id) == WEIR_EPIPE && dropped == 2); /* this one is still ours */
	weir_rx_close(&rx);                                              /* again: allowed */
	weir_tx_close(&tx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
