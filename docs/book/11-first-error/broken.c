/* SPDX-License-Identifier: MIT
 *
 * WRONG ON PURPOSE: chapter 11, the first error.
 *
 * A file of three blocks is copied: a reader and a writer, and a channel between them. The disk fails at the second
 * block; the reader says so. The writer makes the copy valid when it has written all of it. */
#include <weir/sim.h>
WEIR_TYPE_PLAIN(block, int);
WEIR_CHAN_DECLARE(block);

struct reader {
	block_tx out;
	int bad; /* the block that cannot be read; 0: none */
};

struct writer {
	block_rx in;
	int written;
	bool valid;
};

static int read_blocks(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct reader *me = arg;
	int rc = 0;
	for (int i = 1; i <= 3 && rc == 0; i++) {
		if (i == me->bad)
			rc = weir_fail(err, WEIR_EIO, "block %d cannot be read", i);
		else
			rc = block_send(ctx, me->out, &i);
	}
	block_tx_close(&me->out);
	return rc;
}

static int write_blocks(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct writer *me = arg;
	int rc, block;
	(void)err;
	while ((rc = block_recv(ctx, me->in, &block)) > 0)
		me->written++;
	if (rc == 0) /* the end, and not an error */
		me->valid = true;
	block_rx_close(&me->in);
	return rc;
}

static int copy(weir_ctx *ctx, weir_err *err, struct reader *from, struct writer *to)
{
	weir_scope s;
	int rc = block_chan_new(weir_ctx_rt(ctx), 1, &from->out, &to->in);
	weir_scope_init(&s, ctx);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "writer", write_blocks, to);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "reader", read_blocks, from);
	rc = weir_scope_join(ctx, &s, rc, err);
	block_tx_close(&from->out);
	block_rx_close(&to->in);
	return rc;
}

WEIR_SIM_TEST(a_copy_that_failed_is_not_valid)
{
	struct reader from = {.bad = 2};
	struct writer to = {0};
	WEIR_SIM_EQ(copy(ctx, NULL, &from, &to), WEIR_EIO);
	WEIR_SIM_ASSERT(!to.valid);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
