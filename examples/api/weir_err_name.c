/* SPDX-License-Identifier: MIT
 *
 * weir_err_name: the name of a code, for logs and for people who search in headers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	CHECK(strcmp(weir_err_name(WEIR_EDEADLINE), "WEIR_EDEADLINE") == 0);
	CHECK(strcmp(weir_err_name(-ENOENT), "ENOENT") == 0); /* the system's */
	CHECK(strcmp(weir_err_name(WEIR_EUSER - 5), "user error") == 0);
	CHECK(weir_err_name(12345)); /* never NULL */
	return 0;
}
