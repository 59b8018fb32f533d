/* SPDX-License-Identifier: MIT
 *
 * WRONG ON PURPOSE: chapter 3, who closes?
 *
 * Two clerks count what they sell, the till adds it up until there is no more. The shop opens the channel, clones its
 * end for each clerk, and cleans up at the end, behind the join, as one does. */
#include <weir/sim.h>
WEIR_TYPE_PLAIN(sale, int);
WEIR_CHAN_DECLARE(sale);

#define CLERKS 2

struct till {
	sale_rx sales;
	int total;
};

static int sell(weir_ctx *ctx, weir_err *err, void *arg)
{
	sale_tx *sales = arg;
	int rc = 0;
	(void)err;
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = sale_send(ctx, *sales, &(int){10});
	sale_tx_close(sales);
	return rc;
}

static int add_up(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct till *till = arg;
	int rc, amount;
	(void)err;
	while ((rc = sale_recv(ctx, till->sales, &amount)) > 0)
		till->total += amount;
	sale_rx_close(&till->sales);
	return rc;
}

WEIR_SIM_TEST(the_till_adds_up_every_sale)
{
	struct till till = {0};
	sale_tx sales = {0}, of_clerk[CLERKS] = {0};
	weir_scope s;
	WEIR_SIM_EQ(sale_chan_new(weir_ctx_rt(ctx), 1, &sales, &till.sales), 0);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "till", add_up, &till);
	for (int i = 0; i < CLERKS && rc == 0; i++)
		if ((rc = sale_tx_clone(sales, &of_clerk[i])) == 0)
			rc = weir_scope_spawn(&s, "clerk", sell, &of_clerk[i]);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, rc, NULL), 0);
	for (int i = 0; i < CLERKS; i++)
		sale_tx_close(&of_clerk[i]);
	sale_tx_close(&sales);
	sale_rx_close(&till.sales);
	WEIR_SIM_EQ(till.total, 40);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
