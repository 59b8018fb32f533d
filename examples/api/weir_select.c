/* SPDX-License-Identifier: MIT
 *
 * weir_select: waits for one of several, and commits exactly one: what was not chosen has not happened. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_ctx limit;
	int in = 1, out = 0;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 1, &tx, &rx) == 0);
	for (int i = 0; i < 10; i++) { /* never both: there is room, or there is an item */
		weir_case cases[2] = {weir_case_send(tx, &in), weir_case_recv(rx, &out)};
		int index = weir_select(ctx, cases, 2);
		CHECK(index == i % 2);
		CHECK(cases[index].rc == (index == 0 ? 0 : 1));
	}
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(100)));
	weir_case empty = weir_case_recv(rx, &out);
	CHECK(weir_select(&limit, &empty, 1) == WEIR_EDEADLINE); /* the context ends every wait */
	weir_ctx_fini(&limit);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
