/* SPDX-License-Identifier: MIT
 *
 * weir_err_as: finds a code in a failure, and what is said of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_err err = {0};
	struct weir_err_info info;
	(void)weir_err_wrap(&err, WEIR_EOPEN, WEIR_MS(30)); /* the breaker says when to come again */
	weir_err_frame(&err, "guard", UINT32_MAX, 0);
	(void)weir_err_wrap(&err, WEIR_EUSER - 1, 0);
	CHECK(weir_err_as(&err, WEIR_EOPEN, &info));
	CHECK(info.value == WEIR_MS(30));
	CHECK(!weir_err_as(&err, WEIR_EIO, &info));
	weir_err_fini(&err);
	return 0;
}
