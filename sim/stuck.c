/* SPDX-License-Identifier: MIT
 *
 * A cycle of waits, found when it closes.
 *
 * A lock and a join wait for tasks that are known, and for nothing else: no deadline and no cancel ends them. So where
 * a task waits in this way for itself, through others that do, all of them wait for ever, whatever the rest of the
 * program does. The edges:
 *
 *   lock          -> the holder of the mutex; in a condition's wait, once it locks again, likewise
 *   read_lock     -> who writes; behind a writer that waits: that writer
 *   write_lock    -> who writes, each of those who read
 *   join of a scope -> each of its tasks that is not over;   join of a task -> it
 *
 *  K1  Only waits that one edge is enough to make endless are edges: each of these waits for all of its targets.
 *      Channels, conditions, semaphores and wait groups may be helped by anybody, and are not here (formed.c).
 *  K2  A cycle closes when a task begins to wait: a task that is given a lock does not wait any more. So it is looked
 *      for there, from that task, and costs nothing elsewhere.
 *  K3  Who reads a lock is known by the results of its reads: a set, so somebody who reads twice and unlocks once
 *      counts as gone. Then a cycle is found only when nobody can run, and never one that is not there. */
#include "stuck.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "../src/core/inspect.h"
#include "report.h"

/* What a task waits for. */
struct targets {
	uint64_t tasks[SIM_WORDS];
	const struct weir_obj *over; /* lock or scope; NULL: the task itself */
};

static void add(struct targets *to, uint32_t task)
{
	to->tasks[task / 64] |= UINT64_C(1) << (task % 64);
}

static bool has(const struct targets *to, uint32_t task)
{
	return to->tasks[task / 64] >> (task % 64) & 1;
}

/* ---- who reads ---- */

void weir__sim_note_reader(struct sim *s, const struct sim_task *t, const struct weir_op *op, int rc)
{
	struct sim_object *o = weir__sim_object(s, op->obj[0]);
	uint64_t bit = UINT64_C(1) << (t->index % 64);
	if (!o || rc < 0)
		return;
	if (op->kind == WEIR_OP_READ_UNLOCK)
		o->readers[t->index / 64] &= ~bit;
	else
		o->readers[t->index / 64] |= bit;
}

/* ---- edges ---- */

static void add_holder(const struct sim *s, const weir_task *holder, struct targets *to)
{
	for (uint32_t i = 0; holder && i < s->n_tasks; i++)
		if (&s->tasks[i]->pub == holder)
			add(to, i);
}

static void add_rwlock(struct sim *s, const struct sim_task *t, const struct weir__sync_view *v, struct targets *to)
{
	const struct sim_object *o = weir__sim_object(s, to->over);
	add_holder(s, v->holder, to);
	if (v->holder || !o)
		return;
	if (t->op->kind == WEIR_OP_WRITE_LOCK)
		memcpy(to->tasks, o->readers, sizeof(to->tasks));
	for (uint32_t i = 0; t->op->kind == WEIR_OP_READ_LOCK && i < s->n_tasks; i++) {
		const struct sim_task *u = s->tasks[i];
		if (u->state == SIM_PARKED && u->op->kind == WEIR_OP_WRITE_LOCK && u->op->obj[0] == to->over)
			add(to, i);
	}
}

static void add_lock(struct sim *s, const struct sim_task *t, struct targets *to)
{
	struct weir__sync_view v;
	uint64_t unused;
	to->over = t->op->obj[0];
	if (t->op->kind == WEIR_OP_COND_WAIT) {
		to->over = t->op->obj[2];
		if (!weir__inspect_waits(to->over, &t->pub, &unused))
			return; /* it waits for a signal */
	}
	if (!weir__inspect_sync(to->over, &v))
		return;
	if (to->over->kind == WEIR_OBJ_RWLOCK)
		add_rwlock(s, t, &v, to);
	else
		add_holder(s, v.holder, to);
}

/* K1; none: it does not wait, or not like this. */
static struct targets targets_of(struct sim *s, const struct sim_task *t)
{
	struct targets to = {.over = NULL};
	if (t->state == SIM_JOINING) {
		add(&to, t->join_target);
	} else if (t->state != SIM_PARKED || t->token || t->due || t->deadline_at != WEIR_FOREVER || !t->op) {
		return to;
	} else if (t->op->kind == WEIR_OP_SCOPE_JOIN) {
		to.over = t->op->obj[0];
		for (uint32_t i = 0; i < s->n_tasks; i++)
			if (s->tasks[i]->scope == to.over->shadow && s->tasks[i]->state != SIM_EXITED)
				add(&to, i);
	} else if (weir__sim_waits_for_tasks(t->op->kind)) {
		add_lock(s, t, &to);
	}
	return to;
}

/* ---- the search, and what it says ---- */

static void put_over(struct sim *s, const struct weir_obj *over, struct sim_line *line)
{
	struct sim_trace_ref ref;
	const struct sim_object *o = over ? weir__sim_object(s, over) : NULL;
	weir__sim_trace_ref(s, o, &ref);
	weir__sim_put_ref(line, &ref, true);
	if (over)
		weir__sim_put(line, over->kind == WEIR_OBJ_SCOPE ? ", not over before " : " held by ");
	else
		weir__sim_put(line, "the end of ");
}

/* path[0] waits for path[1], ..., the last for path[0]. Parked: their frames are there. */
static void fail(struct sim *s, const uint32_t *path, uint32_t n)
{
	struct sim_line line = {.n = 0};
	uint32_t running = 0;
	for (uint32_t i = 0; i < s->n_tasks; i++)
		running += s->tasks[i]->state == SIM_RUNNABLE || s->tasks[i]->state == SIM_AWAITING ||
			   (s->tasks[i]->state == SIM_PARKED && s->tasks[i]->deadline_at != WEIR_FOREVER);
	for (uint32_t i = 0; i < n; i++) {
		const struct sim_task *t = s->tasks[path[i]];
		if (i == 0)
			weir__sim_put_task(&line, s, path[i]);
		weir__sim_put(&line, " -> ");
		put_over(s, targets_of(s, t).over, &line);
		weir__sim_put_task(&line, s, path[(i + 1) % n]);
		s->failure.place += (uintptr_t)t->op->site * UINT64_C(0x9e3779b97f4a7c15);
	}
	weir__sim_fail(s, WEIR_SIM_DEADLOCK, "%s: %s%s", n > 1 ? "a cycle of waits" : "a task waits for itself",
		       line.text,
		       running == 0   ? ""
		       : running == 1 ? " (another task can go on)"
				      : " (other tasks can go on)");
}

/* Breadth first, so the cycle is a shortest one. */
void weir__sim_look_for_cycle(struct sim *s, const struct sim_task *t)
{
	uint32_t by[WEIR_SIM_TASKS], queue[WEIR_SIM_TASKS], path[WEIR_SIM_TASKS], n = 1, length = 0;
	memset(by, 0xff, s->n_tasks * sizeof(by[0]));
	queue[0] = t->index;
	for (uint32_t at = 0; at < n; at++) {
		struct targets to = targets_of(s, s->tasks[queue[at]]);
		if (has(&to, t->index)) {
			for (uint32_t i = queue[at]; i != t->index; i = by[i])
				path[length++] = i;
			path[length++] = t->index;
			for (uint32_t i = 0; i < length / 2; i++) { /* it was found from its end */
				uint32_t other = path[i];
				path[i] = path[length - 1 - i];
				path[length - 1 - i] = other;
			}
			fail(s, path, length);
			return;
		}
		for (uint32_t i = 0; i < s->n_tasks; i++) {
			if (!has(&to, i) || by[i] != SIM_NONE)
				continue;
			by[i] = queue[at];
			queue[n++] = i;
		}
	}
}

uint64_t weir__sim_blocked_place(const struct sim *s)
{
	uint64_t place = 0;
	for (uint32_t i = 0; i < s->n_tasks; i++)
		if (s->tasks[i]->state == SIM_PARKED && s->tasks[i]->op)
			place += (uintptr_t)s->tasks[i]->op->site * UINT64_C(0x9e3779b97f4a7c15);
	return place;
}
