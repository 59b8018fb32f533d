/* SPDX-License-Identifier: MIT
 *
 * Chapter 5, close is not drain: broken.c, repaired. At closing time the kitchen takes no more orders, cooks those it
 * has accepted, and closes its end when there are none left.
 *
 * Guests order, the kitchen cooks what was ordered. Guests do not stop by themselves, so the door tells the kitchen
 * when to stop: it listens for orders and for closing time. A guest whose order was accepted (send returned 0)
 * waits for a meal; one that was refused (WEIR_EPIPE) eats elsewhere. */
#include <weir/sim.h>
WEIR_TYPE_PLAIN(order, int);
WEIR_CHAN_DECLARE(order);
WEIR_TYPE_PLAIN(bell, char);
WEIR_CHAN_DECLARE(bell);

struct guests {
	order_tx orders;
	int accepted;
};

struct kitchen {
	order_rx orders;
	bell_rx closing;
	int handled;
};

static int eat(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct guests *guests = arg;
	(void)err;
	for (int i = 1; i <= 2 && order_send(ctx, guests->orders, &i) == 0; i++)
		guests->accepted++;
	order_tx_close(&guests->orders);
	return 0;
}

static int cook(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct kitchen *kitchen = arg;
	int order, i;
	char bell;
	(void)err;
	for (;;) {
		weir_case cases[] = {order_rx_case(kitchen->orders, &order), bell_rx_case(kitchen->closing, &bell)};
		i = weir_select(ctx, cases, 2);
		if (i == 1) { /* closing time */
			weir_rx_shut(kitchen->orders.end);
			bell_rx_close(&kitchen->closing); /* switches its case off */
			continue;
		}
		if (i != 0 || cases[0].rc != 1)
			break; /* no more orders */
		kitchen->handled++;
	}
	bell_rx_close(&kitchen->closing);
	order_rx_close(&kitchen->orders);
	return i < 0 ? i : 0;
}

WEIR_SIM_TEST(everything_accepted_was_handled)
{
	struct guests guests = {0};
	struct kitchen kitchen = {0};
	bell_tx door = {0};
	weir_scope s;
	WEIR_SIM_EQ(order_chan_new(weir_ctx_rt(ctx), 2, &guests.orders, &kitchen.orders), 0);
	WEIR_SIM_EQ(bell_chan_new(weir_ctx_rt(ctx), 1, &door, &kitchen.closing), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "kitchen", cook, &kitchen), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "guests", eat, &guests), 0);
	bell_tx_close(&door); /* closing time */
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(kitchen.handled, guests.accepted);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
