/* SPDX-License-Identifier: MIT
 *
 * crawl - resilience inside a pipeline: each url has 200 ms, is tried three times, and what cannot be fetched is
 * buried; a breaker holds all workers back when five attempts in a row have failed.
 *
 *     $ crawl --dead dead.txt a.example bad.example c.example
 *     a.example: 9
 *     c.example: 9
 *     $ cat dead.txt
 *     bad.example: retry: WEIR_EEXHAUSTED (3 attempts): breaker attempt 3: timeout: fetch: user error -10001: refused
 *
 * Without --dead they are told on stderr.
 * The order of the layers is that of weir/resilience/policy.h. The network is played: a url takes as many milliseconds
 * as it has letters, and one with "bad" in it is refused. Exit status: 0, also when some were buried; 1
 * something else failed; 2 it was not called as it must be. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>
#include <weir/weir.h>

static void url_free(char **url)
{
	free(*url);
}
WEIR_TYPE_OWNED(url, char *, url_free);
WEIR_TYPE_PLAIN(size, size_t);
WEIR_PIPELINE_DECLARE(crawl, url, size);

static int fetch(weir_ctx *ctx, char *const *in, size_t *out, weir_err *err, void *arg)
{
	int rc = weir_sleep(ctx, WEIR_MS((int64_t)strlen(*in))); /* stands for the network */
	(void)arg;
	if (rc == 0 && strstr(*in, "bad"))
		rc = weir_fail(err, WEIR_EUSER - 1, "refused");
	if (rc == 0)
		*out = strlen(*in);
	return rc; /* in stays the caller's on every path */
}
WEIR_STAGE_DECLARE(fetch, url, size);

struct crawl {
	char **urls;
	size_t n;
	size_t workers;
	FILE *dead, *out;
};

/* A grave: one line. The lines of several workers are not mixed: stdio locks the file. */
static int bury(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *file)
{
	char why[512];
	(void)ctx;
	weir_err_format(dead->err, why, sizeof(why));
	if (fprintf(file, "%s: %s\n", *(char *const *)dead->item, why) < 0 || fflush(file) != 0)
		return weir_fail(err, -EIO, "the dead letter could not be written");
	return 0;
}

struct feed {
	crawl_jobs jobs;
	const struct crawl *crawl;
};

static int feed(weir_ctx *ctx, weir_err *err, struct feed *me)
{
	int rc = 0;
	for (size_t i = 0; i < me->crawl->n && rc == 0; i++) {
		struct crawl_job job = {.head.id = i, .in = strdup(me->crawl->urls[i])};
		if (!job.in)
			rc = weir_fail(err, WEIR_ENOMEM, "no memory for %s", me->crawl->urls[i]);
		else if ((rc = crawl_send(ctx, me->jobs, &job)) < 0)
			url_drop(&job.in);
	}
	crawl_jobs_close(&me->jobs);
	return rc;
}
WEIR_TASK_DECLARE(feed, struct feed);

static int crawl_run(weir_ctx *ctx, weir_err *err, const struct crawl *crawl)
{
	weir_breaker breaker = {0}; /* ours: the stage borrows it, so we can ask its state */
	struct feed feeder = {.crawl = crawl};
	crawl_results results = {0};
	struct crawl_result r;
	weir_scope s;
	int rc = weir_breaker_init(&breaker, ctx, &(struct weir_breaker_opts){.failures = 5, .open_ns = WEIR_SEC(30)});
	const struct weir_retry_opts thrice = {.max_attempts = 3, .base_ns = WEIR_MS(10)};
	weir_stage *st = weir_timeout(fetch_stage(weir_ctx_rt(ctx), NULL), WEIR_MS(200));
	st = weir_guard(st, &breaker); /* each of these takes what it is put around, and is never NULL */
	st = weir_retry(st, &thrice);
	st = weir_dead_letter(st, bury, crawl->dead);
	weir_scope_init(&s, ctx);
	if (rc == 0)
		rc = weir_stage_check(st, err);
	if (rc == 0)
		rc = crawl_start(&s, &(struct weir_pipeline_opts){.stage = st, .workers = crawl->workers}, &feeder.jobs,
				 &results, NULL);
	if (rc == 0)
		rc = feed_spawn(&s, &feeder);
	while (rc >= 0 && (rc = crawl_recv(ctx, results, &r)) > 0) {
		if (r.head.rc == 0)
			fprintf(crawl->out, "%s: %zu\n", crawl->urls[r.head.id], r.value);
		crawl_result_drop(&r);
	}
	crawl_results_close(&results);
	rc = weir_scope_join(ctx, &s, rc, err);
	crawl_jobs_close(&feeder.jobs);
	weir_stage_free(&st); /* after join: the scope borrowed it */
	weir_breaker_fini(&breaker);
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *crawl)
{
	return crawl_run(ctx, err, crawl);
}

int main(int argc, char **argv)
{
	struct crawl crawl = {.urls = argv + 1, .n = (size_t)(argc - 1), .workers = 4, .dead = stderr, .out = stdout};
	int status;
	if (argc > 2 && strcmp(argv[1], "--dead") == 0) {
		crawl.dead = fopen(argv[2], "a");
		crawl.urls += 2;
		crawl.n -= 2;
	}
	if (!crawl.dead) {
		perror(argv[2]);
		return 1;
	}
	if (crawl.n == 0 || crawl.urls[0][0] == '-') {
		fprintf(stderr, "usage: crawl [--dead FILE] URL...\n");
		return 2;
	}
	status = weir_main(app, &crawl);
	if (fclose(crawl.dead) != 0) {
		perror("crawl");
		return 1;
	}
	return status;
}
