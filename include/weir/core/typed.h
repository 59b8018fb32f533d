/* SPDX-License-Identifier: MIT
 *
 * weir/core/typed.h - one token per type, and channels, pipelines, handlers and tasks checked by the compiler.
 *
 * WEIR_TYPE_PLAIN(num, int)                    int values, nothing to free
 * WEIR_TYPE_OWNED(url, char *, url_free)       values that own something: void url_free(char **item)
 * WEIR_TYPE_OWNED_COPY(url, char *, url_free, url_dup)
 *                                              and can be copied: int url_dup(char *const *from, char **to)
 *     num_t             the C type                    num_type()            its weir_type
 *     num_drop(&v)      frees what a value owns       num_copy(&from, &to)  not for WEIR_TYPE_OWNED
 *
 * WEIR_CHAN_DECLARE(num)                       of a token; every function is the one of chan.h or select.h
 *     num_tx, num_rx    the ends                      num_chan_new(rt, capacity, &tx, &rx)
 *     num_send(ctx, tx, &v)                           num_recv(ctx, rx, &v)
 *     num_tx_try_send(tx, &v)                         num_rx_try_recv(rx, &v)
 *     num_tx_case(tx, &v)                             num_rx_case(rx, &v)
 *     num_tx_clone(tx, &one)                          num_rx_clone(rx, &one)
 *     num_tx_clone_n(tx, n, array)                    num_rx_clone_n(rx, n, array)
 *     num_tx_stats(tx, &stats)                        num_rx_stats(rx, &stats)
 *     num_tx_close(&tx)                               num_rx_close(&rx)           num_rx_shut(rx)
 *
 * WEIR_PIPELINE_DECLARE(sq, num, url)          num in, url out; drain, cancel, stop and stats are those of pipeline.h
 *     struct sq_job     {head, in}                    sq_job_drop(&job)           a job that was not sent
 *     struct sq_result  {head, value}                 sq_result_drop(&result)     value, where there is one, and detail
 *     sq_start(&scope, &opts, &jobs, &results, &p)    sq_attach(&scope, &opts, &intake, &results, &p)
 *     sq_send(ctx, jobs, &job)                        sq_recv(ctx, results, &result)
 *     sq_jobs_...       try_send case clone clone_n stats close, as num_tx_ above
 *     sq_results_...    try_recv case clone clone_n stats close shut, as num_rx_
 *     sq_jobs_new(rt, capacity, &jobs, &intake)       a jobs channel of one's own, for sq_attach
 *     sq_intake_...     its other end: recv, and the same as sq_results_
 *
 * WEIR_HANDLER_DECLARE(square, num, url)       square_handler, from
 *                                              int square(weir_ctx *, const num_t *, url_t *, weir_err *, void *arg)
 * WEIR_TASK_DECLARE(produce, sq_jobs)          produce_task and produce_spawn(&scope, &jobs), from
 *                                              int produce(weir_ctx *, weir_err *, sq_jobs *)
 *
 * An end is a struct of one field, a wrapper is an inline call of the raw function: a wrong end or element does not
 * compile, and the machine code is that of the raw call. Compile with -Werror=incompatible-pointer-types: without it
 * some compilers only warn. What the compiler cannot see: that the handler in the options is of the pipeline's types.
 * Thunks, never a function-pointer cast; each first names its function by its exact type, so that a function that takes
 * void * (free, for a char * token) does not pass for one that takes the address of a value. Everything is static and
 * may go unused; parameters end in _, so that they shadow no name of yours. */
#ifndef WEIR_CORE_TYPED_H
#define WEIR_CORE_TYPED_H

#include <weir/core/chan.h>
#include <weir/core/pipeline.h>
#include <weir/core/scope.h>
#include <weir/core/select.h>

#ifdef __cplusplus
#define WEIR_ALIGNOF_(T) alignof(T)
#define WEIR_STATIC_ASSERT_(cond, text) static_assert(cond, text)
#else
#define WEIR_ALIGNOF_(T) _Alignof(T)
#define WEIR_STATIC_ASSERT_(cond, text) _Static_assert(cond, text)
#endif

#define WEIR_TYPE_FN_(name, drop_thunk, copy_thunk)                                                    \
	WEIR_INLINE const weir_type *name##_type(void)                                                 \
	{                                                                                              \
		static const weir_type type_ = {#name,      sizeof(name##_t), WEIR_ALIGNOF_(name##_t), \
						drop_thunk, copy_thunk,       NULL};                   \
		return &type_;                                                                         \
	}                                                                                              \
	struct weir_token_##name##_ /* takes the semicolon */

#define WEIR_DROP_FN_(name, free_fn)                                        \
	WEIR_INLINE void name##_drop(name##_t *item_)                       \
	{                                                                   \
		void (*const weir_fn_)(name##_t *) = free_fn;               \
		weir_fn_(item_);                                            \
	}                                                                   \
	static WEIR_UNUSED void name##_drop_thunk_(void *item_, void *arg_) \
	{                                                                   \
		(void)arg_;                                                 \
		name##_drop((name##_t *)item_);                             \
	}

#define WEIR_TYPE_PLAIN(name, T)                                                          \
	typedef T name##_t;                                                               \
	WEIR_INLINE void name##_drop(name##_t *item_)                                     \
	{                                                                                 \
		(void)item_;                                                              \
	}                                                                                 \
	WEIR_INLINE WEIR_MUST_CHECK int name##_copy(const name##_t *from_, name##_t *to_) \
	{                                                                                 \
		*to_ = *from_;                                                            \
		return 0;                                                                 \
	}                                                                                 \
	WEIR_TYPE_FN_(name, NULL, NULL)

#define WEIR_TYPE_OWNED(name, T, free_fn) \
	typedef T name##_t;               \
	WEIR_DROP_FN_(name, free_fn)      \
	WEIR_TYPE_FN_(name, name##_drop_thunk_, NULL)

#define WEIR_TYPE_OWNED_COPY(name, T, free_fn, copy_fn)                                     \
	typedef T name##_t;                                                                 \
	WEIR_DROP_FN_(name, free_fn)                                                        \
	WEIR_INLINE WEIR_MUST_CHECK int name##_copy(const name##_t *from_, name##_t *to_)   \
	{                                                                                   \
		int (*const weir_fn_)(const name##_t *, name##_t *) = copy_fn;              \
		return weir_fn_(from_, to_);                                                \
	}                                                                                   \
	static WEIR_UNUSED int name##_copy_thunk_(const void *from_, void *to_, void *arg_) \
	{                                                                                   \
		(void)arg_;                                                                 \
		return name##_copy((const name##_t *)from_, (name##_t *)to_);               \
	}                                                                                   \
	WEIR_TYPE_FN_(name, name##_drop_thunk_, name##_copy_thunk_)

/* What both ends have. An array of these structs is laid out as the array of pointers that clone fills. Close takes an
 * address, and what a task got as its void *arg is one already. */
#define WEIR_END_WRAP_(end_t, raw)                                                                     \
	typedef struct {                                                                               \
		raw *end;                                                                              \
	} end_t;                                                                                       \
	WEIR_STATIC_ASSERT_(sizeof(end_t) == sizeof(raw *), "an end is its handle, and nothing else"); \
	WEIR_INLINE WEIR_MUST_CHECK int end_t##_clone(end_t of_, end_t *out_)                          \
	{                                                                                              \
		return raw##_clone(of_.end, 1, &out_->end);                                            \
	}                                                                                              \
	WEIR_INLINE WEIR_MUST_CHECK int end_t##_clone_n(end_t of_, size_t n_, end_t *out_)             \
	{                                                                                              \
		return raw##_clone(of_.end, n_, (raw **)(void *)out_);                                 \
	}                                                                                              \
	WEIR_INLINE void end_t##_stats(end_t of_, struct weir_chan_stats *out_)                        \
	{                                                                                              \
		raw##_stats(of_.end, out_);                                                            \
	}                                                                                              \
	WEIR_INLINE void end_t##_close(end_t *end_)                                                    \
	{                                                                                              \
		raw##_close(end_ ? &end_->end : NULL);                                                 \
	}

/* One end for values of type V, with the short name of its send or receive. */
#define WEIR_TX_WRAP_(tx_t, send, V)                                                   \
	WEIR_END_WRAP_(tx_t, weir_tx)                                                  \
	WEIR_INLINE WEIR_MUST_CHECK int send(weir_ctx *ctx_, tx_t tx_, const V *item_) \
	{                                                                              \
		return weir_tx_send(ctx_, tx_.end, item_);                             \
	}                                                                              \
	WEIR_INLINE WEIR_MUST_CHECK int tx_t##_try_send(tx_t tx_, const V *item_)      \
	{                                                                              \
		return weir_tx_try_send(tx_.end, item_);                               \
	}                                                                              \
	WEIR_INLINE weir_case tx_t##_case(tx_t tx_, const V *item_)                    \
	{                                                                              \
		return weir_case_send(tx_.end, item_);                                 \
	}

#define WEIR_RX_WRAP_(rx_t, recv, V)                                            \
	WEIR_END_WRAP_(rx_t, weir_rx)                                           \
	WEIR_INLINE WEIR_MUST_CHECK int recv(weir_ctx *ctx_, rx_t rx_, V *out_) \
	{                                                                       \
		return weir_rx_recv(ctx_, rx_.end, out_);                       \
	}                                                                       \
	WEIR_INLINE WEIR_MUST_CHECK int rx_t##_try_recv(rx_t rx_, V *out_)      \
	{                                                                       \
		return weir_rx_try_recv(rx_.end, out_);                         \
	}                                                                       \
	WEIR_INLINE weir_case rx_t##_case(rx_t rx_, V *out_)                    \
	{                                                                       \
		return weir_case_recv(rx_.end, out_);                           \
	}                                                                       \
	WEIR_INLINE void rx_t##_shut(rx_t rx_)                                  \
	{                                                                       \
		weir_rx_shut(rx_.end);                                          \
	}

#define WEIR_CHAN_DECLARE(name)                                                                         \
	WEIR_TX_WRAP_(name##_tx, name##_send, name##_t)                                                 \
	WEIR_RX_WRAP_(name##_rx, name##_recv, name##_t)                                                 \
	WEIR_INLINE WEIR_MUST_CHECK int name##_chan_new(weir_rt *rt_, size_t capacity_, name##_tx *tx_, \
							name##_rx *rx_)                                 \
	{                                                                                               \
		return weir_chan_new(rt_, name##_type(), capacity_, &tx_->end, &rx_->end);              \
	}                                                                                               \
	struct weir_token_chan_##name##_

#define WEIR_PIPELINE_DECLARE(name, in_token, out_token)                                                               \
	struct name##_job {                                                                                            \
		struct weir_job_head head;                                                                             \
		in_token##_t in;                                                                                       \
	};                                                                                                             \
	struct name##_result {                                                                                         \
		struct weir_result_head head;                                                                          \
		out_token##_t value;                                                                                   \
	};                                                                                                             \
	WEIR_TX_WRAP_(name##_jobs, name##_send, struct name##_job)                                                     \
	WEIR_RX_WRAP_(name##_results, name##_recv, struct name##_result)                                               \
	WEIR_RX_WRAP_(name##_intake, name##_intake_recv, struct name##_job)                                            \
	WEIR_INLINE WEIR_MUST_CHECK int name##_start(weir_scope *s_, const struct weir_pipeline_opts *opts_,           \
						     name##_jobs *jobs_, name##_results *results_, weir_pipeline **p_) \
	{                                                                                                              \
		return weir_pipeline_start(s_, in_token##_type(), out_token##_type(), opts_, &jobs_->end,              \
					   &results_->end, p_);                                                        \
	}                                                                                                              \
	WEIR_INLINE WEIR_MUST_CHECK int name##_jobs_new(weir_rt *rt_, size_t capacity_, name##_jobs *jobs_,            \
							name##_intake *intake_)                                        \
	{                                                                                                              \
		weir_type type_ = weir_job_type(in_token##_type());                                                    \
		return weir_chan_new(rt_, &type_, capacity_, &jobs_->end, &intake_->end);                              \
	}                                                                                                              \
	WEIR_INLINE WEIR_MUST_CHECK int name##_attach(weir_scope *s_, const struct weir_pipeline_opts *opts_,          \
						      name##_intake *intake_, name##_results *results_,                \
						      weir_pipeline **p_)                                              \
	{                                                                                                              \
		return weir_pipeline_attach(s_, in_token##_type(), out_token##_type(), opts_, &intake_->end,           \
					    &results_->end, p_);                                                       \
	}                                                                                                              \
	WEIR_INLINE void name##_job_drop(struct name##_job *job_)                                                      \
	{                                                                                                              \
		in_token##_drop(&job_->in);                                                                            \
	}                                                                                                              \
	WEIR_INLINE void name##_result_drop(struct name##_result *result_)                                             \
	{                                                                                                              \
		if (result_->head.rc == 0)                                                                             \
			out_token##_drop(&result_->value);                                                             \
		weir_err_fini(&result_->head.err);                                                                     \
	}                                                                                                              \
	struct weir_token_pipeline_##name##_

#define WEIR_HANDLER_DECLARE(fn, in_token, out_token)                                                                \
	static WEIR_UNUSED int fn##_handler(weir_ctx *ctx_, const void *in_, void *out_, weir_err *err_, void *arg_) \
	{                                                                                                            \
		int (*const weir_fn_)(weir_ctx *, const in_token##_t *, out_token##_t *, weir_err *, void *) = fn;   \
		return weir_fn_(ctx_, (const in_token##_t *)in_, (out_token##_t *)out_, err_, arg_);                 \
	}                                                                                                            \
	struct weir_token_handler_##fn##_

/* The task's name is fn's. */
#define WEIR_TASK_DECLARE(fn, T)                                                     \
	static WEIR_UNUSED int fn##_task(weir_ctx *ctx_, weir_err *err_, void *arg_) \
	{                                                                            \
		int (*const weir_fn_)(weir_ctx *, weir_err *, T *) = fn;             \
		return weir_fn_(ctx_, err_, (T *)arg_);                              \
	}                                                                            \
	WEIR_INLINE WEIR_MUST_CHECK int fn##_spawn(weir_scope *s_, T *arg_)          \
	{                                                                            \
		return weir_scope_spawn(s_, #fn, fn##_task, arg_);                   \
	}                                                                            \
	struct weir_token_task_##fn##_

#endif
