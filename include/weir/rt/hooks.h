/* SPDX-License-Identifier: MIT
 *
 * weir/rt/hooks.h - how a runtime that owns every choice (the simulator) sees what a task is about to do.
 *
 * `struct weir_rt` carries one pointer, `hooks`. In production it is NULL: each public operation loads it once and
 * takes one predicted branch. Where it is set, every operation on a shared object is announced
 *   - before it touches anything (`choice`, the attempt): the runtime may run any other task first;
 *   - when it is over (`note` WEIR_NOTE_RESULT, with its return value).
 * An operation that had to park has its second choice, the completion, where `park` returns: the runtime decides
 * when a woken task runs on, and the operation it announced is still described by the same record.
 *
 * Sites are the return addresses of the public functions, read only where a hook is present (a site record per call
 * would need macros around every function; an address costs nothing in production and names the user's line through the
 * inline typed wrappers as well). A call in tail position has no return address of its own: compile tests with
 * -fno-optimize-sibling-calls, as weir-sim.pc says, and the line is exact. */
#ifndef WEIR_RT_HOOKS_H
#define WEIR_RT_HOOKS_H

#include <weir/base.h>

/* What begins every object that operations name. `shadow` belongs to the runtime's hooks (0 in production). */
struct weir_obj {
	uint32_t kind; /* enum weir_obj_kind */
	uint32_t shadow;
};

enum weir_obj_kind {
	WEIR_OBJ_DEAD = 0, /* closed or finished: a stale copy of a handle points at one */
	WEIR_OBJ_CHAN = 0x57430001,
	WEIR_OBJ_TX,
	WEIR_OBJ_RX,
	WEIR_OBJ_CTX,
	WEIR_OBJ_SCOPE,
	WEIR_OBJ_PIPELINE,
	WEIR_OBJ_STATS,
	WEIR_OBJ_MUTEX,
	WEIR_OBJ_RWLOCK,
	WEIR_OBJ_COND,
	WEIR_OBJ_SEM,
	WEIR_OBJ_WG,
	WEIR_OBJ_ONCE,
	WEIR_OBJ_ATOMIC,
	WEIR_OBJ_ON_END, /* a registration of weir_scope_on_end */
	WEIR_OBJ_FD,     /* of a runtime whose descriptors are not the system's */
#ifdef WEIR_EXPLORE_ATOMICS
	WEIR_OBJ_WORD, /* an atomic or an internal lock of weir's own */
#endif
};

enum weir_op_kind {
	WEIR_OP_NONE = 0,
	/* tasks: announced by the runtime itself, which knows them first */
	WEIR_OP_START,
	WEIR_OP_EXIT,
	WEIR_OP_JOIN,
	WEIR_OP_YIELD,
	WEIR_OP_FD, /* wait_fd, obj[0] = ctx; fd and events say for what */
	/* time */
	WEIR_OP_SLEEP, /* obj[0] = ctx */
	/* channels: obj[0] = channel, obj[1] = handle, obj[2] = ctx or NULL */
	WEIR_OP_SEND,
	WEIR_OP_TRY_SEND,
	WEIR_OP_RECV,
	WEIR_OP_TRY_RECV,
	WEIR_OP_TX_CLOSE,
	WEIR_OP_RX_CLOSE,
	WEIR_OP_CLONE,
	WEIR_OP_RX_SHUT, /* the receiving side stops intake: what was accepted can still be received */
	/* select: obj[0] = ctx or NULL, cases/n_cases describe the rest */
	WEIR_OP_SELECT,
	WEIR_OP_TRY_SELECT,
	/* contexts: obj[0] = the node */
	WEIR_OP_CTX_POLL,
	WEIR_OP_CTX_CANCEL,
	WEIR_OP_CTX_FINI,
	/* scopes: obj[0] = the scope, obj[1] = ctx or NULL */
	WEIR_OP_SPAWN,
	WEIR_OP_TASK_END,
	WEIR_OP_SCOPE_JOIN,
	/* pipelines: obj[0] = the run, obj[1] = ctx or NULL */
	WEIR_OP_PIPE_DRAIN,
	WEIR_OP_PIPE_CANCEL,
	WEIR_OP_PIPE_STOP,
	WEIR_OP_PIPE_LEAVE, /* a worker leaves the run */
	WEIR_OP_PIPE_TURN,  /* ordered output: a result enters the reorder window, or leaves it */
	WEIR_OP_CHAN_STATS, /* obj[0] = the channel */
	WEIR_OP_STATS_ADD,  /* obj[0] = the set */
	WEIR_OP_STATS_READ, /* likewise: one counter over all writers */
	/* sync: obj[0] = the object, obj[1] = ctx or NULL; cond wait: obj[2] = the mutex */
	WEIR_OP_LOCK,
	WEIR_OP_TRY_LOCK,
	WEIR_OP_UNLOCK,
	WEIR_OP_READ_LOCK,
	WEIR_OP_TRY_READ_LOCK,
	WEIR_OP_READ_UNLOCK,
	WEIR_OP_WRITE_LOCK,
	WEIR_OP_TRY_WRITE_LOCK,
	WEIR_OP_WRITE_UNLOCK,
	WEIR_OP_COND_WAIT,
	WEIR_OP_COND_SIGNAL,
	WEIR_OP_COND_BROADCAST,
	WEIR_OP_ACQUIRE,
	WEIR_OP_TRY_ACQUIRE,
	WEIR_OP_RELEASE,
	WEIR_OP_WG_ADD,
	WEIR_OP_WG_DONE,
	WEIR_OP_WG_WAIT,
	WEIR_OP_ONCE,      /* result 1: this task runs the function, and announces ONCE_DONE when it has returned */
	WEIR_OP_ONCE_DONE, /* result: the code that is everybody's */
	WEIR_OP_LOAD,
	WEIR_OP_STORE,
	WEIR_OP_ADD,
	WEIR_OP_EXCHANGE,
	WEIR_OP_CAS,         /* result 1: exchanged; 0: not, and the access was a READ */
	WEIR_OP_ON_END,      /* obj[0] = the registration, obj[1] = ctx; result 1: fn runs, 0: it will not */
	WEIR_OP_ON_END_DONE, /* fn has returned */
	WEIR_OP_ON_END_STOP, /* result: enum weir_on_end_state */
	/* descriptors: obj[0] = ctx where the operation may park; fd */
	WEIR_OP_FD_READ,
	WEIR_OP_FD_WRITE,
	WEIR_OP_FD_ACCEPT,
	WEIR_OP_FD_SHUT,
	WEIR_OP_FD_CLOSE,
	WEIR_OP_SIGNALS_OPEN,
	WEIR_OP_SIGNALS_NEXT,
	WEIR_OP_FD_CONNECT,   /* announced by the runtime itself: fd is the listener */
	WEIR_OP_SIGNAL_RAISE, /* likewise */
#ifdef WEIR_EXPLORE_ATOMICS
	/* inside of operations: announced by the runtime itself. obj[0] = the word */
	WEIR_OP_WORD_READ,
	WEIR_OP_WORD_WRITE,
	WEIR_OP_WORD_LOCK,
	WEIR_OP_WORD_UNLOCK,
#endif
	WEIR_OP_KINDS
};

enum weir_access { WEIR_ACCESS_READ, WEIR_ACCESS_WRITE };

#define WEIR_OP_OBJS 3

/* One visible operation. It lives on the stack of the task that performs it until the operation is over, so a
 * runtime may keep a pointer while the task is stopped or parked. */
struct weir_op {
	uint8_t kind;   /* enum weir_op_kind */
	uint8_t access; /* enum weir_access, of obj[0] */
	bool may_park;  /* the operation may block (is not a try_, close, cancel or poll) */
	struct weir_obj *obj[WEIR_OP_OBJS];
	const weir_case *cases; /* select only */
	size_t n_cases;
	int64_t at;       /* sleep: the absolute time it ends; else WEIR_FOREVER */
	const void *site; /* return address of the public function that the user called */
	weir_fd fd;       /* descriptors only: others leave 0 here, which is a descriptor too, so look at kind */
	short events;     /* descriptors that are waited for: poll(2) */
};

enum weir_note {
	WEIR_NOTE_RESULT,  /* op is over with rc */
	WEIR_NOTE_CREATED, /* obj exists; parent = its channel, parent context, scope (or NULL) */
	WEIR_NOTE_GONE,    /* obj is closed, finished or freed */
};

struct weir_event {
	enum weir_note note;
	int rc;
	const struct weir_op *op;
	struct weir_obj *obj;
	struct weir_obj *parent;
	const void *site;
};

struct weir_hooks {
	/* The calling task is about to perform op. Called with no internal lock held; may run other tasks first. */
	void (*choice)(weir_rt *rt, const struct weir_op *op);
	/* Something happened in the calling task. Never switches tasks. */
	void (*note)(weir_rt *rt, const struct weir_event *event);
};

#endif
