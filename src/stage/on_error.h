/* SPDX-License-Identifier: MIT
 *
 * Asking a function about failures: for weir_on_error and for services. */
#ifndef WEIR_SRC_STAGE_ON_ERROR_H
#define WEIR_SRC_STAGE_ON_ERROR_H

#include <weir/stage/on_error.h>

#include "stage.h"

/* Runs the child, and asks about its failure if there is a function. */
int weir__on_error_run(weir_ctx *ctx, const struct weir_on_error_opts *opts, const struct weir__run *child,
		       const void *in, void *out, weir_err *err);

#endif
