/* SPDX-License-Identifier: MIT
 *
 * weir/stage.h - all of stage: things to be done to values, and ways to put them together. */
#ifndef WEIR_STAGE_H
#define WEIR_STAGE_H

#include <weir/stage/chain.h>
#include <weir/stage/stage.h>
#include <weir/stage/typed.h>

#endif
