/* SPDX-License-Identifier: MIT
 *
 * WRONG ON PURPOSE: chapter 4, the stranded sender.
 *
 * A buyer asks two sellers, and takes the first price that is good enough; who comes later has lost nothing. A seller
 * whom nobody hears any more (WEIR_EPIPE) goes home content. */
#include <weir/sim.h>
WEIR_TYPE_PLAIN(price, int);
WEIR_CHAN_DECLARE(price);

#define SELLERS 2
#define GOOD_ENOUGH 100

struct seller {
	price_tx answer;
	int price;
};

static int offer(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct seller *me = arg;
	(void)err;
	int rc = price_send(ctx, me->answer, &me->price);
	price_tx_close(&me->answer);
	return rc == WEIR_EPIPE ? 0 : rc; /* bought elsewhere: no failure */
}

static int buy(weir_ctx *ctx, weir_err *err, void *bought)
{
	struct seller sellers[SELLERS] = {{.price = 120}, {.price = 90}};
	price_rx offers = {0};
	weir_scope s;
	int price, rc = price_chan_new(weir_ctx_rt(ctx), 0, &sellers[0].answer, &offers);
	if (rc == 0)
		rc = price_tx_clone(sellers[0].answer, &sellers[1].answer);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < SELLERS && rc == 0; i++)
		rc = weir_scope_spawn(&s, i == 0 ? "dear" : "cheap", offer, &sellers[i]);

	while (rc >= 0 && (rc = price_recv(ctx, offers, &price)) > 0) {
		if (price > GOOD_ENOUGH)
			continue;
		*(int *)bought = price;
		rc = 0;
		break;
	}
	rc = weir_scope_join(ctx, &s, rc, err);
	price_rx_close(&offers);
	for (int i = 0; i < SELLERS; i++)
		price_tx_close(&sellers[i].answer);
	return rc;
}

WEIR_SIM_TEST(the_buyer_gets_the_good_price)
{
	int bought = 0;
	WEIR_SIM_EQ(buy(ctx, NULL, &bought), 0);
	WEIR_SIM_EQ(bought, 90);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
