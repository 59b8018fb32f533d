/* SPDX-License-Identifier: MIT
 *
 * weir/stage.h - all of stage: things to be done to values, and ways to put them together. */
#ifndef WEIR_STAGE_H
#define WEIR_STAGE_H

#include <weir/stage/array.h>
#include <weir/stage/batcher.h>
#include <weir/stage/chain.h>
#include <weir/stage/fan_out.h>
#include <weir/stage/filter.h>
#include <weir/stage/group.h>
#include <weir/stage/map.h>
#include <weir/stage/map_reduce.h>
#include <weir/stage/on_error.h>
#include <weir/stage/recycler.h>
#include <weir/stage/router.h>
#include <weir/stage/service.h>
#include <weir/stage/stage.h>
#include <weir/stage/typed.h>

#endif
