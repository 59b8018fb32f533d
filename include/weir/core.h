/* SPDX-License-Identifier: MIT
 *
 * weir/core.h - the whole of core. */
#ifndef WEIR_CORE_H
#define WEIR_CORE_H

#include <weir/core/err.h>
#include <weir/core/ctx.h>
#include <weir/core/io.h>
#include <weir/core/chan.h>
#include <weir/core/dump.h>
#include <weir/core/select.h>
#include <weir/core/scope.h>
#include <weir/core/sync.h>
#include <weir/core/stats.h>
#include <weir/core/pipeline.h>
#include <weir/core/probe.h>
#include <weir/core/run.h>
#include <weir/core/typed.h>

#endif
