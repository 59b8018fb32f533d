/* SPDX-License-Identifier: MIT
 *
 * weir_tx_clone: two producers, one sending end each: the channel ends when the last of them has closed his. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)err;
	for (int i = 1; i <= 3 && rc == 0; i++)
		rc = weir_tx_send(ctx, *(weir_tx **)arg, &i);
	weir_tx_close(arg);
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx[2] = {NULL, NULL};
	weir_rx *rx = NULL;
	weir_scope s;
	int n, sum = 0, rc;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 0, &tx[0], &rx) == 0);
	CHECK(weir_tx_clone(tx[0], 1, &tx[1]) == 0);
	CHECK(weir_tx_clone(NULL, 1, &tx[1]) == WEIR_EBADF);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "first", produce, &tx[0]) == 0);
	CHECK(weir_scope_spawn(&s, "second", produce, &tx[1]) == 0);
	while ((rc = weir_rx_recv(ctx, rx, &n)) > 0)
		sum += n;
	CHECK(weir_scope_join(ctx, &s, rc, NULL) == 0);
	CHECK(sum == 12 && !tx[0] && !tx[1]);
	weir_rx_close(&rx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
