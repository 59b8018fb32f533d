/* SPDX-License-Identifier: MIT
 *
 * weir_case_recv: receives from two channels until both have ended; an end that is NULL is a case switched off. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx[2] = {NULL, NULL};
	weir_rx *rx[2] = {NULL, NULL};
	int n, sum = 0;
	(void)err, (void)arg;
	for (int i = 0; i < 2; i++) {
		CHECK(weir_chan_new(weir_ctx_rt(ctx), &num, 2, &tx[i], &rx[i]) == 0);
		CHECK(weir_tx_send(ctx, tx[i], &(int){1}) == 0);
		CHECK(weir_tx_send(ctx, tx[i], &(int){10}) == 0);
		weir_tx_close(&tx[i]);
	}
	while (rx[0] || rx[1]) {
		weir_case cases[2] = {weir_case_recv(rx[0], &n), weir_case_recv(rx[1], &n)};
		int i = weir_select(ctx, cases, 2);
		if (i < 0)
			return i;
		if (cases[i].rc == 1)
			sum += n;
		else
			weir_rx_close(&rx[i]); /* its end: NULL from now on */
	}
	CHECK(sum == 22);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
