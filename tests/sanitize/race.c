/* SPDX-License-Identifier: MIT
 *
 * For tsan.sh: `race SEED` has two tasks add to a plain int with nothing between them; with -DFIXED the int goes from
 * one to the other through a channel. In the simulator both give the same sum in every schedule; only ThreadSanitizer
 * can tell them apart, and must, with every seed. */
#include <stdlib.h>
#include <weir/sim.h>

struct job {
	weir_tx *tx;
	weir_rx *rx;
	int sum;
};

static const weir_type place = {.name = "place", .size = sizeof(int *), .align = _Alignof(int *)};

static int first(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct job *job = arg;
	int *sum = &job->sum, rc = 0;
	(void)err;
	++*sum;
#ifdef FIXED
	rc = weir_tx_send(ctx, job->tx, &sum);
#else
	(void)ctx;
#endif
	return rc;
}

static int second(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct job *job = arg;
	int *sum = &job->sum;
	(void)err;
#ifdef FIXED
	if (weir_rx_recv(ctx, job->rx, &sum) != 1)
		return WEIR_EIO;
#else
	(void)ctx;
#endif
	++*sum;
	return 0;
}

static int add(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct job job = {0};
	weir_scope s;
	(void)arg;
	int rc = weir_chan_new(weir_ctx_rt(ctx), &place, 1, &job.tx, &job.rx);
	weir_scope_init(&s, ctx);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "first", first, &job);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "second", second, &job);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_tx_close(&job.tx);
	weir_rx_close(&job.rx);
	WEIR_SIM_EQ(job.sum, 2);
	return rc;
}

int main(int argc, char **argv)
{
	struct weir_sim_opts opts = {.name = "race", .schedules = 30};
	opts.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	return weir_sim_run(&opts, add, NULL, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
