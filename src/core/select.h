/* SPDX-License-Identifier: MIT
 *
 * The inside of a select case, for select.c and inspect.c. */
#ifndef WEIR_SRC_CORE_SELECT_H
#define WEIR_SRC_CORE_SELECT_H

#include "chan.h"

/* Not 0: memory that was never made by weir_case_* is recognised. */
enum {
	WEIR__CASE_OFF = 0x5701,
	WEIR__CASE_SEND,
	WEIR__CASE_RECV,
	WEIR__CASE_TIMER,
	WEIR__CASE_CTX,
	WEIR__CASE_TICKER,
};

/* may_alias: overlays weir_case, whose first fields it shares. */
struct __attribute__((may_alias)) weir__case {
	int rc;
	uint32_t kind;
	void *end; /* weir_tx, weir_rx, weir_ctx or struct weir_ticker */
	void *item;
	int64_t at;
	uint32_t order; /* slot j: the j-th channel case by id */
	int ctx_code;   /* of another context, as seen before locking */
	struct weir__link link;
};

struct weir__chan *weir__case_chan(const struct weir__case *c);

#endif
