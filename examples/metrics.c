/* SPDX-License-Identifier: MIT
 *
 * metrics - a probe that counts what goes on in a pipeline and its stages, and how long it took.
 *
 * The probe is attached before anything is made, and knows of the pipeline by its events alone. It is called by all
 * workers at once, so what it adds to are atomics; it never waits. Three stages: `fetch` takes some milliseconds,
 * a filter drops every fifth value, `price` fails for every seventh. What the probe counted must be what the pipeline
 * and the results say. Exit status: 0; 1 something failed, or the counts do not agree. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

#define JOBS 70
#define WORKERS 4
#define STAGES 4

WEIR_TYPE_PLAIN(num, int64_t);
WEIR_PIPELINE_DECLARE(shop, num, num);

static const char *const stage_names[STAGES] = {"chain", "fetch", "filter", "price"};

struct metrics {
	weir_probe probe;
	weir_atomic kinds[WEIR_PROBE_KINDS]; /* events of each kind */
	weir_atomic ended[STAGES], ns[STAGES];
	uint64_t got[3];          /* results: good, filtered, failed */
	int64_t total_ns[STAGES]; /* ns, when all has ended */
};

static void on_event(const struct weir_probe_event *event, void *arg)
{
	struct metrics *m = arg;
	bool over = event->kind == WEIR_PROBE_STAGE_DONE || event->kind == WEIR_PROBE_STAGE_FAILED ||
		    event->kind == WEIR_PROBE_STAGE_FILTERED;
	weir_atomic_add(&m->kinds[event->kind], 1);
	for (int i = 0; over && i < STAGES; i++) {
		if (strcmp(event->name, stage_names[i]) == 0) {
			weir_atomic_add(&m->ended[i], 1);
			weir_atomic_add(&m->ns[i], (uint64_t)event->value);
		}
	}
}

static int fetch(weir_ctx *ctx, const int64_t *in, int64_t *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*out = *in;
	return weir_sleep(ctx, WEIR_MS(2));
}
WEIR_STAGE_DECLARE(fetch, num, num);

static int no_fifth(weir_ctx *ctx, const void *in, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	return *(const int64_t *)in % 5 != 0;
}

static int price(weir_ctx *ctx, const int64_t *in, int64_t *out, weir_err *err, void *arg)
{
	(void)arg;
	*out = *in * 100;
	if (*in % 7 == 0)
		return weir_fail(err, WEIR_EUSER - 1, "no price for %" PRId64, *in);
	return weir_sleep(ctx, WEIR_MS(1));
}
WEIR_STAGE_DECLARE(price, num, num);

static int produce(weir_ctx *ctx, weir_err *err, shop_jobs *jobs)
{
	int rc = 0;
	(void)err;
	for (int64_t i = 1; i <= JOBS && rc == 0; i++)
		rc = shop_send(ctx, *jobs, &(struct shop_job){.head.id = (uint64_t)i, .in = i});
	shop_jobs_close(jobs);
	return rc;
}
WEIR_TASK_DECLARE(produce, shop_jobs);

static int run_shop(weir_ctx *ctx, weir_err *err, struct metrics *m)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_stage *const stages[] = {fetch_stage(rt, NULL), weir_filter(rt, num_type(), no_fifth, NULL),
				      price_stage(rt, NULL)};
	weir_stage *st = weir_chain(stages, 3);
	const struct weir_pipeline_opts opts = {.stage = st, .workers = WORKERS, .name = "shop"};
	shop_jobs jobs = {0};
	shop_results results = {0};
	struct shop_result r;
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = shop_start(&s, &opts, &jobs, &results, NULL);
	if (rc == 0)
		rc = produce_spawn(&s, &jobs);
	while (rc >= 0 && (rc = shop_recv(ctx, results, &r)) > 0) {
		m->got[r.head.rc == 0 ? 0 : r.head.rc == WEIR_EFILTERED ? 1 : 2]++;
		shop_result_drop(&r);
	}
	shop_results_close(&results);
	rc = weir_scope_join(ctx, &s, rc, err);
	shop_jobs_close(&jobs);
	weir_stage_free(&st);
	return rc;
}

static uint64_t seen(const struct metrics *m, enum weir_probe_kind kind)
{
	return weir_atomic_load(&m->kinds[kind]);
}

/* Whether what was told agrees with what was received. Times are not compared: a machine can be slow. */
static int check(const struct metrics *m, weir_err *err)
{
	uint64_t stages = seen(m, WEIR_PROBE_STAGE_DONE) + seen(m, WEIR_PROBE_STAGE_FAILED) +
			  seen(m, WEIR_PROBE_STAGE_FILTERED);
	if (m->got[0] != 48 || m->got[1] != 14 || m->got[2] != 8)
		return weir_fail(err, WEIR_EUSER - 2, "not the results that were expected");
	if (seen(m, WEIR_PROBE_STAGE_STARTED) != stages || seen(m, WEIR_PROBE_JOB_STARTED) != JOBS)
		return weir_fail(err, WEIR_EUSER - 3, "something began and did not end, or the other way round");
	/* What a filter dropped has no value: for the pipeline such a job has failed. */
	if (seen(m, WEIR_PROBE_JOB_DONE) != m->got[0] || seen(m, WEIR_PROBE_JOB_FAILED) != m->got[1] + m->got[2])
		return weir_fail(err, WEIR_EUSER - 4, "jobs that ended otherwise than their results say");
	if (weir_atomic_load(&m->ended[1]) != JOBS || weir_atomic_load(&m->ended[2]) != JOBS ||
	    weir_atomic_load(&m->ended[3]) != JOBS - m->got[1])
		return weir_fail(err, WEIR_EUSER - 5, "stages that saw more or fewer values");
	return 0;
}

static void print(const struct metrics *m)
{
	for (int kind = 1; kind < WEIR_PROBE_KINDS; kind++)
		if (seen(m, (enum weir_probe_kind)kind) > 0)
			printf("%-18s %" PRIu64 "\n", weir_probe_kind_name((enum weir_probe_kind)kind),
			       seen(m, (enum weir_probe_kind)kind));
	for (int i = 0; i < STAGES; i++) {
		uint64_t n = weir_atomic_load(&m->ended[i]), ns = weir_atomic_load(&m->ns[i]);
		printf("stage %-12s %" PRIu64 " times, %" PRIu64 " us each\n", stage_names[i], n,
		       n ? ns / n / 1000 : 0);
	}
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct metrics own = {0}, *m = arg ? arg : &own; /* a caller that gives its own wants to look at it */
	weir_rt *rt = weir_ctx_rt(ctx);
	m->probe = (weir_probe){.fn = on_event, .arg = m};
	for (int i = 0; i < WEIR_PROBE_KINDS; i++)
		weir_atomic_init(&m->kinds[i], rt, 0);
	for (int i = 0; i < STAGES; i++) {
		weir_atomic_init(&m->ended[i], rt, 0);
		weir_atomic_init(&m->ns[i], rt, 0);
	}
	int rc = weir_probe_attach(rt, &m->probe);
	if (rc == 0)
		rc = run_shop(ctx, err, m);
	weir_probe_detach(rt);
	for (int i = 0; i < STAGES; i++)
		m->total_ns[i] = (int64_t)weir_atomic_load(&m->ns[i]);
	if (rc == 0)
		rc = check(m, err);
	if (rc == 0 && m == &own)
		print(m);
	for (int i = 0; i < WEIR_PROBE_KINDS; i++)
		weir_atomic_fini(&m->kinds[i]);
	for (int i = 0; i < STAGES; i++) {
		weir_atomic_fini(&m->ended[i]);
		weir_atomic_fini(&m->ns[i]);
	}
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}
