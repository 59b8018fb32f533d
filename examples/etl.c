/* SPDX-License-Identifier: MIT
 *
 * etl - extract, transform, load: sums the amounts of a CSV file by region, whatever its size, and keeps what is wrong.
 *
 *     etl FILE [ROWS]     writes ROWS rows (150000: about 4 MB) into FILE, then reads it. 0: FILE is there, or a FIFO.
 *
 *     extract: a task that reads ---chunks of whole lines---> workers, each with the stage below ---sums---> load
 *     split -> map_reduce( parse, and its failures: a dead letter and a row of the region "rejected" ; add up )
 *
 * A line that cannot be parsed does not end the run: it is written to FILE.dead, one line of JSON each, and counted.
 * Lines point into their chunk, which is a job's input: it lives until its worker is done with it. So the memory is
 * that of WORKERS + 2 chunks and their rows. ^C ends the reading: whole lines that were read still count, and are
 * printed. What the program wrote itself it checks against the sums that it knows.
 *
 * Exit status: 0; 1 something failed, or a sum was wrong; 2 bad arguments; 130 interrupted. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHUNK_BYTES ((size_t)64 * 1024)
#define WORKERS 4
#define HEADER "id,region,amount"

enum { EAST, NORTH, SOUTH, WEST, REJECTED, REGIONS };
static const char *const region_names[] = {"east", "north", "south", "west", "rejected"};

struct chunk {
	weir_rt *rt;
	size_t n;
	char text[CHUNK_BYTES];
};

struct line {
	const char *text; /* in the chunk */
	size_t n;
};

struct row {
	int region;
	int64_t cents;
};

struct sum {
	int region;
	int64_t count, cents;
};

static void chunk_free(struct chunk **c)
{
	if (*c)
		weir_rt_release((*c)->rt, *c);
	*c = NULL;
}

WEIR_TYPE_OWNED(chunk, struct chunk *, chunk_free);
WEIR_TYPE_PLAIN(line, struct line);
WEIR_TYPE_PLAIN(row, struct row);
WEIR_TYPE_PLAIN(sum, struct sum);
WEIR_ARRAY_DECLARE(lines, line);
WEIR_ARRAY_DECLARE(rows, row);
WEIR_ARRAY_DECLARE(sums, sum);
WEIR_PIPELINE_DECLARE(etl, chunk, sums);

struct run {
	weir_fd in, dead, signal_fd;
	weir_ctx intake, watch; /* reading; waiting for signals */
	etl_jobs jobs;          /* the reader's, once it runs */
	weir_mutex lock;        /* of dead, and the next one */
	int dead_rc;            /* the first letter that could not be written */
	bool interrupted;
	struct sum totals[REGIONS], wanted[REGIONS];
};

/* ---- extract ---- */

static int chunk_new(weir_rt *rt, struct chunk **out)
{
	struct chunk *c = weir_rt_alloc(rt, sizeof(*c));
	if (!c)
		return WEIR_ENOMEM;
	c->rt = rt;
	c->n = 0;
	*out = c;
	return 0;
}

/* Sends the whole lines of *c, and what follows the last one too if that is the end; the rest begins the next. */
static int send_lines(weir_ctx *ctx, weir_err *err, struct run *run, struct chunk **c, bool end)
{
	struct etl_job job = {.in = *c};
	struct chunk *next = NULL;
	size_t n = (*c)->n;
	while (!end && n > 0 && (*c)->text[n - 1] != '\n')
		n--;
	if (n == 0)
		return (*c)->n < CHUNK_BYTES ? 0 : weir_fail(err, WEIR_EOVERFLOW, "a line longer than a chunk");
	int rc = chunk_new((*c)->rt, &next);
	if (rc < 0)
		return rc;
	next->n = (*c)->n - n;
	memcpy(next->text, (*c)->text + n, next->n);
	(*c)->n = n;
	rc = etl_send(ctx, run->jobs, &job);
	if (rc == 0)
		*c = next;
	else
		chunk_free(&next);
	return rc;
}

static int extract(weir_ctx *ctx, weir_err *err, struct run *run)
{
	struct chunk *c = NULL;
	int n = 1, rc = chunk_new(weir_ctx_rt(ctx), &c);
	while (rc == 0 && n > 0) {
		n = weir_fd_read(&run->intake, run->in, c->text + c->n, CHUNK_BYTES - c->n);
		c->n += n > 0 ? (size_t)n : 0;
		if (n < 0 && weir_ctx_err(&run->intake) == 0)
			rc = weir_fail(err, n, "reading the rows");
		else if (n <= 0 || c->n == CHUNK_BYTES)
			rc = send_lines(ctx, err, run, &c, n == 0);
	}
	chunk_free(&c);
	etl_jobs_close(&run->jobs);
	return rc;
}
WEIR_TASK_DECLARE(extract, struct run);

static int interrupt(weir_ctx *ctx, weir_err *err, struct run *run)
{
	(void)ctx;
	int rc = weir_signals_next(&run->watch, run->signal_fd);
	if (rc > 0) {
		run->interrupted = true;
		weir_ctx_cancel(&run->intake, "interrupted");
		return 0;
	}
	return weir_ctx_err(&run->watch) ? 0 : weir_fail(err, rc, "waiting for signals");
}
WEIR_TASK_DECLARE(interrupt, struct run);

/* ---- transform ---- */

/* With out NULL only counts; the header is no line. */
static size_t find_lines(const struct chunk *c, lines_t *out, int *rc)
{
	size_t n = 0;
	for (size_t at = 0; at < c->n && *rc == 0;) {
		const char *start = c->text + at, *newline = memchr(start, '\n', c->n - at);
		struct line line = {start, newline ? (size_t)(newline - start) : c->n - at};
		at += line.n + 1;
		if (line.n == strlen(HEADER) && memcmp(start, HEADER, line.n) == 0)
			continue;
		if (out)
			*rc = lines_put(out, n, &line);
		n++;
	}
	return n;
}

static int split(weir_ctx *ctx, struct chunk *const *in, lines_t *out, weir_err *err, void *arg)
{
	int rc = 0;
	(void)arg, (void)err;
	rc = lines_new(weir_ctx_rt(ctx), find_lines(*in, NULL, &rc), out);
	if (rc < 0)
		return rc;
	(void)find_lines(*in, out, &rc);
	if (rc < 0)
		lines_drop(out);
	return rc;
}
WEIR_STAGE_DECLARE(split, chunk, lines);

/* Digits, a region, digits, a point and two digits; nothing else. */
static int parse(weir_ctx *ctx, const struct line *in, struct row *out, weir_err *err, void *arg)
{
	char text[64] = "", region[16], whole[13], cents[3];
	int end = 0;
	(void)ctx, (void)arg;
	if (in->n < sizeof(text))
		memcpy(text, in->text, in->n);
	if (sscanf(text, "%*20[0-9],%15[a-z],%12[0-9].%2[0-9]%n", region, whole, cents, &end) != 3 ||
	    (size_t)end != in->n || strlen(cents) != 2)
		return weir_fail(err, WEIR_EUSER - 1, "not a row of three");
	for (out->region = 0; out->region < REJECTED; out->region++)
		if (strcmp(region, region_names[out->region]) == 0)
			break;
	if (out->region == REJECTED)
		return weir_fail(err, WEIR_EUSER - 2, "no such region: %s", region);
	out->cents = strtoll(whole, NULL, 10) * 100 + strtoll(cents, NULL, 10);
	return 0;
}
WEIR_STAGE_DECLARE(parse, line, row);

static int by_region(const void *a, const void *b, void *arg)
{
	(void)arg;
	return ((const struct row *)a)->region - ((const struct row *)b)->region;
}

static int add_up(weir_ctx *ctx, const rows_t *in, struct sum *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = (struct sum){.region = rows_at(in, 0)->region, .count = (int64_t)rows_len(in)};
	for (size_t i = 0; i < rows_len(in); i++)
		out->cents += rows_at(in, i)->cents;
	return 0;
}
WEIR_STAGE_DECLARE(add_up, rows, sum);

/* A line of the log, whole: letters of several workers take turns. What a letter fails with is hidden by the fallback
 * around it, so it is remembered here. */
static int write_dead(weir_ctx *ctx, const char *line, size_t len, weir_err *err, void *arg)
{
	struct run *run = arg;
	int n = 0;
	weir_mutex_lock(ctx, &run->lock);
	for (size_t at = 0; at < len && (n = weir_fd_write(ctx, run->dead, line + at, len - at)) > 0;)
		at += (size_t)n;
	if (n < 0 && run->dead_rc == 0)
		run->dead_rc = n;
	weir_mutex_unlock(&run->lock);
	return n < 0 ? weir_fail(err, n, "writing a dead letter") : 0;
}

static int encode_line(const void *item, char *buf, size_t cap, void *arg)
{
	const struct line *line = item;
	(void)arg;
	return snprintf(buf, cap, "%.*s", line->n < 200 ? (int)line->n : 200, line->text);
}

static weir_stage *transform(weir_rt *rt, struct weir_dead_log *log)
{
	static const struct row rejected = {.region = REJECTED};
	/* One at a time: there are several workers. */
	const struct weir_reduce_opts opts = {.order = by_region, .concurrency = 1, .map_concurrency = 1};
	weir_stage *told = weir_dead_letter(parse_stage(rt, NULL), weir_dead_log_write, log);
	weir_stage *row = weir_fallback(told, &(struct weir_fallback_opts){.value = &rejected});
	return weir_then(split_stage(rt, NULL), weir_map_reduce(row, add_up_stage(rt, NULL), &opts));
}

/* ---- load ---- */

static int load(struct run *run, struct etl_result *r, weir_err *err)
{
	int rc = r->head.rc;
	for (size_t i = 0; rc == 0 && i < sums_len(&r->value); i++) {
		const struct sum *sum = sums_at(&r->value, i);
		run->totals[sum->region].count += sum->count;
		run->totals[sum->region].cents += sum->cents;
	}
	if (rc < 0)
		weir_err_move(err, &r->head.err);
	etl_result_drop(r);
	return rc;
}

static int run_etl(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct run *run = arg;
	weir_rt *rt = weir_ctx_rt(ctx);
	struct weir_dead_log log = {.write = write_dead, .encode = encode_line, .arg = run};
	weir_stage *st = transform(rt, &log);
	const struct weir_pipeline_opts opts = {.stage = st, .workers = WORKERS, .name = "transform"};
	etl_results results = {0};
	struct etl_result r;
	weir_scope s;
	weir_mutex_init(&run->lock, rt);
	weir_ctx_init(&run->intake, ctx, WEIR_FOREVER);
	weir_ctx_init(&run->watch, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	int rc = weir_signals_open(rt, &(int){SIGINT}, 1, &run->signal_fd);
	if (rc == 0)
		rc = etl_start(&s, &opts, &run->jobs, &results, NULL);
	if (rc == 0)
		rc = interrupt_spawn(&s, run);
	if (rc == 0)
		rc = extract_spawn(&s, run);
	if (rc < 0)
		etl_jobs_close(&run->jobs); /* nobody took it */
	while (rc >= 0 && (rc = etl_recv(ctx, results, &r)) > 0)
		rc = load(run, &r, err);
	etl_results_close(&results);
	weir_ctx_cancel(&run->intake, "done");
	weir_ctx_cancel(&run->watch, "done");
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_fd_close(rt, &run->signal_fd);
	weir_stage_free(&st);
	weir_ctx_fini(&run->watch);
	weir_ctx_fini(&run->intake);
	weir_mutex_fini(&run->lock);
	return rc == 0 && run->dead_rc ? weir_fail(err, run->dead_rc, "writing a dead letter") : rc;
}

/* ---- the program ---- */

/* Park and Miller's generator: the same rows on every machine. Every 97th lacks a field, every 101st has no number. */
static int generate(const char *path, unsigned long rows, struct sum *wanted)
{
	FILE *f = fopen(path, "w");
	uint64_t seed = 1;
	if (!f)
		return -1;
	fprintf(f, HEADER "\n");
	for (unsigned long i = 1; i <= rows; i++) {
		seed = seed * 16807 % 2147483647;
		int region = (int)(seed % REJECTED);
		int64_t cents = (int64_t)(seed / REJECTED % 10000000);
		bool bad = i % 97 == 0 || i % 101 == 0;
		if (bad)
			fprintf(f, i % 97 == 0 ? "%lu,%s\n" : "%lu,%s,unknown\n", i, region_names[region]);
		else
			fprintf(f, "%lu,%s,%" PRId64 ".%02d\n", i, region_names[region], cents / 100,
				(int)(cents % 100));
		wanted[bad ? REJECTED : region].count++;
		wanted[bad ? REJECTED : region].cents += bad ? 0 : cents;
	}
	int failed = ferror(f);
	return fclose(f) || failed ? -1 : 0;
}

static int report(const struct run *run, bool check)
{
	struct rusage used;
	int wrong = 0;
	for (int i = 0; i < REGIONS; i++) {
		const struct sum *t = &run->totals[i], *w = &run->wanted[i];
		printf("%s %" PRId64 " %" PRId64 ".%02d\n", region_names[i], t->count, t->cents / 100,
		       (int)(t->cents % 100));
		wrong |= check && (t->count != w->count || t->cents != w->cents);
	}
	if (wrong)
		fprintf(stderr, "etl: these are not the sums of what was written\n");
	getrusage(RUSAGE_SELF, &used);
	fprintf(stderr, "memory: %ld KiB\n", used.ru_maxrss);
	return wrong;
}

int main(int argc, char **argv)
{
	static struct run run = {.signal_fd = WEIR_FD_NONE};
	char dead[4096];
	unsigned long rows = argc == 3 ? strtoul(argv[2], NULL, 10) : 150000;
	if (argc < 2 || argc > 3 || snprintf(dead, sizeof(dead), "%s.dead", argv[1]) >= (int)sizeof(dead)) {
		fprintf(stderr, "usage: etl FILE [ROWS]\n");
		return 2;
	}
	int status = 1, rc = weir_signals_block(&(int){SIGINT}, 1); /* before there is a second thread */
	run.in = run.dead = -1;
	if (rc == 0 && (rows == 0 || generate(argv[1], rows, run.wanted) == 0)) {
		run.dead = open(dead, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
		run.in = open(argv[1], O_RDONLY | O_CLOEXEC);
	}
	if (run.in < 0 || run.dead < 0) {
		fprintf(stderr, "etl: %s: %s\n", argv[1], strerror(errno));
	} else {
		status = weir_main(run_etl, &run);
		if (status == 0)
			status = report(&run, rows > 0 && !run.interrupted);
	}
	if (run.dead >= 0)
		close(run.dead);
	if (run.in >= 0)
		close(run.in);
	return status == 0 && run.interrupted ? 130 : status;
}
