/* SPDX-License-Identifier: MIT
 *
 * weir/weir.h - what most programs include: the runtime on threads, core, limits and stages. */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <weir/base.h>
#include <weir/rt.h>
#include <weir/rt/threads.h>
#include <weir/core.h>
#include <weir/limit.h>
#include <weir/stage.h>

#endif
