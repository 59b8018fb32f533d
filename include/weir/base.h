/* SPDX-License-Identifier: MIT
 *
 * weir/base.h - what every weir header needs: version, visibility, attributes, units of time, and the
 * names of the types that more than one layer speaks of. Includes only the freestanding headers. */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 1
#define WEIR_VERSION_PATCH 0
#define WEIR_VERSION "0.1.0"

#ifdef __cplusplus
#define WEIR_EXTERN_C_BEGIN extern "C" {
#define WEIR_EXTERN_C_END }
#else
#define WEIR_EXTERN_C_BEGIN
#define WEIR_EXTERN_C_END
#endif

#define WEIR_API __attribute__((visibility("default")))
#define WEIR_MUST_CHECK __attribute__((warn_unused_result))
#define WEIR_PRINTF(fmt_index, args_index) __attribute__((format(printf, fmt_index, args_index)))
#define WEIR_UNUSED __attribute__((unused))
#define WEIR_INLINE static inline __attribute__((unused, always_inline))

/* Time is int64_t nanoseconds. `_ns` is a length, `_at` a point on the runtime's monotonic clock. */
#define WEIR_FOREVER INT64_MAX
#define WEIR_US(n) (INT64_C(1000) * (int64_t)(n))
#define WEIR_MS(n) (INT64_C(1000000) * (int64_t)(n))
#define WEIR_SEC(n) (INT64_C(1000000000) * (int64_t)(n))

/* A descriptor: the system's own number, so that whatever makes descriptors makes them for weir too, and a call of
 * the system's on one needs no conversion (core/io.h). */
typedef int weir_fd;
#define WEIR_FD_NONE (-1)

typedef struct weir_rt weir_rt;       /* a runtime: clock, tasks, memory (rt.h) */
typedef struct weir_task weir_task;   /* a task of a runtime (rt.h) */
typedef struct weir_ctx weir_ctx;     /* a node of a cancellation tree (core/ctx.h) */
typedef struct weir_err weir_err;     /* the detail of a failure, on the caller's stack (core/err.h) */
typedef struct weir_tx weir_tx;       /* the sending end of a channel (core/chan.h) */
typedef struct weir_rx weir_rx;       /* the receiving end of a channel (core/chan.h) */
typedef struct weir_case weir_case;   /* one case of a select (core/select.h) */
typedef struct weir_scope weir_scope; /* a group of tasks bound to a block (core/scope.h) */
typedef struct weir_stage weir_stage; /* something that is done to a value (stage/stage.h) */

/* The one shape of everything that runs: main, a task of a scope, a simulator scenario.
 * 0 is success, negative an error (written to err as well where there is more to say); a positive
 * return is reported as WEIR_EINVAL. */
typedef int weir_task_fn(weir_ctx *ctx, weir_err *err, void *arg);

/* t + ns, never past WEIR_FOREVER and never before 0: safe for any two values. */
WEIR_INLINE int64_t weir_time_add(int64_t t, int64_t ns)
{
	if (ns > 0 && t > WEIR_FOREVER - ns)
		return WEIR_FOREVER;
	if (ns < 0 && t < INT64_MIN - ns)
		return 0;
	return t + ns < 0 ? 0 : t + ns;
}

#endif
