/* SPDX-License-Identifier: MIT
 *
 * weir/stage/typed.h - stages of functions that the compiler checks against the tokens of core/typed.h.
 *
 * WEIR_STAGE_DECLARE(fetch, url, size)         fetch_stage(rt, arg), from
 *                                              int fetch(weir_ctx *, const url_t *, size_t *, weir_err *, void *arg)
 *     It is named "fetch", borrows arg, and declares fetch_handler too: do not also use WEIR_HANDLER_DECLARE. For more
 *     (a lifecycle, an owned arg, scratch) fill weir_stage_opts, with .process = fetch_handler. */
#ifndef WEIR_STAGE_TYPED_H
#define WEIR_STAGE_TYPED_H

#include <weir/core/typed.h>
#include <weir/stage/stage.h>

#define WEIR_STAGE_DECLARE(fn, in_token, out_token)                                  \
	WEIR_HANDLER_DECLARE(fn, in_token, out_token);                               \
	WEIR_INLINE WEIR_MUST_CHECK weir_stage *fn##_stage(weir_rt *rt_, void *arg_) \
	{                                                                            \
		struct weir_stage_opts opts_ = {0};                                  \
		opts_.name = #fn;                                                    \
		opts_.in = in_token##_type();                                        \
		opts_.out = out_token##_type();                                      \
		opts_.process = fn##_handler;                                        \
		opts_.arg = arg_;                                                    \
		return weir_stage_new(rt_, &opts_);                                  \
	}                                                                            \
	struct weir_token_stage_##fn##_

#endif
