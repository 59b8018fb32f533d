/* SPDX-License-Identifier: MIT
 *
 * Chapter 8, a deadline against completion: broken.c, repaired. A second attempt carries the id of the first, and the
 * bank books an id once: asking again is harmless, whatever happened to the first.
 *
 * A client asks a bank to pay 10 out of 100, and waits at most 5 ms for the receipt. The bank may be slow or the
 * receipt late, so the client asks a second time before it gives up (and then knows that it does not know). */
#include <weir/sim.h>
struct transfer {
	int id, amount;
};
WEIR_TYPE_PLAIN(transfer, struct transfer);
WEIR_CHAN_DECLARE(transfer);
WEIR_TYPE_PLAIN(receipt, int);
WEIR_CHAN_DECLARE(receipt);

struct bank {
	transfer_rx transfers;
	receipt_tx receipts;
	int balance, last_id;
};

static int book(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct bank *bank = arg;
	struct transfer t;
	int rc;
	(void)err;
	while ((rc = transfer_recv(ctx, bank->transfers, &t)) > 0) {
		if (t.id != bank->last_id)
			bank->balance -= t.amount;
		bank->last_id = t.id;
		rc = receipt_send(ctx, bank->receipts, &bank->balance);
		if (rc < 0 && rc != WEIR_EPIPE) /* a client that has gone wants no receipt */
			break;
	}
	transfer_rx_close(&bank->transfers);
	receipt_tx_close(&bank->receipts);
	return rc;
}

static int pay(weir_ctx *ctx, transfer_tx transfers, receipt_rx receipts, int id, int amount)
{
	int balance, rc = WEIR_EDEADLINE;
	for (int attempt = 1; attempt <= 2 && rc == WEIR_EDEADLINE; attempt++) {
		weir_ctx limit;
		weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(5)));
		rc = transfer_send(&limit, transfers, &(struct transfer){.id = id, .amount = amount});
		if (rc == 0)
			rc = receipt_recv(&limit, receipts, &balance);
		weir_ctx_fini(&limit);
	}
	return rc;
}

WEIR_SIM_TEST(who_pays_pays_once)
{
	struct bank bank = {.balance = 100};
	transfer_tx transfers = {0};
	receipt_rx receipts = {0};
	weir_scope s;
	WEIR_SIM_EQ(transfer_chan_new(weir_ctx_rt(ctx), 2, &transfers, &bank.transfers), 0);
	WEIR_SIM_EQ(receipt_chan_new(weir_ctx_rt(ctx), 2, &bank.receipts, &receipts), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "bank", book, &bank), 0);
	int rc = pay(ctx, transfers, receipts, 1, 10);
	WEIR_SIM_ASSERT(rc == 1 || rc == WEIR_EDEADLINE);
	transfer_tx_close(&transfers);
	receipt_rx_close(&receipts);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_ASSERT(bank.balance >= 90);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
