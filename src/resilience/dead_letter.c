/* SPDX-License-Identifier: MIT
 *
 * Dead letters: see resilience/dead_letter.h; their log is in dead_log.c.
 *
 *  D1  What is returned is what the child returned, whatever the handler does.
 *  D2  A letter has all that is known, also where the caller wants no detail (wrap.h, W2). */
#include <weir/resilience/dead_letter.h>

#include "wrap.h"

struct dead_letter {
	weir_stage base;
	struct weir_dead_opts opts;
};

static bool wanted(const struct weir_dead_opts *o, int rc, const weir_err *failure)
{
	return o->when ? o->when(rc, failure, o->arg) : !weir__is_no_fault(rc) && rc != WEIR_ENOROUTE;
}

static __attribute__((noinline)) void bury(weir_ctx *ctx, const struct weir__wrap *w, int rc, int64_t from,
					   const void *in, weir_err *err)
{
	const struct dead_letter *d = (const struct dead_letter *)w->st;
	weir_rt *rt = d->base.rt;
	struct weir_err_info info;
	weir_err own = {0};
	weir_ctx shield;
	if (!wanted(&d->opts, rc, err))
		return;
	struct weir_dead dead = {.item = in,
				 .type = &d->base.in,
				 .code = rc,
				 .err = err,
				 .attempts = 1,
				 .first_at = from,
				 .last_at = weir_rt_now(rt),
				 .last_utc = weir_rt_wall(rt),
				 .stage = w->child.st->name};
	dead.first_utc = dead.last_utc - (dead.last_at - dead.first_at);
	if (weir_err_as(err, WEIR_EEXHAUSTED, &info) && info.value > 0)
		dead.attempts = (uint64_t)info.value;
	weir_ctx_init_shield(&shield, ctx, d->opts.grace_ns);
	int told = d->opts.fn(&shield, &dead, &own, d->opts.arg);
	weir_ctx_fini(&shield);
	if (told > 0)
		(void)weir_fail(&own, WEIR_EINVAL, "the handler returned %d: 0 is success, negative an error", told);
	else if (told < 0 && own.code != told)
		(void)weir_err_wrap(&own, told, 0);
	if (told != 0) {
		weir_err_frame(&own, d->base.name, WEIR__NO_INDEX, 0);
		weir_err_add(err, rt, 0, &own);
	}
	weir__told(w->probed, told == 0 ? WEIR_PROBE_DEAD : WEIR_PROBE_DEAD_FAILED,
		   told > 0   ? WEIR_EINVAL
		   : told < 0 ? told
			      : rc,
		   (int64_t)dead.attempts);
	weir_err_fini(&own);
}

static int dead_letter_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct weir__wrap *w = arg;
	weir_err *detail = weir__wrap_detail(w, err);
	int64_t from = weir_rt_now(w->st->rt);
	int rc = weir__run(ctx, &w->child, WEIR__NO_INDEX, in, out, detail);
	if (__builtin_expect(rc != 0, 0))
		bury(ctx, w, rc, from, in, detail);
	weir__wrap_forget(w);
	return rc; /* D1 */
}

static void dead_letter_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	(void)weir__wrap_bind(b, st, sizeof(struct weir__wrap), dead_letter_process, out);
}

static const struct weir__stage_ops dead_letter_ops = {.bind = dead_letter_bind};

weir_stage *weir_dead_letter_with(weir_stage *child, const struct weir_dead_opts *opts)
{
	const char *name = opts && opts->name ? opts->name : "dead_letter";
	weir_stage *st = weir__wrap_make(child, &dead_letter_ops, name, sizeof(struct dead_letter),
					 sizeof(struct weir__wrap));
	if (!weir__stage_ok(st))
		return st;
	struct weir_dead_opts *o = &((struct dead_letter *)st)->opts;
	if (opts)
		*o = *opts;
	o->grace_ns = o->grace_ns ? o->grace_ns : WEIR_DEAD_GRACE;
	if (!o->fn)
		weir__stage_wrong(st, WEIR_EINVAL, "needs a function that is told");
	if (o->grace_ns < 0 || o->grace_ns == WEIR_FOREVER)
		weir__stage_wrong(st, WEIR_EINVAL, "needs a grace time of 0 (the default) or more, with an end");
	return st;
}

weir_stage *weir_dead_letter(weir_stage *child, weir_dead_fn *fn, void *arg)
{
	return weir_dead_letter_with(child, &(struct weir_dead_opts){.fn = fn, .arg = arg});
}
