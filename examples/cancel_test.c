/* SPDX-License-Identifier: MIT
 *
 * cancel_test - the simulation test of README.md, word for word: cancelling a scope releases a sender that waits.
 *
 * Nobody receives, so on the channel of capacity 0 the sender waits for ever, unless it is released. The test sleeps
 * five milliseconds of virtual time, which take none, cancels, and says exactly what must have happened and when. The
 * simulator runs it under a thousand different schedules, among them those in which the sender has not even begun when
 * the scope is cancelled; a leaked task or end would fail it too.
 * README.md shows everything below this comment; tests/examples/readme.sh compares them. */
#include <weir/sim.h>
WEIR_TYPE_PLAIN(num, int);
WEIR_CHAN_DECLARE(num);
struct sender {
	num_tx tx;
	int rc;
};

static int send_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct sender *me = arg;
	(void)err;
	return me->rc = num_send(ctx, me->tx, &(int){1});
}

WEIR_SIM_TEST(cancel_releases_a_blocked_sender) /* the body sees: weir_ctx *ctx */
{
	struct sender me = {0};
	num_rx rx = {0};
	weir_scope s;
	WEIR_SIM_EQ(num_chan_new(weir_ctx_rt(ctx), 0, &me.tx, &rx), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "sender", send_one, &me), 0);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(5)), 0);
	weir_scope_cancel(&s, "enough");
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0); /* cancelled by its owner: not an error */
	WEIR_SIM_EQ(me.rc, WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(5)); /* exact */
	num_tx_close(&me.tx);
	num_rx_close(&rx);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
