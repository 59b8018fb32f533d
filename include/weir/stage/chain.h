/* SPDX-License-Identifier: MIT
 *
 * weir/stage/chain.h - stages one after the other.
 *
 * A chain gives the value that one stage makes to the next. The values between are in memory of the call, which is used
 * again for each value that is processed; each is dropped as soon as the next stage is done with it. The first stage
 * that fails ends it: its code is the chain's, err says which it was ("parse[1]"), and those behind it are not called.
 * The context is not asked between stages: each asks it where it waits. A chain takes (stage.h) if all of its stages
 * do. Chains can be nested, to any depth. */
#ifndef WEIR_STAGE_CHAIN_H
#define WEIR_STAGE_CHAIN_H

#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

/* children[0], then children[1], and so on; weir_then: two of them.
 * Owner: takes the children, also where it fails; the array stays the caller's. Threads: any. Blocks: no. Fails: never
 * NULL; weir_stage_check says WEIR_EINVAL (no children, a NULL, one that is part of another stage), WEIR_ETYPE (what
 * one makes is not what the next takes), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_chain(weir_stage *const *children, size_t n);
WEIR_API WEIR_MUST_CHECK weir_stage *weir_then(weir_stage *first, weir_stage *second);

WEIR_EXTERN_C_END

#endif
