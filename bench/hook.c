/* SPDX-License-Identifier: MIT
 *
 * What the hook costs in production: the time of operations that do almost nothing else, on one thread.
 * bench/hook.sh runs this program and the same program with a library without hooks (-DWEIR_NO_HOOKS) in turn, and
 * prints the ratio. Output: one line of numbers, ns per operation: a context poll, a try_send + try_recv pair, a
 * send + recv pair through a buffer. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weir/weir.h>

#define LOOPS 2000000

static const weir_type number = {.name = "number", .size = sizeof(long), .align = _Alignof(long)};

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int measure(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	long value = 0, sum = 0;
	double at[4];
	int rc = weir_chan_new(weir_ctx_rt(ctx), &number, 64, &tx, &rx);
	(void)arg;
	at[0] = seconds();
	for (long i = 0; rc == 0 && i < LOOPS; i++)
		rc = weir_ctx_err(ctx);
	at[1] = seconds();
	for (long i = 0; rc == 0 && i < LOOPS; i++) {
		rc = weir_tx_try_send(tx, &i);
		if (rc == 0 && weir_rx_try_recv(rx, &value) == 1)
			sum += value;
	}
	at[2] = seconds();
	for (long i = 0; rc == 0 && i < LOOPS; i++) {
		rc = weir_tx_send(ctx, tx, &i);
		if (rc == 0 && weir_rx_recv(ctx, rx, &value) == 1)
			sum += value;
	}
	at[3] = seconds();
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	if (rc == 0 && sum != 2 * ((long)LOOPS * (LOOPS - 1) / 2))
		rc = weir_fail(err, WEIR_EIO, "the sum is wrong: %ld", sum);
	for (int i = 0; rc == 0 && i < 3; i++)
		printf("%.2f%c", (at[i + 1] - at[i]) * 1e9 / LOOPS, i < 2 ? ' ' : '\n');
	return rc;
}

int main(void)
{
	return weir_main(measure, NULL);
}
