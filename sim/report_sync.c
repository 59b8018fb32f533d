/* SPDX-License-Identifier: MIT
 *
 * The objects of core/sync.h in reports: what a task waits for and who has it, who could end that wait, and what an
 * operation gave.
 *
 *   lock, write_lock, once   whoever holds it, or runs it: known by task, since which step, and where it asked
 *   write_lock behind readers   those readers: a lock only counts them, so they are read from the trace
 *   read_lock behind a writer that waits   that writer
 *   cond_wait                nobody known: whoever signals; while it locks again, the holder of the mutex
 *   acquire, wg_wait         nobody known, for permits and counts belong to nobody; the numbers are shown
 *
 *  X1  Reads the state in which the schedule stopped, and changes nothing; runs outside of tasks.
 *  X2  A holder that is not a task of this schedule is not shown: memory that was never initialised is no evidence. */
#include <assert.h>

#include "../src/core/inspect.h"
#include "report.h"

const char *weir__sim_sync_verb(int op)
{
	static const char *const verbs[WEIR_OP_KINDS] = {
		[WEIR_OP_LOCK] = "lock",
		[WEIR_OP_TRY_LOCK] = "try_lock",
		[WEIR_OP_UNLOCK] = "unlock",
		[WEIR_OP_READ_LOCK] = "read_lock",
		[WEIR_OP_TRY_READ_LOCK] = "try_read_lock",
		[WEIR_OP_READ_UNLOCK] = "read_unlock",
		[WEIR_OP_WRITE_LOCK] = "write_lock",
		[WEIR_OP_TRY_WRITE_LOCK] = "try_write_lock",
		[WEIR_OP_WRITE_UNLOCK] = "write_unlock",
		[WEIR_OP_COND_WAIT] = "cond_wait",
		[WEIR_OP_COND_SIGNAL] = "signal",
		[WEIR_OP_COND_BROADCAST] = "broadcast",
		[WEIR_OP_ACQUIRE] = "acquire",
		[WEIR_OP_TRY_ACQUIRE] = "try_acquire",
		[WEIR_OP_RELEASE] = "release",
		[WEIR_OP_WG_ADD] = "wg_add",
		[WEIR_OP_WG_DONE] = "wg_done",
		[WEIR_OP_WG_WAIT] = "wg_wait",
		[WEIR_OP_ONCE] = "once",
		[WEIR_OP_ONCE_DONE] = "once_done",
		[WEIR_OP_LOAD] = "load",
		[WEIR_OP_STORE] = "store",
		[WEIR_OP_ADD] = "add",
		[WEIR_OP_EXCHANGE] = "exchange",
		[WEIR_OP_CAS] = "cas",
		[WEIR_OP_ON_END] = "wait_end",
		[WEIR_OP_ON_END_DONE] = "fn_done",
		[WEIR_OP_ON_END_STOP] = "stop",
#ifdef WEIR_EXPLORE_ATOMICS
		[WEIR_OP_WORD_READ] = "read",
		[WEIR_OP_WORD_WRITE] = "write",
		[WEIR_OP_WORD_LOCK] = "lock",
		[WEIR_OP_WORD_UNLOCK] = "unlock",
#endif
	};
	return verbs[op] ? verbs[op] : "wait";
}

/* ---- what it waits for ---- */

/* X2: SIM_NONE if it is none. */
static uint32_t task_index(const struct sim *s, const weir_task *task)
{
	for (uint32_t i = 0; task && i < s->n_tasks; i++)
		if (&s->tasks[i]->pub == task)
			return i;
	return SIM_NONE;
}

static void put_name(struct sim_line *line, const struct sim_out *out, const struct weir_obj *obj)
{
	struct sim_trace_ref ref;
	weir__sim_trace_ref(out->s, weir__sim_object(out->s, obj), &ref);
	weir__sim_put_ref(line, &ref, true);
}

/* ", held by T2 since step 41, file.c:12" */
static void put_held(struct sim_line *line, const struct sim_out *out, const struct weir_obj *obj,
		     const struct weir__sync_view *v, const char *held)
{
	const struct sim_object *o = weir__sim_object(out->s, obj);
	uint32_t holder = task_index(out->s, v->holder);
	if (holder == SIM_NONE)
		return;
	weir__sim_put(line, ", %s T%u", held, holder);
	if (o && o->holder == v->holder)
		weir__sim_put(line, " since step %llu", (unsigned long long)o->held_step);
	if (v->site)
		weir__sim_put(line, ", %s", weir__sim_line_of(out, v->site));
}

static void put_count(struct sim_line *line, uint64_t n, const char *what)
{
	weir__sim_put(line, ", %llu %s%s", (unsigned long long)n, what, n == 1 ? "" : "s");
}

static void put_details(struct sim_line *line, const struct sim_out *out, const struct sim_task *t,
			const struct weir_obj *obj)
{
	struct weir__sync_view v;
	uint64_t wanted = 0;
	if (!weir__inspect_sync(obj, &v))
		return;
	switch (obj->kind) {
	case WEIR_OBJ_MUTEX:
		put_held(line, out, obj, &v, "held by");
		break;
	case WEIR_OBJ_RWLOCK:
		put_held(line, out, obj, &v, "held for writing by");
		if (v.readers)
			put_count(line, v.readers, "reader");
		if (v.waiting_writers && t->op->kind == WEIR_OP_READ_LOCK)
			weir__sim_put(line, ", a writer waits");
		break;
	case WEIR_OBJ_ONCE:
		put_held(line, out, obj, &v, "run by");
		break;
	case WEIR_OBJ_SEM:
		if (weir__inspect_waits(obj, &t->pub, &wanted))
			weir__sim_put(line, ", wants %llu, %llu free", (unsigned long long)wanted,
				      (unsigned long long)v.count);
		if (v.waiting > 1)
			weir__sim_put(line, ", %zu wait", v.waiting);
		break;
	case WEIR_OBJ_WG:
		weir__sim_put(line, ", count %llu", (unsigned long long)v.count);
		break;
	default:
		break;
	}
}

/* The mutex that a condition's wait locks again, or NULL: it waits for a signal. */
static const struct weir_obj *locks_again(const struct sim_task *t)
{
	uint64_t unused;
	if (t->op->kind != WEIR_OP_COND_WAIT || !weir__inspect_waits(t->op->obj[2], &t->pub, &unused))
		return NULL;
	return t->op->obj[2];
}

bool weir__sim_put_sync(struct sim_line *line, const struct sim_out *out, const struct sim_task *t)
{
	const struct weir_obj *obj = t->op->obj[0], *mutex;
	if (!obj || obj->kind < WEIR_OBJ_MUTEX || obj->kind > WEIR_OBJ_ATOMIC)
		return false;
	weir__sim_put(line, "%s(", weir__sim_sync_verb(t->op->kind));
	put_name(line, out, obj);
	if (t->op->kind != WEIR_OP_COND_WAIT) {
		if (t->op->may_park)
			put_details(line, out, t, obj);
	} else {
		mutex = locks_again(t);
		weir__sim_put(line, mutex ? ", signalled, locks " : ", ");
		put_name(line, out, t->op->obj[2]);
		if (mutex)
			put_details(line, out, t, mutex);
	}
	weir__sim_put(line, ")");
	return true;
}

/* ---- who could end the wait ---- */

/* How often the task has the lock for reading, as far as the trace tells. */
static int reads(const struct sim_out *out, uint32_t task, const struct sim_trace_ref *lock)
{
	const struct sim_trace *trace = out->s->trace;
	int n = 0;
	for (size_t i = 0; trace && i < trace->n; i++) {
		const struct sim_event *e = &trace->events[i];
		if (e->kind != SIM_EV_RESULT || e->task != task || e->obj.kind != lock->kind ||
		    e->obj.display != lock->display || e->rc < 0)
			continue;
		n += e->op == WEIR_OP_READ_LOCK || e->op == WEIR_OP_TRY_READ_LOCK;
		n -= e->op == WEIR_OP_READ_UNLOCK;
	}
	return n;
}

static uint32_t rwlock_blockers(const struct sim_out *out, const struct sim_task *t, const struct weir__sync_view *v,
				uint32_t *tasks)
{
	const struct weir_obj *obj = t->op->obj[0];
	bool behind_writers = t->op->kind == WEIR_OP_READ_LOCK && !v->holder;
	struct sim_trace_ref ref;
	uint32_t n = 0;
	weir__sim_trace_ref(out->s, weir__sim_object(out->s, obj), &ref);
	for (uint32_t i = 0; i < out->s->n_tasks; i++) {
		const struct sim_task *other = out->s->tasks[i];
		bool writes = other->state == SIM_PARKED && other->op && other->op->kind == WEIR_OP_WRITE_LOCK &&
			      other->op->obj[0] == obj;
		if (behind_writers ? writes : v->readers > 0 && reads(out, i, &ref) > 0)
			tasks[n++] = i;
	}
	return n;
}

uint32_t weir__sim_sync_blockers(const struct sim_out *out, const struct sim_task *t, struct sim_trace_ref *over,
				 uint32_t tasks[WEIR_SIM_TASKS])
{
	const struct weir_obj *obj = t->op->obj[0], *mutex;
	struct weir__sync_view v;
	if (t->op->kind == WEIR_OP_COND_WAIT) {
		mutex = locks_again(t);
		obj = mutex ? mutex : obj;
	}
	if (!obj || !weir__inspect_sync(obj, &v))
		return 0;
	weir__sim_trace_ref(out->s, weir__sim_object(out->s, obj), over);
	if (obj->kind == WEIR_OBJ_RWLOCK && !v.holder)
		return rwlock_blockers(out, t, &v, tasks);
	tasks[0] = task_index(out->s, v.holder);
	return tasks[0] != SIM_NONE;
}

const char *weir__sim_sync_relation(const struct sim_out *out, uint32_t kind, uint32_t holder, uint32_t waiting)
{
	const struct weir_op *h = out->s->tasks[holder]->op, *w = out->s->tasks[waiting]->op;
	bool queued = h && w && h->kind == WEIR_OP_WRITE_LOCK && h->obj[0] == w->obj[0] &&
		      out->s->tasks[holder]->state == SIM_PARKED;
	switch (kind) {
	case WEIR_OBJ_MUTEX:
		return " is held by ";
	case WEIR_OBJ_RWLOCK:
		return queued ? " is wanted first by " : " is held by ";
	case WEIR_OBJ_ONCE:
		return " is run by ";
	default:
		return NULL;
	}
}

/* ---- what it gave ---- */

void weir__sim_put_sync_result(struct sim_line *line, const struct sim_event *e)
{
	static const char *const states[] = {"stopped", "running", "done"};
	assert(e->rc >= 0);
	switch (e->op) {
	case WEIR_OP_ONCE:
		weir__sim_put(line, e->rc ? " -> runs it" : "");
		break;
	case WEIR_OP_CAS:
		weir__sim_put(line, e->rc ? " done" : " not equal");
		weir__sim_put(line, ", holds %llu", (unsigned long long)e->len);
		break;
	case WEIR_OP_LOAD:
	case WEIR_OP_STORE:
	case WEIR_OP_ADD:
	case WEIR_OP_EXCHANGE:
		weir__sim_put(line, ", holds %llu", (unsigned long long)e->len);
		break;
	case WEIR_OP_ON_END:
		weir__sim_put(line, e->rc ? " -> ended, runs" : " -> over");
		break;
	case WEIR_OP_ON_END_STOP:
		weir__sim_put(line, " -> %s", e->rc < 3 ? states[e->rc] : "?");
		break;
	default:
		break;
	}
}
