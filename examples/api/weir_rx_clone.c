/* SPDX-License-Identifier: MIT
 *
 * weir_rx_clone: two consumers share the work: each item goes to one of them. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

struct worker {
	weir_rx *rx;
	int sum;
};

static int work(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *me = arg;
	int n, rc;
	(void)err;
	while ((rc = weir_rx_recv(ctx, me->rx, &n)) > 0)
		me->sum += n;
	weir_rx_close(&me->rx);
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker workers[2] = {0};
	weir_tx *tx = NULL;
	weir_scope s;
	int rc = 0;
	(void)err, (void)arg;
	CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 2, &tx, &workers[0].rx) == 0);
	CHECK(weir_rx_clone(workers[0].rx, 1, &workers[1].rx) == 0);
	CHECK(weir_rx_clone(NULL, 1, &workers[1].rx) == WEIR_EBADF);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++)
		CHECK(weir_scope_spawn(&s, "worker", work, &workers[i]) == 0);
	for (int i = 1; i <= 10 && rc == 0; i++)
		rc = weir_tx_send(ctx, tx, &i);
	weir_tx_close(&tx); /* the workers end when the channel is empty */
	CHECK(weir_scope_join(ctx, &s, rc, NULL) == 0);
	CHECK(workers[0].sum + workers[1].sum == 55);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
