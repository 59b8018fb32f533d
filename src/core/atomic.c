/* SPDX-License-Identifier: MIT
 *
 * A 64-bit atomic whose every use is a visible operation.
 *
 * The simulator puts other tasks between operations of weir, not between memory accesses. A program that decides by an
 * atomic of the language is therefore never seen at its worst; with this one it is, and pays for it in production with
 * one load and one predicted branch per use.
 *
 *  A1  Every access to the value is sequentially consistent, in production too: what a simulated schedule shows is then
 *      all that can happen, for programs that share nothing else.
 *  A2  A load, and a cas that fails, is announced or, for the cas, told to the runtime's hooks as a READ: two of them
 *      commute. Whether a cas writes is not known before it was done, so its announcement says WRITE and the record is
 *      corrected before the result is told.
 *  A3  It has no lock and nobody waits for it.
 *
 * Where it takes effect: at one point. Anything may run at the same time but init and fini; see core/sync.h. */
#include "sync.h"

WEIR__FITS(atomic);

static struct weir__atomic *inside(const weir_atomic *a)
{
	struct weir__atomic *atomic = (struct weir__atomic *)(uintptr_t)a;
	assert(atomic->obj.kind == WEIR_OBJ_ATOMIC); /* zeroed, or finished */
	return atomic;
}

void weir_atomic_init(weir_atomic *a, weir_rt *rt, uint64_t value)
{
	struct weir__atomic *atomic = (struct weir__atomic *)a;
	assert(rt);
	memset(a, 0, sizeof(*a));
	atomic->obj.kind = WEIR_OBJ_ATOMIC;
	atomic->rt = rt;
	weir__store64(&atomic->value, value); /* nobody else has it yet */
	weir__created(rt, &atomic->obj, NULL, WEIR__SITE());
}

void weir_atomic_fini(weir_atomic *a)
{
	struct weir__atomic *atomic = (struct weir__atomic *)a;
	if (!atomic || atomic->obj.kind == WEIR_OBJ_DEAD)
		return;
	atomic = inside(a);
	weir__gone(atomic->rt, &atomic->obj);
	memset(a, 0, sizeof(*a));
}

static uint64_t perform(struct weir__atomic *a, enum weir_op_kind kind, uint64_t value)
{
	switch (kind) {
	case WEIR_OP_STORE:
		weir__seq_store64(&a->value, value);
		return value;
	case WEIR_OP_ADD:
		return weir__seq_add64(&a->value, value);
	case WEIR_OP_EXCHANGE:
		return weir__seq_exchange64(&a->value, value);
	default:
		return weir__seq_load64(&a->value);
	}
}

static uint64_t perform_hooked(struct weir__atomic *a, enum weir_op_kind kind, uint64_t value, const void *site)
{
	struct weir_op op = weir__sync_op(kind, &a->obj, NULL, site);
	if (kind == WEIR_OP_LOAD)
		op.access = WEIR_ACCESS_READ; /* A2 */
	weir__choice(a->rt, &op);
	value = perform(a, kind, value);
	weir__result(a->rt, &op, 0);
	return value;
}

uint64_t weir_atomic_load(const weir_atomic *a)
{
	struct weir__atomic *atomic = inside(a);
	if (weir__hooked(atomic->rt))
		return perform_hooked(atomic, WEIR_OP_LOAD, 0, WEIR__SITE());
	return perform(atomic, WEIR_OP_LOAD, 0);
}

void weir_atomic_store(weir_atomic *a, uint64_t value)
{
	struct weir__atomic *atomic = inside(a);
	if (weir__hooked(atomic->rt))
		perform_hooked(atomic, WEIR_OP_STORE, value, WEIR__SITE());
	else
		perform(atomic, WEIR_OP_STORE, value);
}

uint64_t weir_atomic_add(weir_atomic *a, uint64_t n)
{
	struct weir__atomic *atomic = inside(a);
	if (weir__hooked(atomic->rt))
		return perform_hooked(atomic, WEIR_OP_ADD, n, WEIR__SITE());
	return perform(atomic, WEIR_OP_ADD, n);
}

uint64_t weir_atomic_exchange(weir_atomic *a, uint64_t value)
{
	struct weir__atomic *atomic = inside(a);
	if (weir__hooked(atomic->rt))
		return perform_hooked(atomic, WEIR_OP_EXCHANGE, value, WEIR__SITE());
	return perform(atomic, WEIR_OP_EXCHANGE, value);
}

bool weir_atomic_cas(weir_atomic *a, uint64_t *expected, uint64_t desired)
{
	struct weir__atomic *atomic = inside(a);
	if (!weir__hooked(atomic->rt))
		return weir__seq_cas64(&atomic->value, expected, desired);
	struct weir_op op = weir__sync_op(WEIR_OP_CAS, &atomic->obj, NULL, WEIR__SITE());
	weir__choice(atomic->rt, &op);
	bool done = weir__seq_cas64(&atomic->value, expected, desired);
	if (!done)
		op.access = WEIR_ACCESS_READ; /* A2 */
	weir__result(atomic->rt, &op, done);
	return done;
}
