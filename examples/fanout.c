/* SPDX-License-Identifier: MIT
 *
 * fanout - asks several replicas at once, takes the first good answer, and cancels the rest.
 *
 *     fanout LIMIT LATENCY...                     all in milliseconds; -LATENCY: a replica that fails after that time
 *
 *     $ fanout 1000 30 10 -5
 *     replica 0, 30 ms: stopped (user: another replica was first)
 *     replica 1, 10 ms: won
 *     replica 2, -5 ms: failed
 *     1 won, 0 late, 1 failed, 1 stopped
 *     hello from the one that took 10 ms
 *
 * The part to copy is fanout.h. What is here are replicas that only sleep, options, and what to tell people. Exit
 * status: 0 there was an answer; 1 there was none; 2 bad arguments. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

#include "fanout.h"

#define REPLICAS 64
#define MOST_MS (1000L * 3600)

struct app {
	struct fan_replica replicas[REPLICAS];
	long ms[REPLICAS], limit_ms;
	size_t n;
};

/* Stands for the network: the answer, or the failure, comes after the latency. */
static int answer_late(weir_ctx *ctx, struct fan_replica *r, char **answer)
{
	char text[64];
	int rc = weir_sleep(ctx, r->latency_ns);
	if (rc < 0)
		return rc;
	snprintf(text, sizeof(text), "hello from the one that took %d ms", (int)(r->latency_ns / WEIR_MS(1)));
	*answer = strdup(text);
	return *answer ? 0 : WEIR_ENOMEM;
}

static int fail_late(weir_ctx *ctx, struct fan_replica *r, char **answer)
{
	int rc = weir_sleep(ctx, r->latency_ns);
	(void)answer;
	return rc < 0 ? rc : -EIO;
}

static void tell(const struct app *app, const struct fan_report *report)
{
	static const char *const outcome[FAN_OUTCOMES] = {"not asked", "won", "late", "failed", "stopped"};
	for (size_t i = 0; i < app->n; i++) {
		const struct fan_replica *r = &app->replicas[i];
		printf("replica %zu, %ld ms: %s", i, app->ms[i], outcome[r->outcome]);
		if (r->why)
			printf(" (%s: %s)", weir_cause_name(r->cause), r->why);
		putchar('\n');
	}
	printf("%zu won, %zu late, %zu failed, %zu stopped\n", report->count[FAN_WON], report->count[FAN_LATE],
	       report->count[FAN_FAILED], report->count[FAN_STOPPED]);
}

static int ask(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct app *app = arg;
	struct fan_report report;
	char *answer = NULL;
	int rc = fan_out(ctx, app->replicas, app->n, WEIR_MS(app->limit_ms), &answer, &report, err);
	tell(app, &report);
	if (rc == 0)
		printf("%s\n", answer);
	fan_answer_drop(&answer);
	return rc;
}

static bool milliseconds(const char *text, long least, long *out)
{
	char *end;
	errno = 0;
	*out = strtol(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *out >= least && *out <= MOST_MS;
}

int main(int argc, char **argv)
{
	struct app app = {.n = argc > 2 ? (size_t)argc - 2 : 0};
	bool good = app.n > 0 && app.n <= REPLICAS && milliseconds(argv[1], 0, &app.limit_ms);
	for (size_t i = 0; good && i < app.n; i++) {
		good = milliseconds(argv[i + 2], -MOST_MS, &app.ms[i]);
		app.replicas[i].ask = app.ms[i] < 0 ? fail_late : answer_late;
		app.replicas[i].latency_ns = WEIR_MS(labs(app.ms[i]));
	}
	if (!good) {
		fprintf(stderr, "usage: fanout LIMIT LATENCY... (milliseconds up to an hour; at most %d replicas)\n",
			REPLICAS);
		return 2;
	}
	return weir_main(ask, &app);
}
