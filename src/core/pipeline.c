/* SPDX-License-Identifier: MIT
 *
 * Pipelines: N workers between two channels, and an account that balances.
 *
 * A worker takes a job, runs the handler under a child context with the job's time limit, decides what became of it,
 * drops the input, and hands the result over. Everything it waits for ends with the run's context.
 *
 *  L1  Each worker is the only writer of its statistics block, in the order received, outcome, emitted or undelivered;
 *      so the promise of stats.h is the promise of pipeline.h. In an ordered run a worker may emit results of others:
 *      it got them under the window's lock, after their outcome was counted.
 *  L2  An input belongs to its worker from receive until it is dropped after the handler, or has moved into the value
 *      on the 0 of a stage that takes; a value belongs to the result from the handler's 0 on, and is dropped with it if
 *      the result cannot be handed over.
 *  L3  A worker leaves in this order: its call freed, jobs handle closed (the last one drops what was not picked up),
 *      results handle closed (the last one tells the consumer), alive counted down. So once results close, the account
 *      is final.
 *  L4  The end of the run's context stops intake of its own jobs channel as soon as any worker notices, so a producer
 *      is never left waiting for workers that are busy. A caller's channel (attach) may have other receivers and is
 *      only left.
 *  L5  All memory is there before the first worker starts, each worker's call of the stage (processor.h) too; the job
 *      path allocates nothing.
 *  L6  Whoever closes the last receiving end of the results ends the run's context, so a handler hears of it at once,
 *      and not only a worker that has a result to hand over.
 *
 * Lock order: WEIR__RANK_PIPELINE for `alive` and for the window, never both. The object dies with its scope: after
 * every worker's thread was joined. See chapters 4 and 5 of docs/book. */
#include "pipeline.h"

enum { RECEIVED, SUCCEEDED, FAILED, CANCELED, EMITTED, UNDELIVERED, N_COUNTERS };

static const char *const counter_names[N_COUNTERS] = {"received", "succeeded", "failed",
						      "canceled", "emitted",   "undelivered"};

/* ---- elements ---- */

static size_t element_align(const weir_type *type, size_t head_align)
{
	return weir__type_align(type) > head_align ? weir__type_align(type) : head_align;
}

size_t weir_job_offset(const weir_type *in)
{
	return weir__align_up(sizeof(struct weir_job_head), weir__type_align(in));
}

size_t weir_result_offset(const weir_type *out)
{
	return weir__align_up(sizeof(struct weir_result_head), weir__type_align(out));
}

static void drop_job(void *item, void *arg)
{
	const weir_type *in = arg;
	weir_type_drop(in, (unsigned char *)item + weir_job_offset(in));
}

static void drop_result(void *item, void *arg)
{
	const weir_type *out = arg;
	struct weir_result_head *head = item;
	if (head->rc == 0)
		weir_type_drop(out, (unsigned char *)item + weir_result_offset(out));
	weir_err_fini(&head->err);
}

weir_type weir_job_type(const weir_type *in)
{
	size_t align = element_align(in, _Alignof(struct weir_job_head));
	return (weir_type){.name = in->name,
			   .size = weir__align_up(weir_job_offset(in) + in->size, align),
			   .align = align,
			   .drop = drop_job, /* always: attach knows a job channel by it */
			   .arg = (void *)(uintptr_t)in};
}

weir_type weir_result_type(const weir_type *out)
{
	size_t align = element_align(out, _Alignof(struct weir_result_head));
	return (weir_type){.name = out->name,
			   .size = weir__align_up(weir_result_offset(out) + out->size, align),
			   .align = align,
			   .drop = drop_result,
			   .arg = (void *)(uintptr_t)out};
}

/* ---- what a probe is told: each is called only where there is one ---- */

static void tell_run(struct weir_pipeline *p, enum weir_probe_kind kind, int code, int64_t value)
{
	weir_probe_emit(p->probe, &(struct weir_probe_event){.kind = kind,
							     .code = code,
							     .name = p->opts.name,
							     .span = p->span,
							     .parent = p->parent_span,
							     .value = value,
							     .index = WEIR_PROBE_NO_INDEX});
}

static void tell_job(const struct weir__worker *w, enum weir_probe_kind kind, uint64_t id, uint64_t span, int code,
		     const weir_err *err, int64_t value)
{
	const struct weir_pipeline *p = w->run;
	weir_probe_emit(p->probe, &(struct weir_probe_event){.kind = kind,
							     .code = code,
							     .name = p->opts.name,
							     .id = id,
							     .span = span,
							     .parent = p->span,
							     .value = value,
							     .index = (uint32_t)w->index,
							     .err = err});
}

static uint64_t tell_job_started(const struct weir__worker *w, weir_ctx *ctx, uint64_t id)
{
	uint64_t span = weir_probe_span(w->run->probe);
	weir__probe_carry(ctx, span);
	tell_job(w, WEIR_PROBE_JOB_STARTED, id, span, 0, NULL, 0);
	return span;
}

static void tell_job_over(const struct weir__worker *w, const struct weir_result_head *head, int counter, uint64_t span,
			  int64_t from)
{
	enum weir_probe_kind kind = counter == SUCCEEDED ? WEIR_PROBE_JOB_DONE
				    : counter == FAILED  ? WEIR_PROBE_JOB_FAILED
							 : WEIR_PROBE_JOB_CANCELED;
	weir_rt *rt = w->run->rt;
	tell_job(w, kind, head->id, span, head->rc, head->rc < 0 ? &head->err : NULL, rt->vt->now(rt) - from);
}

/* ---- one job ---- */

/* Turns what the handler returned into the result's head, and returns the counter it belongs to. */
static int classify(weir_ctx *job_ctx, struct weir_result_head *head, int rc)
{
	int ended = rc == WEIR_ECANCELED || rc == WEIR_EDEADLINE ? weir__ctx_ended(job_ctx) : 0;
	if (rc > 0)
		rc = weir_fail(&head->err, WEIR_EINVAL, "the handler returned %d: 0 is success, negative an error", rc);
	if (rc == 0) {
		weir_err_fini(&head->err); /* a detail written and then not returned */
		return SUCCEEDED;
	}
	head->rc = ended ? ended : rc;
	if (head->err.code == 0 || ended)
		head->err.code = head->rc; /* the detail agrees with the result */
	if (!ended)
		return FAILED;
	head->cause = weir__ctx_cause(job_ctx, &head->why);
	return CANCELED;
}

static void run_handler(struct weir__worker *w)
{
	struct weir_pipeline *p = w->run;
	const struct weir_job_head *job = (const void *)w->job;
	struct weir_result_head *head = (void *)w->result;
	int64_t limit = job->timeout_ns > 0 ? job->timeout_ns : p->opts.job_timeout_ns;
	int64_t now = p->rt->vt->now(p->rt);
	weir_ctx ctx;
	memset(w->result, 0, p->result_type.size);
	head->id = job->id;
	head->why = "";
	weir__store64(&w->busy_job, job->id);
	weir__store64(&w->busy_since, (uint64_t)now + 1);
	weir__ctx_init(&ctx, &p->ctx, limit > 0 ? weir_time_add(now, limit) : WEIR_FOREVER, 0, p->site);
	uint64_t span = WEIR__UNLIKELY(p->probe) ? tell_job_started(w, &ctx, job->id) : 0;
	const void *in = w->job + p->in_offset;
	void *out = w->result + p->out_offset;
	int rc = w->call ? p->processor->process(&ctx, w->call, in, out, &head->err)
			 : p->opts.handler(&ctx, in, out, &head->err, p->opts.arg);
	assert(weir__locks_held() == 0);
	int counter = classify(&ctx, head, rc);
	weir__stats_add(p->stats, w->index, (size_t)counter, 1, p->site);
	if (WEIR__UNLIKELY(p->probe))
		tell_job_over(w, head, counter, span, now);
	weir_ctx_fini(&ctx);
	weir__store64(&w->busy_since, 0);
	if (rc != 0 || !p->takes)
		weir_type_drop(p->in, w->job + p->in_offset); /* L2 */
}

/* Hands the result in w->result over, or drops it. */
static void emit(struct weir__worker *w)
{
	struct weir_pipeline *p = w->run;
	int rc = weir__tx_send(&p->ctx, w->results, w->result, p->site);
	weir__stats_add(p->stats, w->index, rc == 0 ? EMITTED : UNDELIVERED, 1, p->site);
	if (rc < 0 && p->probe)
		tell_job(w, WEIR_PROBE_JOB_UNDELIVERED, ((struct weir_result_head *)(void *)w->result)->id, 0, rc, NULL,
			 0);
	if (rc < 0)
		weir_type_drop(&p->result_type, w->result);
	if (rc == WEIR_EPIPE)
		weir__ctx_end(&p->ctx, WEIR_CAUSE_CONSUMER, "nobody reads the results any more");
}

/* ---- the two ways to pick up and deliver ---- */

/* 1: a job is in w->job; else the worker is to leave. */
static int pick_up(struct weir__worker *w)
{
	struct weir_pipeline *p = w->run;
	int rc = weir__rx_recv(&p->ctx, w->jobs, w->job, p->site);
	if (rc == 1)
		weir__stats_add(p->stats, w->index, RECEIVED, 1, p->site);
	return rc;
}

static struct weir_op turn_op(struct weir_pipeline *p, bool may_park)
{
	return (struct weir_op){.kind = WEIR_OP_PIPE_TURN,
				.access = WEIR_ACCESS_WRITE,
				.may_park = may_park,
				.obj = {&p->obj, &weir__ctx(&p->ctx)->obj},
				.at = WEIR_FOREVER,
				.site = p->site};
}

static int pick_up_in_turn(struct weir__worker *w, uint64_t *seq)
{
	struct weir_pipeline *p = w->run;
	struct weir_op op = turn_op(p, true);
	bool hooked = weir__hooked(p->rt);
	if (hooked)
		weir__choice(p->rt, &op);
	int rc = weir__reorder_enter(&p->reorder, &p->ctx, p->rt);
	if (hooked)
		weir__result(p->rt, &op, rc);
	if (rc < 0)
		return rc;
	rc = pick_up(w);
	*seq = weir__reorder_leave(&p->reorder, rc == 1);
	return rc;
}

static void emit_in_turn(struct weir__worker *w, uint64_t seq)
{
	struct weir_pipeline *p = w->run;
	struct weir_op op = turn_op(p, false);
	bool hooked = weir__hooked(p->rt);
	if (hooked)
		weir__choice(p->rt, &op);
	bool mine = weir__reorder_put(&p->reorder, seq, w->result);
	if (hooked)
		weir__result(p->rt, &op, 0);
	while (mine && weir__reorder_next(&p->reorder, w->result)) {
		emit(w);
		weir__reorder_emitted(&p->reorder);
	}
}

/* Nobody begins before all workers exist, so a start that fails has picked up nothing. 0, or the code of the run. */
static int wait_for_start(struct weir_pipeline *p)
{
	int rc = 0;
	uint32_t rank = weir__lock(&p->lock, WEIR__RANK_PIPELINE);
	if (!p->started)
		return weir__queue_wait(&p->gate, &p->lock, rank, NULL, &p->ctx, p->rt, WEIR_FOREVER, &rc, "start",
					p->opts.name)
			       ? rc
			       : weir__ctx_ended(&p->ctx);
	weir__unlock(&p->lock, rank);
	return 0;
}

static int begin(struct weir_pipeline *p)
{
	struct weir_op op = turn_op(p, true);
	if (!weir__hooked(p->rt))
		return wait_for_start(p);
	weir__choice(p->rt, &op);
	return weir__result(p->rt, &op, wait_for_start(p));
}

static void close_call(struct weir__worker *w)
{
	if (w->call)
		w->run->processor->close(&w->call);
}

/* L3, L4 */
static void leave(struct weir__worker *w)
{
	struct weir_pipeline *p = w->run;
	struct weir__wake wake;
	close_call(w);
	int ended = weir__ctx_ended(&p->ctx); /* before the results can close: who sees that may end the run */
	if (p->own_jobs && ended)
		weir__chan_shut(p->jobs);
	weir__rx_close(&w->jobs, p->site);
	weir__tx_close(&w->results, p->site);
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&p->lock, WEIR__RANK_PIPELINE);
	assert(p->alive > 0);
	bool last = --p->alive == 0;
	if (last)
		weir__queue_release(&p->stoppers, 0, &wake);
	weir__unlock(&p->lock, rank);
	weir__wake_all(&wake);
	if (last && p->probe) /* the run is there until this task has been joined */
		tell_run(p, WEIR_PROBE_PIPELINE_DONE, ended, p->rt->vt->now(p->rt) - p->started_at);
}

static int worker_main(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir__worker *w = arg;
	struct weir_pipeline *p = w->run;
	uint64_t seq = 0;
	bool ordered = p->reorder.window > 0;
	(void)ctx, (void)err; /* the run's own context is below the scope's */
	int rc = begin(p);
	while (rc == 0 && (ordered ? pick_up_in_turn(w, &seq) : pick_up(w)) == 1) {
		run_handler(w);
		if (ordered)
			emit_in_turn(w, seq);
		else
			emit(w);
	}
	if (weir__hooked(p->rt)) {
		struct weir_op op = turn_op(p, false);
		op.kind = WEIR_OP_PIPE_LEAVE;
		weir__choice(p->rt, &op);
		weir__result(p->rt, &op, 0);
	}
	leave(w);
	return 0;
}

/* ---- making a run ---- */

static void run_free(struct weir_pipeline *p)
{
	weir_rt *rt = p->rt;
	for (size_t i = 0; i < p->n_workers; i++) { /* of workers that never started */
		close_call(&p->workers[i]);
		weir__rx_close(&p->workers[i].jobs, p->site);
		weir__tx_close(&p->workers[i].results, p->site);
	}
	if (p->jobs)
		weir__chan_unref(p->jobs);
	if (p->results) {
		weir__chan_reader_ctx(p->results, NULL);
		weir__chan_unref(p->results);
	}
	weir_stats_free(&p->stats);
	weir_ctx_fini(&p->ctx);
	weir__gone(rt, &p->obj);
	rt->vt->release(rt, p);
}

static void run_fini(struct weir__owned *owned)
{
	run_free((struct weir_pipeline *)((unsigned char *)owned - offsetof(struct weir_pipeline, owned)));
}

static bool fits(const weir_type *type, const weir_type *stages)
{
	weir_type aligned = *type; /* a stage's says its alignment */
	aligned.align = weir__type_align(type);
	return weir_type_equal(&aligned, stages);
}

static int check_stage(const weir_stage *st, const weir_type *in, const weir_type *out)
{
	const weir_type *takes = NULL, *makes = NULL;
	bool moves;
	int rc = weir__processor_of(st)->check(st, &takes, &makes, &moves);
	if (rc < 0)
		return rc;
	return fits(in, takes) && fits(out, makes) ? 0 : WEIR_ETYPE;
}

static int check_opts(weir_scope *s, const weir_type *in, const weir_type *out, const struct weir_pipeline_opts *opts)
{
	struct weir__scope *scope = weir__scope(s);
	if (!scope || scope->obj.kind != WEIR_OBJ_SCOPE || !in || !out || !opts || !opts->handler == !opts->stage)
		return WEIR_EINVAL;
	if (opts->workers > UINT16_MAX || opts->reorder_window > UINT32_MAX)
		return WEIR_EINVAL;
	if ((weir__type_align(in) & (weir__type_align(in) - 1)) ||
	    (weir__type_align(out) & (weir__type_align(out) - 1)))
		return WEIR_EINVAL;
	int rc = opts->stage ? check_stage(opts->stage, in, out) : 0;
	return rc < 0 ? rc : weir__ctx_ended(&scope->ctx);
}

/* One block: the run, its workers, their scratch, the window. L5 */
static struct weir_pipeline *run_alloc(weir_rt *rt, const weir_type *in, const weir_type *out,
				       const struct weir_pipeline_opts *opts, const void *site)
{
	size_t workers = opts->workers ? opts->workers : 1;
	size_t window = !opts->ordered ? 0 : opts->reorder_window ? opts->reorder_window : 2 * workers;
	weir_type job = weir_job_type(in), result = weir_result_type(out);
	size_t align = job.align > result.align ? job.align : result.align;
	size_t job_size = weir__align_up(job.size, align), result_size = weir__align_up(result.size, align);
	size_t head = sizeof(struct weir_pipeline) + workers * sizeof(struct weir__worker);
	size_t scratch, slots, bytes;
	if (__builtin_mul_overflow(workers, job_size + result_size, &scratch) ||
	    __builtin_mul_overflow(window, result_size + sizeof(bool), &slots) ||
	    __builtin_add_overflow(scratch, slots, &bytes) || __builtin_add_overflow(bytes, head + align, &bytes))
		return NULL;
	struct weir_pipeline *p = rt->vt->alloc(rt, bytes, site);
	if (!p)
		return NULL;
	memset(p, 0, bytes);
	p->obj.kind = WEIR_OBJ_PIPELINE;
	p->owned.fini = run_fini;
	p->rt = rt;
	p->opts = *opts;
	p->opts.name = opts->name ? opts->name : "pipeline";
	p->in = in;
	p->result_type = result; /* points to the caller's *out, as the channel does: both may outlive the run */
	p->in_offset = weir_job_offset(in);
	p->out_offset = weir_result_offset(out);
	p->site = site;
	p->n_workers = workers;
	p->workers = (struct weir__worker *)(p + 1);
	unsigned char *at = (unsigned char *)p + (weir__align_up((uintptr_t)p + head, align) - (uintptr_t)p);
	for (size_t i = 0; i < workers; i++, at += job_size + result_size)
		p->workers[i] = (struct weir__worker){.run = p, .index = i, .job = at, .result = at + job_size};
	p->reorder.window = window;
	p->reorder.result_size = result_size;
	p->reorder.slots = at;
	p->reorder.ready = (bool *)(at + window * result_size);
	return p;
}

/* A handle of each channel for every worker. */
static int run_handles(struct weir_pipeline *p, weir_rx *jobs, weir_tx *results)
{
	int rc = 0;
	for (size_t i = 0; i < p->n_workers && rc == 0; i++) {
		rc = weir__rx_clone(jobs, 1, &p->workers[i].jobs, p->site);
		if (rc == 0)
			rc = weir__tx_clone(results, 1, &p->workers[i].results, p->site);
	}
	return rc;
}

/* A call of the stage for every worker: its helpers are tasks of s. */
static int run_calls(weir_scope *s, struct weir_pipeline *p)
{
	const weir_type *in = NULL, *out = NULL;
	weir_stage *st = p->opts.stage;
	if (!st)
		return 0;
	p->processor = weir__processor_of(st);
	int rc = p->processor->check(st, &in, &out, &p->takes);
	for (size_t i = 0; i < p->n_workers && rc == 0; i++)
		rc = p->processor->open(s, st, &p->workers[i].call);
	return rc;
}

/* Starts the workers, then lets them begin. On failure those that exist find the run ended, and the scope's join
 * sees them off. */
static int run_spawn(weir_scope *s, struct weir_pipeline *p)
{
	struct weir__wake wake;
	int rc = 0;
	p->alive = p->n_workers;
	if (p->probe) /* before a worker could leave */
		tell_run(p, WEIR_PROBE_PIPELINE_STARTED, 0, (int64_t)p->n_workers);
	for (size_t i = 0; i < p->n_workers; i++) {
		rc = weir__scope_spawn(s, p->opts.name, worker_main, &p->workers[i], p->site);
		if (rc < 0) {
			weir__ctx_end(&p->ctx, WEIR_CAUSE_SHUTDOWN, "not all workers could be started");
			for (; i < p->n_workers; i++)
				leave(&p->workers[i]);
			return rc;
		}
	}
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&p->lock, WEIR__RANK_PIPELINE);
	p->started = true;
	weir__queue_release(&p->gate, 0, &wake);
	weir__unlock(&p->lock, rank);
	weir__wake_all(&wake);
	return 0;
}

/* jobs (taken on success) feed the run; *results is set on success. */
static int run_start(weir_scope *s, struct weir_pipeline *p, weir_rx **jobs, weir_rx **results)
{
	weir_tx *results_tx = NULL;
	weir_rx *results_rx = NULL;
	const struct weir_stats_opts stats = {.name = p->opts.name,
					      .counters = counter_names,
					      .n_counters = N_COUNTERS,
					      .n_writers = p->n_workers};
	weir__ctx_init(&p->ctx, weir_scope_ctx(s), WEIR_FOREVER, 0, p->site);
	weir__created(p->rt, &p->obj, &weir__scope(s)->obj, p->site);
	p->probe = weir_probe_of(p->rt);
	if (p->probe) {
		p->started_at = p->rt->vt->now(p->rt);
		p->span = weir_probe_span(p->probe);
		p->parent_span = weir_probe_current(weir_scope_ctx(s));
		weir__probe_carry(&p->ctx, p->span);
	}
	p->jobs = (*jobs)->chan;
	weir__chan_ref(p->jobs);
	int rc = weir_stats_new(p->rt, &stats, &p->stats);
	if (rc == 0)
		rc = weir__chan_new(p->rt, &p->result_type, p->opts.result_buffer, &results_tx, &results_rx, p->site);
	if (rc == 0)
		rc = run_handles(p, *jobs, results_tx);
	if (rc == 0)
		rc = run_calls(s, p);
	weir__tx_close(&results_tx, p->site);
	if (rc < 0) {
		weir__rx_close(&results_rx, p->site);
		run_free(p);
		return rc;
	}
	weir__scope_own(s, &p->owned);
	rc = run_spawn(s, p);
	if (rc < 0) {
		weir__rx_close(&results_rx, p->site);
		return rc;
	}
	p->results = results_rx->chan;
	weir__chan_ref(p->results);
	weir__chan_reader_ctx(p->results, &p->ctx); /* L6: the caller has its end from here on */
	weir__rx_close(jobs, p->site);
	*results = results_rx;
	return 0;
}

int weir_pipeline_start(weir_scope *s, const weir_type *in, const weir_type *out, const struct weir_pipeline_opts *opts,
			weir_tx **jobs, weir_rx **results, weir_pipeline **p)
{
	weir_tx *jobs_tx = NULL;
	weir_rx *jobs_rx = NULL;
	int rc = jobs && results ? check_opts(s, in, out, opts) : WEIR_EINVAL;
	if (rc < 0)
		return rc;
	weir_rt *rt = weir__scope(s)->rt;
	struct weir_pipeline *run = run_alloc(rt, in, out, opts, WEIR__SITE());
	if (!run)
		return WEIR_ENOMEM;
	run->own_jobs = true;
	weir_type job = weir_job_type(in);
	rc = weir__chan_new(rt, &job, opts->job_buffer, &jobs_tx, &jobs_rx, run->site);
	if (rc < 0) {
		rt->vt->release(rt, run);
		return rc;
	}
	const void *site = run->site;
	rc = run_start(s, run, &jobs_rx, results);
	if (rc < 0) {
		weir__rx_close(&jobs_rx, site);
		weir__tx_close(&jobs_tx, site);
		return rc;
	}
	*jobs = jobs_tx;
	if (p)
		*p = run;
	return 0;
}

int weir_pipeline_attach(weir_scope *s, const weir_type *in, const weir_type *out,
			 const struct weir_pipeline_opts *opts, weir_rx **jobs, weir_rx **results, weir_pipeline **p)
{
	int rc = jobs && results ? check_opts(s, in, out, opts) : WEIR_EINVAL;
	if (rc < 0)
		return rc;
	if (!*jobs)
		return WEIR_EBADF;
	weir_rt *rt = weir__scope(s)->rt;
	weir_type job = weir_job_type(in);
	const weir_type *given = &(*jobs)->chan->type;
	/* the caller's job type points to its own description of `in`, which is one if the drop is ours */
	if ((*jobs)->chan->rt != rt || given->size != job.size || given->align != job.align ||
	    given->drop != job.drop || !weir_type_equal(given->arg, in))
		return WEIR_EINVAL;
	struct weir_pipeline *run = run_alloc(rt, in, out, opts, WEIR__SITE());
	if (!run)
		return WEIR_ENOMEM;
	rc = run_start(s, run, jobs, results);
	if (rc == 0 && p)
		*p = run;
	return rc;
}

/* ---- acting on a run ---- */

static struct weir_op run_op(struct weir_pipeline *p, enum weir_op_kind kind, const void *site)
{
	return (struct weir_op){
		.kind = (uint8_t)kind, .access = WEIR_ACCESS_WRITE, .obj = {&p->obj}, .at = WEIR_FOREVER, .site = site};
}

static void pipeline_drain(weir_pipeline *p, const void *site)
{
	struct weir_op op = run_op(p, WEIR_OP_PIPE_DRAIN, site);
	bool hooked = weir__hooked(p->rt);
	if (hooked)
		weir__choice(p->rt, &op);
	weir__chan_shut(p->jobs);
	if (hooked)
		weir__result(p->rt, &op, 0);
}

static void pipeline_cancel(weir_pipeline *p, const char *why, const void *site)
{
	struct weir_op op = run_op(p, WEIR_OP_PIPE_CANCEL, site);
	bool hooked = weir__hooked(p->rt);
	if (hooked)
		weir__choice(p->rt, &op);
	weir__ctx_end(&p->ctx, WEIR_CAUSE_USER, why ? why : "cancelled");
	if (p->own_jobs)
		weir__chan_shut(p->jobs); /* L4 */
	if (hooked)
		weir__result(p->rt, &op, 0);
}

void weir_pipeline_drain(weir_pipeline *p)
{
	if (p)
		pipeline_drain(p, WEIR__SITE());
}

void weir_pipeline_cancel(weir_pipeline *p, const char *why)
{
	if (p)
		pipeline_cancel(p, why, WEIR__SITE());
}

static void fill_stuck(const weir_pipeline *p, weir_pipeline_report *r)
{
	for (size_t i = 0; i < p->n_workers && r->n_stuck < WEIR_PIPELINE_STUCK; i++) {
		uint64_t since = weir__load64(&p->workers[i].busy_since);
		if (since) {
			r->stuck[r->n_stuck].worker = i;
			r->stuck[r->n_stuck].job = weir__load64(&p->workers[i].busy_job);
			r->stuck[r->n_stuck++].since_at = (int64_t)(since - 1);
		}
	}
}

/* A snapshot is read part by part (the counters, the jobs channel, who is alive); each part is a point of its own. */
void weir_pipeline_stats(const weir_pipeline *p, weir_pipeline_report *out)
{
	uint64_t n[N_COUNTERS];
	struct weir_chan_stats jobs;
	weir_pipeline *run = (weir_pipeline *)(uintptr_t)p;
	struct weir_op op = run_op(run, WEIR_OP_STATS_READ, WEIR__SITE());
	bool hooked = weir__hooked(p->rt);
	op.access = WEIR_ACCESS_READ;
	weir_stats_read(p->stats, n);
	weir_pipeline_report r = {.received = n[RECEIVED],
				  .succeeded = n[SUCCEEDED],
				  .failed = n[FAILED],
				  .canceled = n[CANCELED],
				  .emitted = n[EMITTED],
				  .undelivered = n[UNDELIVERED]};
	uint64_t outcomes = r.succeeded + r.failed + r.canceled;
	assert(r.emitted + r.undelivered <= outcomes && outcomes <= r.received);
	r.running = r.received - outcomes;
	r.finishing = outcomes - r.emitted - r.undelivered;
	if (hooked)
		weir__choice(p->rt, &op);
	weir__chan_account(p->jobs, &jobs);
	r.discarded = p->own_jobs ? jobs.dropped : 0;
	if (hooked)
		weir__choice(p->rt, &op);
	uint32_t rank = weir__lock(&run->lock, WEIR__RANK_PIPELINE);
	r.workers_alive = p->alive;
	weir__unlock(&run->lock, rank);
	fill_stuck(p, &r);
	if (hooked)
		weir__result(p->rt, &op, 0);
	*out = r;
}

/* Waits until no worker is left: 0, WEIR_ETIMEOUT at deadline_at, or the code of ctx. */
static int wait_for_workers(weir_ctx *ctx, weir_pipeline *p, int64_t deadline_at)
{
	int rc = 0;
	uint32_t rank = weir__lock(&p->lock, WEIR__RANK_PIPELINE);
	if (p->alive == 0)
		weir__unlock(&p->lock, rank);
	else if (!weir__queue_wait(&p->stoppers, &p->lock, rank, NULL, ctx, p->rt, deadline_at, &rc, "stop",
				   p->opts.name)) {
		int ended = weir__ctx_ended(ctx);
		rc = ended ? ended : WEIR_ETIMEOUT;
	}
	return rc;
}

static int pipeline_stop(weir_ctx *ctx, weir_pipeline *p, int64_t grace_ns, const void *site)
{
	struct weir_op op = run_op(p, WEIR_OP_PIPE_STOP, site);
	bool hooked = weir__hooked(p->rt);
	op.may_park = true;
	op.obj[1] = &weir__ctx(ctx)->obj;
	int rc = weir__ctx_ended(ctx);
	if (rc == 0) {
		pipeline_drain(p, site);
		if (hooked)
			weir__choice(p->rt, &op);
		rc = wait_for_workers(ctx, p, weir_time_add(p->rt->vt->now(p->rt), grace_ns));
		if (hooked)
			weir__result(p->rt, &op, rc);
	}
	if (rc == 0)
		return 0;
	pipeline_cancel(p, "stopped after its grace time", site);
	if (rc != WEIR_ETIMEOUT)
		return rc; /* the caller's context ended: no second phase */
	if (hooked)
		weir__choice(p->rt, &op);
	rc = wait_for_workers(ctx, p, weir_time_add(p->rt->vt->now(p->rt), grace_ns));
	if (hooked)
		weir__result(p->rt, &op, rc);
	return rc == 0 ? WEIR_ECANCELED : rc;
}

int weir_pipeline_stop(weir_ctx *ctx, weir_pipeline *p, int64_t grace_ns, weir_pipeline_report *out)
{
	if (!p || grace_ns < 0)
		return WEIR_EINVAL;
	assert(weir__locks_held() == 0);
	int rc = pipeline_stop(ctx, p, grace_ns, WEIR__SITE());
	if (!out)
		return rc;
	weir_pipeline_stats(p, out);
	/* who was left when the time was over may have gone since, and then there is nobody to name */
	return rc == WEIR_ETIMEOUT && out->workers_alive == 0 ? WEIR_ECANCELED : rc;
}
