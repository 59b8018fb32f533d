/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_rt: a function that was given a context needs no other way to the runtime: clock, memory, channels. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	(void)err, (void)arg;
	weir_rt *rt = weir_ctx_rt(ctx);
	CHECK(weir_rt_now(rt) >= 0);
	CHECK(weir_chan_new(rt, &num, 1, &tx, &rx) == 0);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	weir_ctx child;
	weir_ctx_init(&child, ctx, WEIR_FOREVER);
	CHECK(weir_ctx_rt(&child) == rt); /* the same all the way down */
	weir_ctx_fini(&child);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
