/* SPDX-License-Identifier: MIT
 *
 * Origin: grpc/grpc-go, pull request 1424. Class: communication deadlock, channel.
 *
 * Dialing starts a watcher of addresses and waits until it has finished. The watcher ends with the stream of addresses
 * and does not say so: dialing waits for ever. Fix: the watcher closes its end of finished on every path out. */
#include "bugs.h"

struct dial {
	weir_scope s;
	weir_tx *addresses, *finished;
	weir_rx *addresses_end, *finished_end;
	bool bad;
};

static int watch(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct dial *d = arg;
	int address;
	(void)err;
	while (weir_rx_recv(ctx, d->addresses_end, &address) == 1)
		;
	if (!d->bad)
		weir_tx_close(&d->finished);
	return 0;
}

static int dial(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct dial *d = arg;
	(void)err;
	bug_spawn(&d->s, "watcher", watch, d);
	WEIR_SIM_EQ(weir_rx_recv(ctx, d->finished_end, NULL), 0);
	return 0;
}

static int dial_address(weir_ctx *ctx, bool bad)
{
	struct dial d = {.bad = bad};
	bug_chan(ctx, &bug_num, 0, &d.addresses, &d.addresses_end);
	bug_chan(ctx, &bug_event, 0, &d.finished, &d.finished_end);
	weir_scope_init(&d.s, ctx);
	bug_spawn(&d.s, "dial", dial, &d);
	weir_tx_close(&d.addresses);
	bug_join(ctx, &d.s);
	weir_rx_close(&d.addresses_end);
	weir_rx_close(&d.finished_end);
	return 0;
}

static int grpc_1424_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return dial_address(ctx, true);
}

static int grpc_1424_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return dial_address(ctx, false);
}

WEIR_BUG(grpc_1424, "Communication: channel", WEIR_SIM_DEADLOCK, false);
