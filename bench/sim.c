/* SPDX-License-Identifier: MIT
 *
 * How many schedules per CPU-second the simulator runs, on the scenario the design counts: 3 tasks, 30 operations on
 * channels, the construction of the scope and of the channel inside, with -O2, asserts, hashes and the account on.
 * CPU time, not wall time; the median of 5 rounds, for each strategy in turn (interleaved), so that a noisy machine
 * shows as a spread and not as a result. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weir/sim.h>

#define ROUNDS 5
#define SCHEDULES 100000

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

struct ends {
	weir_tx *tx;
	weir_rx *rx;
};

/* 14 sends and a close. */
static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct ends *e = arg;
	int rc = 0;
	(void)err;
	for (int i = 0; i < 14 && rc == 0; i++)
		rc = weir_tx_send(ctx, e->tx, &i);
	weir_tx_close(&e->tx);
	return rc;
}

/* 14 receives, and the one that says there is no more. */
static int consume(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct ends *e = arg;
	int value, sum = 0, rc;
	(void)err;
	while ((rc = weir_rx_recv(ctx, e->rx, &value)) == 1)
		sum += value;
	weir_rx_close(&e->rx);
	WEIR_SIM_ASSERT(rc < 0 || sum == 91);
	return rc;
}

/* main, a producer, a consumer: 30 channel operations, and the spawns, ends and the join on top. */
static int three_tasks(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct ends e = {0};
	weir_scope s;
	(void)arg;
	int rc = weir_chan_new(weir_ctx_rt(ctx), &number, 4, &e.tx, &e.rx);
	weir_scope_init(&s, ctx);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "produce", produce, &e);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "consume", consume, &e);
	return weir_scope_join(ctx, &s, rc, err);
}

static double cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(void)
{
	static const char *const strategies[] = {"random", "pos", "surw", "pct3", "dfs"};
	enum { N = sizeof(strategies) / sizeof(strategies[0]) };
	double rate[N][ROUNDS], steps[N];
	for (int r = 0; r < ROUNDS; r++) {
		for (size_t i = 0; i < N; i++) {
			struct weir_sim_opts opts = {.name = "three_tasks",
						     .strategy = strategies[i],
						     .schedules = SCHEDULES,
						     .no_early = true};
			struct weir_sim_result result;
			double before = cpu_seconds();
			if (weir_sim_run(&opts, three_tasks, NULL, &result) != 0)
				return EXIT_FAILURE;
			rate[i][r] = (double)result.schedules / (cpu_seconds() - before);
			steps[i] = (double)result.steps / (double)result.schedules;
		}
	}
	printf("3 tasks, 30 channel operations, %d schedules x %d rounds\n", SCHEDULES, ROUNDS);
	printf("%-10s %12s %12s %12s %12s %10s\n", "strategy", "median/s", "min/s", "max/s", "steps each", "ns/step");
	for (size_t i = 0; i < N; i++) {
		qsort(rate[i], ROUNDS, sizeof(double), by_value);
		printf("%-10s %12.0f %12.0f %12.0f %12.1f %10.1f\n", strategies[i], rate[i][ROUNDS / 2], rate[i][0],
		       rate[i][ROUNDS - 1], steps[i], 1e9 / rate[i][ROUNDS / 2] / steps[i]);
	}
	return EXIT_SUCCESS;
}
