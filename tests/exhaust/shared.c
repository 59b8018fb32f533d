/* SPDX-License-Identifier: MIT
 *
 * The ledger of the exhaustive suites: an id is with its sender, received, or dropped, exactly once. */
#include "exhaust.h"

struct exhaust_ledger exhaust_led;

static void drop_id(void *item, void *arg)
{
	(void)arg;
	exhaust_led.dropped[*(const int *)item]++;
}

const weir_type exhaust_id = {.name = "id", .size = sizeof(int), .align = _Alignof(int), .drop = drop_id};

void exhaust_open(weir_ctx *ctx, size_t capacity, weir_tx **tx, weir_rx **rx)
{
	exhaust_led = (struct exhaust_ledger){.n_order = 0};
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &exhaust_id, capacity, tx, rx), 0);
}

void exhaust_sent(int id, int rc)
{
	WEIR_SIM_ASSERT(rc <= 0);
	exhaust_led.kept[id] += rc < 0;
}

void exhaust_got(int id)
{
	WEIR_SIM_ASSERT(id >= 0 && id < EXHAUST_IDS && exhaust_led.n_order < EXHAUST_IDS);
	exhaust_led.got[id]++;
	exhaust_led.order[exhaust_led.n_order++] = id;
}

int exhaust_send(weir_ctx *ctx, weir_tx *tx, int id)
{
	int rc = weir_tx_send(ctx, tx, &id);
	exhaust_sent(id, rc);
	return rc;
}

int exhaust_recv(weir_ctx *ctx, weir_rx *rx, int *id)
{
	*id = -1;
	int rc = weir_rx_recv(ctx, rx, id);
	WEIR_SIM_ASSERT(rc <= 1);
	WEIR_SIM_EQ(rc == 1, *id >= 0); /* untouched otherwise */
	if (rc == 1)
		exhaust_got(*id);
	return rc;
}

void exhaust_settle(int n)
{
	for (int i = 0; i < n; i++)
		WEIR_SIM_EQ(exhaust_led.got[i] + exhaust_led.dropped[i] + exhaust_led.kept[i], 1);
}

int exhaust_sum(const int *counts)
{
	int sum = 0;
	for (int i = 0; i < EXHAUST_IDS; i++)
		sum += counts[i];
	return sum;
}

void exhaust_start(weir_scope *s, const char *name, weir_task_fn *fn, void *arg)
{
	WEIR_SIM_EQ(weir_scope_spawn(s, name, fn, arg), 0);
}

void exhaust_join(weir_ctx *ctx, weir_scope *s)
{
	WEIR_SIM_EQ(weir_scope_join(ctx, s, 0, NULL), 0);
}
