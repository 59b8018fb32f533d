/* SPDX-License-Identifier: MIT
 *
 * Whether the simulator's memory stays as it is: ten million schedules of a tiny scenario in one search, and the
 * resident memory after the first million and at the end. Fails if it has grown by more than 64 KiB in between. Orders
 * are counted; the scenario has so few that all are known long before the first look. FLAT_SCHEDULES in the environment
 * is another number than 10 million (at least 10). */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <weir/sim.h>

#define MORE_KIB 64

static uint64_t runs, first_look, last_look;
static long at_first, at_last;

static long field_kib(const char *text, const char *field)
{
	const char *at = strstr(text, field);
	return at ? strtol(at + strlen(field), NULL, 10) : -1;
}

/* Memory, that is: not the pages of the program file, of which more are in use over time. Takes none of its own, since
 * a task asks. -1: cannot be known. */
static long resident_kib(void)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	long anonymous = field_kib(text, "RssAnon:"), shared = field_kib(text, "RssShmem:");
	return anonymous < 0 || shared < 0 ? -1 : anonymous + shared;
}

static int take(weir_ctx *ctx, weir_err *err, void *arg)
{
	int value;
	(void)err;
	return weir_rx_recv(ctx, arg, &value) == 1 ? 0 : WEIR_EIO;
}

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

/* A channel, a task, a scope, a timer and memory: what a schedule could leave behind. */
static int tiny(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_scope s;
	int value = 1, rc = weir_chan_new(weir_ctx_rt(ctx), &number, 1, &tx, &rx);
	void *volatile mem = malloc(100);
	(void)arg;
	weir_scope_init(&s, ctx);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "take", take, rx);
	if (rc == 0)
		rc = weir_tx_send(ctx, tx, &value);
	if (rc == 0)
		rc = weir_sleep(ctx, WEIR_MS(1));
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	free(mem);
	if (++runs == first_look)
		at_first = resident_kib();
	else if (runs == last_look)
		at_last = resident_kib();
	return rc;
}

int main(void)
{
	const char *text = getenv("FLAT_SCHEDULES");
	last_look = text ? strtoull(text, NULL, 10) : 10000000;
	if (last_look < 10)
		return EXIT_FAILURE;
	first_look = last_look / 10;
	struct weir_sim_opts opts = {.name = "tiny", .schedules = last_look, .count_orders = true};
	struct weir_sim_result result;
	struct timespec cpu;
	if (weir_sim_run(&opts, tiny, NULL, &result) != 0)
		return EXIT_FAILURE;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("%" PRIu64 " schedules, %" PRIu64 " steps, %" PRIu64 " orders, %ld s of CPU\n", result.schedules,
	       result.steps, result.explored.orders, (long)cpu.tv_sec);
	printf("resident memory: %ld KiB after %" PRIu64 " schedules, %ld KiB after %" PRIu64 "\n", at_first,
	       first_look, at_last, last_look);
	if (at_first < 0 || at_last < 0 || at_last > at_first + MORE_KIB) {
		printf("it is not flat\n");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
