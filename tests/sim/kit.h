/* SPDX-License-Identifier: MIT
 *
 * What simulation tests of stages share: a call of a stage, what an error says, and the virtual time. */
#ifndef WEIR_TESTS_SIM_KIT_H
#define WEIR_TESTS_SIM_KIT_H

#include <string.h>
#include <weir/sim.h>
#include <weir/stage.h>

/* st was built, or the failure says what is wrong with it. */
static WEIR_UNUSED weir_call *call_of(weir_scope *s, weir_stage *st)
{
	weir_err err = {0};
	weir_call *call = NULL;
	char text[200];
	int rc = weir_stage_check(st, &err);
	weir_err_format(&err, text, sizeof(text));
	if (rc < 0)
		weir_sim_fail(__FILE__, __LINE__, "%s", text);
	WEIR_SIM_EQ(weir_call_new(s, st, &call), 0);
	return call;
}

static WEIR_UNUSED bool says(const weir_err *err, const char *text)
{
	char buf[500];
	weir_err_format(err, buf, sizeof(buf));
	if (!strstr(buf, text))
		weir_sim_note("\"%s\" is not in: %s", text, buf);
	return strstr(buf, text) != NULL;
}

static WEIR_UNUSED int64_t now(weir_ctx *ctx)
{
	return weir_rt_now(weir_ctx_rt(ctx));
}

#endif
