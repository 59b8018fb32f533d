/* SPDX-License-Identifier: MIT
 *
 * weir_rx_recv: 1 is an item, 0 the end, negative an error: the loop every consumer is. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int n, rc, sum = 0;
	weir_ctx limit;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 4, &tx, &rx) == 0);
	for (int i = 1; i <= 4; i++)
		CHECK(weir_tx_send(ctx, tx, &i) == 0);
	while (sum < 10 && (rc = weir_rx_recv(ctx, rx, &n)) > 0)
		sum += n;
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(100)));
	CHECK(weir_rx_recv(&limit, rx, &n) == WEIR_EDEADLINE); /* empty, and nobody sends */
	weir_ctx_fini(&limit);
	weir_tx_close(&tx);
	CHECK(weir_rx_recv(ctx, rx, &n) == 0);
	CHECK(sum == 10);
	weir_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
