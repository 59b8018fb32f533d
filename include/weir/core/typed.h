/* SPDX-License-Identifier: MIT
 *
 * weir/core/typed.h - one token per type, and channels, pipelines and handlers checked by the compiler.
 *
 *   WEIR_TYPE_PLAIN(num, int);                  the token `num`: int values, nothing to free
 *   WEIR_TYPE_OWNED(url, char *, url_free);     values that own something: void url_free(char **item)
 *   WEIR_CHAN_DECLARE(num);                     num_tx, num_rx, num_chan_new, num_send, num_recv, ...
 *   WEIR_PIPELINE_DECLARE(sq, num, num);        sq_jobs, sq_results, struct sq_job, struct sq_result, sq_start, ...
 *   WEIR_HANDLER_DECLARE(square, num, num);     square_handler, from int square(ctx, const int *, int *, err, arg)
 *
 * An end is a struct of one field, a wrapper is an inline call of the raw function: a wrong end or element does not
 * compile, and the machine code is that of the raw call. Thunks, never a function-pointer cast. Everything is static
 * and may go unused. */
#ifndef WEIR_CORE_TYPED_H
#define WEIR_CORE_TYPED_H

#include <weir/core/chan.h>
#include <weir/core/pipeline.h>
#include <weir/core/select.h>

#ifdef __cplusplus
#define WEIR_ALIGNOF_(T) alignof(T)
#else
#define WEIR_ALIGNOF_(T) _Alignof(T)
#endif

/* name_t is the C type, name_type() its weir_type, name_drop(&value) frees what a value owns. */
#define WEIR_TYPE_PLAIN(name, T)                                                                                    \
	typedef T name##_t;                                                                                         \
	WEIR_INLINE const weir_type *name##_type(void)                                                              \
	{                                                                                                           \
		static const weir_type type = {#name, sizeof(name##_t), WEIR_ALIGNOF_(name##_t), NULL, NULL, NULL}; \
		return &type;                                                                                       \
	}                                                                                                           \
	WEIR_INLINE void name##_drop(name##_t *item)                                                                \
	{                                                                                                           \
		(void)item;                                                                                         \
	}                                                                                                           \
	struct weir_token_##name##_ /* takes the semicolon */

#define WEIR_TYPE_OWNED(name, T, free_fn)                                                                  \
	typedef T name##_t;                                                                                \
	static WEIR_UNUSED void name##_drop_thunk_(void *item, void *arg)                                  \
	{                                                                                                  \
		(void)arg;                                                                                 \
		free_fn((name##_t *)item);                                                                 \
	}                                                                                                  \
	WEIR_INLINE const weir_type *name##_type(void)                                                     \
	{                                                                                                  \
		static const weir_type type = {                                                            \
			#name, sizeof(name##_t), WEIR_ALIGNOF_(name##_t), name##_drop_thunk_, NULL, NULL}; \
		return &type;                                                                              \
	}                                                                                                  \
	WEIR_INLINE void name##_drop(name##_t *item)                                                       \
	{                                                                                                  \
		free_fn(item);                                                                             \
	}                                                                                                  \
	struct weir_token_##name##_

/* Names and wrappers of one end, for a value type V. Used by the two declarations below. */
#define WEIR_TX_WRAP_(tx_t, prefix_send, prefix_close, V)                                  \
	typedef struct {                                                                   \
		weir_tx *end;                                                              \
	} tx_t;                                                                            \
	WEIR_INLINE WEIR_MUST_CHECK int prefix_send(weir_ctx *ctx, tx_t tx, const V *item) \
	{                                                                                  \
		return weir_tx_send(ctx, tx.end, item);                                    \
	}                                                                                  \
	WEIR_INLINE WEIR_MUST_CHECK int tx_t##_try_send(tx_t tx, const V *item)            \
	{                                                                                  \
		return weir_tx_try_send(tx.end, item);                                     \
	}                                                                                  \
	WEIR_INLINE WEIR_MUST_CHECK int tx_t##_clone(tx_t tx, tx_t *out)                   \
	{                                                                                  \
		return weir_tx_clone(tx.end, 1, &out->end);                                \
	}                                                                                  \
	WEIR_INLINE weir_case tx_t##_case(tx_t tx, const V *item)                          \
	{                                                                                  \
		return weir_case_send(tx.end, item);                                       \
	}                                                                                  \
	/* closes through the address, as a task's void *arg it is one already */          \
	WEIR_INLINE void prefix_close(tx_t *tx)                                            \
	{                                                                                  \
		weir_tx_close(tx ? &tx->end : NULL);                                       \
	}

#define WEIR_RX_WRAP_(rx_t, prefix_recv, prefix_close, V)                           \
	typedef struct {                                                            \
		weir_rx *end;                                                       \
	} rx_t;                                                                     \
	WEIR_INLINE WEIR_MUST_CHECK int prefix_recv(weir_ctx *ctx, rx_t rx, V *out) \
	{                                                                           \
		return weir_rx_recv(ctx, rx.end, out);                              \
	}                                                                           \
	WEIR_INLINE WEIR_MUST_CHECK int rx_t##_try_recv(rx_t rx, V *out)            \
	{                                                                           \
		return weir_rx_try_recv(rx.end, out);                               \
	}                                                                           \
	WEIR_INLINE WEIR_MUST_CHECK int rx_t##_clone(rx_t rx, rx_t *out)            \
	{                                                                           \
		return weir_rx_clone(rx.end, 1, &out->end);                         \
	}                                                                           \
	WEIR_INLINE weir_case rx_t##_case(rx_t rx, V *out)                          \
	{                                                                           \
		return weir_case_recv(rx.end, out);                                 \
	}                                                                           \
	WEIR_INLINE void prefix_close(rx_t *rx)                                     \
	{                                                                           \
		weir_rx_close(rx ? &rx->end : NULL);                                \
	}

/* name_tx, name_rx; name_chan_new, name_send, name_recv, name_tx_close, name_rx_close, and name_tx_/name_rx_ try_,
 * clone, case. */
#define WEIR_CHAN_DECLARE(name)                                                                                     \
	WEIR_TX_WRAP_(name##_tx, name##_send, name##_tx_close, name##_t)                                            \
	WEIR_RX_WRAP_(name##_rx, name##_recv, name##_rx_close, name##_t)                                            \
	WEIR_INLINE WEIR_MUST_CHECK int name##_chan_new(weir_rt *rt, size_t capacity, name##_tx *tx, name##_rx *rx) \
	{                                                                                                           \
		return weir_chan_new(rt, name##_type(), capacity, &tx->end, &rx->end);                              \
	}                                                                                                           \
	struct weir_token_chan_##name##_

/* name_jobs (send and close), name_results (receive and close), struct name_job, struct name_result; name_start,
 * name_attach, name_send, name_recv, name_jobs_close, name_results_close, name_result_drop; name_jobs_new makes a jobs
 * channel of one's own with its receiving end, a name_intake, for name_attach. */
#define WEIR_PIPELINE_DECLARE(name, in_token, out_token)                                                              \
	struct name##_job {                                                                                           \
		struct weir_job_head head;                                                                            \
		in_token##_t in;                                                                                      \
	};                                                                                                            \
	struct name##_result {                                                                                        \
		struct weir_result_head head;                                                                         \
		out_token##_t value;                                                                                  \
	};                                                                                                            \
	WEIR_TX_WRAP_(name##_jobs, name##_send, name##_jobs_close, struct name##_job)                                 \
	WEIR_RX_WRAP_(name##_results, name##_recv, name##_results_close, struct name##_result)                        \
	WEIR_INLINE WEIR_MUST_CHECK int name##_start(weir_scope *s, const struct weir_pipeline_opts *opts,            \
						     name##_jobs *jobs, name##_results *results, weir_pipeline **p)   \
	{                                                                                                             \
		return weir_pipeline_start(s, in_token##_type(), out_token##_type(), opts, &jobs->end, &results->end, \
					   p);                                                                        \
	}                                                                                                             \
	typedef struct {                                                                                              \
		weir_rx *end;                                                                                         \
	} name##_intake;                                                                                              \
	WEIR_INLINE WEIR_MUST_CHECK int name##_jobs_new(weir_rt *rt, size_t capacity, name##_jobs *jobs,              \
							name##_intake *intake)                                        \
	{                                                                                                             \
		weir_type type = weir_job_type(in_token##_type());                                                    \
		return weir_chan_new(rt, &type, capacity, &jobs->end, &intake->end);                                  \
	}                                                                                                             \
	WEIR_INLINE void name##_intake_close(name##_intake *intake)                                                   \
	{                                                                                                             \
		weir_rx_close(intake ? &intake->end : NULL);                                                          \
	}                                                                                                             \
	WEIR_INLINE WEIR_MUST_CHECK int name##_attach(weir_scope *s, const struct weir_pipeline_opts *opts,           \
						      name##_intake *intake, name##_results *results,                 \
						      weir_pipeline **p)                                              \
	{                                                                                                             \
		return weir_pipeline_attach(s, in_token##_type(), out_token##_type(), opts, &intake->end,             \
					    &results->end, p);                                                        \
	}                                                                                                             \
	/* drops the value where there is one, and the detail of the failure where there is one */                    \
	WEIR_INLINE void name##_result_drop(struct name##_result *r)                                                  \
	{                                                                                                             \
		if (r->head.rc == 0)                                                                                  \
			out_token##_drop(&r->value);                                                                  \
		weir_err_fini(&r->head.err);                                                                          \
	}                                                                                                             \
	struct weir_token_pipeline_##name##_

/* fn##_handler, a weir_handler_fn that calls int fn(weir_ctx *, const in *, out *, weir_err *, void *arg). */
#define WEIR_HANDLER_DECLARE(fn, in_token, out_token)                                                           \
	static WEIR_UNUSED int fn##_handler(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg) \
	{                                                                                                       \
		return fn(ctx, (const in_token##_t *)in, (out_token##_t *)out, err, arg);                       \
	}                                                                                                       \
	struct weir_token_handler_##fn##_

#endif
