/* SPDX-License-Identifier: MIT
 *
 * weir_err_text: what a code means, where there is no detail to tell more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	int rc = WEIR_ECANCELED;
	printf("%s: %s\n", weir_err_name(rc), weir_err_text(rc));
	CHECK(strcmp(weir_err_text(rc), "the context was cancelled") == 0);
	CHECK(strcmp(weir_err_text(WEIR_EAGAIN), "would have to wait, or no more tasks can be started") == 0);
	CHECK(weir_err_text(WEIR_EUSER - 5)); /* never NULL */
	return 0;
}
