/* SPDX-License-Identifier: MIT
 *
 * weir/stage/service.h - a tree of stages that is started, used and stopped as a whole.
 *
 * A SERVICE is a lexical object that one stage borrows: weir_service_stage(child, &svc) puts it in front of a tree. It
 * lets values through only between start and stop, and runs the lifecycle of the tree (stage/stage.h) at the right
 * time: setup before the first value, close when nobody is inside any more.
 *
 *   STATE x OPERATION   stopped (new)           started            stopping (stop gave up waiting)
 *     process           WEIR_ENOTSTARTED        the child          WEIR_ENOTSTARTED
 *     start             setup: started          WEIR_EBUSY         WEIR_EBUSY
 *     stop              0                       waits, closes      waits, closes
 *     reset             of the tree             WEIR_EBUSY         WEIR_EBUSY
 *     health            WEIR_ENOTSTARTED        of the tree        WEIR_ENOTSTARTED
 *     fini              finished                misuse             misuse
 *
 * A start that fails has closed what it had set up, and leaves the service stopped. Stop lets nobody in any more, waits
 * until no call is inside, and closes in the reverse order of setup, under a shield with a grace time: so it works
 * under a context that has ended, if nobody is inside. If it ends while somebody is, nothing is closed (it is in use),
 * stop returns the context's code, and can be called again. Once it has closed, the service is stopped even where a
 * close failed, whose code stop returns; then it can be started again. Health is asked of a started service only: what
 * was not set up cannot be well.
 * Start, stop, reset and health take turns, under their contexts. Called from inside the tree, stop waits for itself.
 *
 * ON ERROR: a function that is asked about each failure of the child, as of weir_on_error (stage/on_error.h), which is
 * for a part of a tree. It is not asked about WEIR_ENOTSTARTED, which is not the child's.
 *
 * STATE OF A STAGE, and what is done once: there is nothing here for it. A stage has its arg for what all calls share
 * (with a weir_rwlock, or weir_once_do, which remembers its error for ever: core/sync.h), scratch for what a call
 * keeps, and setup for what is done once before the first value; a map of names to values is plain C behind arg. */
#ifndef WEIR_STAGE_SERVICE_H
#define WEIR_STAGE_SERVICE_H

#include <weir/stage/on_error.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_SERVICE_GRACE WEIR_SEC(5)

typedef struct weir_service {
	uint64_t opaque_[60];
} weir_service;

struct weir_service_opts {
	weir_on_error_fn *on_error; /* NULL: failures pass */
	void *arg;                  /* borrowed */
	int64_t grace_ns;           /* of the shields; 0: WEIR_SERVICE_GRACE */
};

/* Makes it: stopped, without a stage. opts may be NULL. A negative grace is misuse, and the default.
 * Owner: the caller's memory until weir_service_fini; not movable. Threads: one. Blocks: no. Fails: no. After cancel:
 * unchanged. */
WEIR_API void weir_service_init(weir_service *svc, weir_rt *rt, const struct weir_service_opts *opts);

/* Finishes it. NULL and zeroed memory are allowed.
 * Owner: plain memory again. Threads: one. Blocks: no. Fails: misuse while it is not stopped, or its stage lives.
 * After cancel: unchanged. */
WEIR_API void weir_service_fini(weir_service *svc);

/* The stage "service" in front of child.
 * Owner: takes the child, also where it fails; svc is borrowed until the stage is freed, which is misuse before stop.
 * Threads: one. Blocks: no. Fails: never NULL; weir_stage_check says WEIR_EINVAL (no child, one that is part of another
 * stage or holds another service, a service of another runtime, not made, or with a stage already), WEIR_ENOMEM. After
 * cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_service_stage(weir_stage *child, weir_service *svc);

/* Sets the tree up, and lets values in.
 * Owner: none. Threads: any. Blocks: while another of the four runs, or ctx ends; as the setups do. Fails: WEIR_EBUSY
 * (not stopped), WEIR_EINVAL (no stage), the code of a setup. After cancel: returns its code, starts nothing. */
WEIR_API WEIR_MUST_CHECK int weir_service_start(weir_ctx *ctx, weir_service *svc, weir_err *err);

/* Lets nobody in, waits until nobody is inside, and closes the tree.
 * Owner: none. Threads: any. Blocks: until then or ctx ends; as the closes do, for the grace time at most where they
 * honour it. Fails: WEIR_ECANCELED, WEIR_EDEADLINE (nothing is closed yet: call again), the code of a close. After
 * cancel: as above: closes if nobody is inside. */
WEIR_API WEIR_MUST_CHECK int weir_service_stop(weir_ctx *ctx, weir_service *svc, weir_err *err);

/* The reset, and the health, of every stage of the tree.
 * Owner: none. Threads: any. Blocks: while another of the four runs, or ctx ends; as the functions do. Fails: as the
 * table says, WEIR_EINVAL (no stage), the first code of a function. After cancel: returns its code. */
WEIR_API WEIR_MUST_CHECK int weir_service_reset(weir_ctx *ctx, weir_service *svc, weir_err *err);
WEIR_API WEIR_MUST_CHECK int weir_service_health(weir_ctx *ctx, weir_service *svc, weir_err *err);

WEIR_EXTERN_C_END

#endif
