/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/dead_letter.h - a stage that tells somebody what could not be done: with the value, so that it can be
 * kept, looked at and tried again.
 *
 * The failure is the child's in every case: a dead letter is told, not mended. The handler runs in the caller's task
 * under a shield with a grace time, so that a letter can be written although the caller has no time left; a handler
 * that fails is a member of the failure. By default nobody is told of WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EOPEN,
 * WEIR_EFILTERED and WEIR_ENOROUTE, which say nothing about the value; `when` decides otherwise.
 *
 * A LOG of letters is one line of JSON for each: weir_dead_log_write is a handler. Its fields: first_utc and last_utc
 * (ns since 1970), attempts, code, name (of the code), stage, error (the text of it), and item or, as hexadecimal
 * digits of its bytes, item_hex. The lines go to a function, which returns 0 when they are safe: weir_dead_file_write
 * appends them to a file that you have opened, or it is one of your own. weir_dead_replay reads them again and runs
 * each value through a call. The value is written as text by your function, or byte by byte, which is refused for types
 * that own something. */
#ifndef WEIR_RESILIENCE_DEAD_LETTER_H
#define WEIR_RESILIENCE_DEAD_LETTER_H

#include <weir/core/io.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_DEAD_GRACE WEIR_SEC(1)

/* Everything here is borrowed until the handler returns. */
struct weir_dead {
	const void *item;
	const weir_type *type; /* its; to keep it, use type->copy, or its bytes where the type has no drop */
	int code;
	const weir_err *err;         /* all that is known of the failure */
	uint64_t attempts;           /* of an exhausted retry; 1 without one */
	int64_t first_at, last_at;   /* when it was begun, and when it had failed (weir_rt_now) */
	int64_t first_utc, last_utc; /* the same for people (weir_rt_wall) */
	const char *stage;           /* the name of the child */
};

typedef int weir_dead_fn(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *arg);

struct weir_dead_opts {
	weir_dead_fn *fn;
	bool (*when)(int code, const weir_err *failure, void *arg);
	void *arg;        /* of both functions: shared by all calls */
	int64_t grace_ns; /* 0: WEIR_DEAD_GRACE */
	const char *name; /* of the stage, static; NULL: "dead_letter" */
};

/* The stage "dead_letter".
 * Owner: takes the child, also where it fails; arg is borrowed. Threads: any. Blocks: no. Fails: never NULL;
 * weir_stage_check says WEIR_EINVAL (no function, a grace time that is negative or WEIR_FOREVER, a child that is NULL
 * or part of another stage), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_dead_letter(weir_stage *child, weir_dead_fn *fn, void *arg);
WEIR_API WEIR_MUST_CHECK weir_stage *weir_dead_letter_with(weir_stage *child, const struct weir_dead_opts *opts);

/* ---- a log of letters ---- */

#define WEIR_DEAD_LINE_BYTES 4096

struct weir_dead_log {
	/* Takes a line of len bytes, newline included, and returns 0 when it is safe; may be called by several tasks at
	 * once. */
	int (*write)(weir_ctx *ctx, const char *line, size_t len, weir_err *err, void *arg);
	/* Writes the value into buf as snprintf(3) does: at most cap bytes, and returns how many it has. NULL: its
	 * bytes, as hexadecimal digits. */
	int (*encode)(const void *item, char *buf, size_t cap, void *arg);
	void *arg;
	size_t line_bytes; /* the longest line, newline included: the error's text is cut; 0: WEIR_DEAD_LINE_BYTES */
};

/* A handler: writes a line to the weir_dead_log that is its arg.
 * Owner: none; the log must outlive the stage. Threads: any. Blocks: as write does. Fails: WEIR_EINVAL (no write, a
 * type that owns something without encode), WEIR_EOVERFLOW (a longer line), WEIR_ENOMEM, what write says. After cancel:
 * as write does. */
WEIR_API int weir_dead_log_write(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *log);

/* The value's text, or its bytes, out of a line.
 * Owner: none. Threads: any. Blocks: no. Fails: WEIR_EINVAL (no line of a log), WEIR_EOVERFLOW (longer than cap). *len
 * is untouched then. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_dead_log_item(const char *line, size_t n, void *buf, size_t cap, size_t *len);

/* ---- a file of letters ---- */

/* clang-format off */
typedef struct weir_dead_file { uint64_t opaque_[24]; } weir_dead_file;
/* clang-format on */

/* Lines go to fd, which is open for appending (O_APPEND), one after the other, in whole: several tasks may write, and
 * other processes too. What is there already may end within a line, whose writer was cut off: the next one begins on a
 * line of its own. To see that in a file, fd is open for reading too; else a file that is not empty gets a blank line
 * to be sure. A pipe takes lines of other processes in between, where one is longer than PIPE_BUF. sync: a line is only
 * safe when fsync(2) says so; false for what cannot be synced, such as a pipe.
 * Owner: f is the caller's memory until its fini; fd stays the caller's, and must stay open. Threads: one. Blocks: no.
 * Fails: no. After cancel: unchanged. */
WEIR_API void weir_dead_file_init(weir_dead_file *f, weir_rt *rt, weir_fd fd, bool sync);

/* Finishes and zeroes it; NULL and zeroed memory are allowed. fd is not closed.
 * Owner: plain memory again. Threads: one. Blocks: no. Fails: misuse while tasks write. After cancel: unchanged. */
WEIR_API void weir_dead_file_fini(weir_dead_file *f);

/* The `write` of a log whose arg is a weir_dead_file: 0 when the line is safe. A line that was cut short, by a failure
 * or the end of ctx, is ended before the next one, and is unreadable for a replay. The encode of such a log is given
 * the file as its arg, too.
 * Owner: none. Threads: any. Blocks: until those before have written, and as fd does; the disk is not asked whether ctx
 * has ended. Fails: WEIR_EINVAL (no file), the codes of weir_fd_write, -errno of fsync(2). After cancel: returns its
 * code; what a file takes in one write is written whole or not at all. */
WEIR_API WEIR_MUST_CHECK int weir_dead_file_write(weir_ctx *ctx, const char *line, size_t len, weir_err *err,
						  void *file);

struct weir_dead_replay_opts {
	/* The next line, at most cap bytes: 1 and its length, 0 at the end, or a negative code, which ends it all. */
	int (*next)(weir_ctx *ctx, char *line, size_t cap, size_t *len, weir_err *err, void *arg);
	/* Makes the value of its text; negative: it cannot. NULL: the text is its bytes. */
	int (*decode)(const char *text, size_t len, void *item, void *arg);
	/* Told what became of a line, in order. rc: of the call, or why there was no value. out, on 0, is a value that
	 * is dropped afterwards. May be NULL. */
	void (*done)(const char *line, size_t len, int rc, const void *out, const weir_err *err, void *arg);
	void *arg;
	size_t line_bytes; /* the longest line; 0: WEIR_DEAD_LINE_BYTES */
};

struct weir_dead_report {
	uint64_t done, failed, unreadable; /* lines */
};

/* Runs the value of each line through call, which is one of st. Failures do not end it, nor do lines that cannot be
 * read; blank ones are passed over.
 * Owner: none. Threads: one per call. Blocks: as next and the call do. Fails: what next says, WEIR_ENOMEM, WEIR_EINVAL
 * (no next; bytes of a type that owns something), the code of ctx; *out holds what was done until then. After cancel:
 * begins no line. */
WEIR_API WEIR_MUST_CHECK int weir_dead_replay(weir_ctx *ctx, weir_call *call, const weir_stage *st,
					      const struct weir_dead_replay_opts *opts, struct weir_dead_report *out,
					      weir_err *err);

WEIR_EXTERN_C_END

#endif
