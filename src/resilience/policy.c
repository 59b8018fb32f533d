/* SPDX-License-Identifier: MIT
 *
 * Layers in order: see resilience/policy.h. There is no stage of its own: what comes out is the outermost layer. */
#include <weir/resilience/policy.h>

#include "wrap.h"

/* What is wrong with the policy as a whole; NULL: nothing. */
static const char *what_is_wrong(const struct weir_policy_opts *o)
{
	const struct weir_dead_opts *d = &o->dead_letter;
	const struct weir_limiter_opts *l = &o->limiter;
	int64_t total = o->total_timeout_ns;
	if (!d->fn && (d->when || d->arg || d->grace_ns || d->name))
		return "has options of a dead letter, but no function that is told";
	if (!l->bucket && !l->bands && (l->tokens || l->max_wait_ns || l->name))
		return "has options of a limiter, but no bucket or bands";
	if (total > 0 && o->attempt_timeout_ns >= total)
		return "gives each attempt as long as all of them together: it could never end first";
	if (total > 0 && o->retry && o->retry->total_ns > total)
		return "tries again for longer than the total timeout";
	if (o->bulkhead && o->adaptive)
		return "has a bulkhead and an adaptive limit: one of them says how many";
	if (!d->fn && !total && !o->retry && !o->breaker && !o->throttle && !l->bucket && !l->bands && !o->bulkhead &&
	    !o->adaptive && !o->attempt_timeout_ns)
		return "has no layer at all";
	return NULL;
}

static const struct weir__stage_ops wrong_ops = {0}; /* S1: it is never bound */

weir_stage *weir_policy(weir_stage *child, const struct weir_policy_opts *opts)
{
	static const struct weir_policy_opts none;
	const struct weir_policy_opts *o = opts ? opts : &none;
	const char *wrong = what_is_wrong(o);
	weir_stage *st = child;
	if (wrong) {
		st = weir__wrap_make(child, &wrong_ops, "policy", sizeof(weir_stage), 0);
		if (weir__stage_ok(st))
			weir__stage_wrong(st, WEIR_EINVAL, "%s", wrong);
		return st;
	}
	if (o->attempt_timeout_ns)
		st = weir_timeout_with(st, &(struct weir_timeout_opts){.limit_ns = o->attempt_timeout_ns,
								       .name = "attempt"});
	if (o->bulkhead)
		st = weir_bulkhead_stage(st, o->bulkhead);
	if (o->adaptive)
		st = weir_adaptive_stage(st, o->adaptive);
	if (o->limiter.bucket || o->limiter.bands)
		st = weir_limit_stage_with(st, &o->limiter);
	if (o->throttle)
		st = weir_throttle_stage(st, o->throttle);
	if (o->breaker)
		st = weir_guard(st, o->breaker);
	if (o->retry)
		st = weir_retry(st, o->retry);
	if (o->total_timeout_ns)
		st = weir_timeout_with(st,
				       &(struct weir_timeout_opts){.limit_ns = o->total_timeout_ns, .name = "total"});
	if (o->dead_letter.fn)
		st = weir_dead_letter_with(st, &o->dead_letter);
	return st;
}
