/* SPDX-License-Identifier: MIT
 *
 * weir_err_member: looks at what failed together. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_rt *rt = NULL;
	weir_err err = {0}, one = {0};
	const weir_err *member;
	uint32_t index = 0;
	CHECK(weir_rt_threads_new(NULL, &rt) == 0);
	for (uint32_t i = 0; i < 3; i++) {
		(void)weir_fail(&one, WEIR_EIO, "part %u", i);
		weir_err_add(&err, rt, 10 * i, &one);
	}
	size_t n = 0;
	for (; (member = weir_err_member(&err, n, &index)) != NULL; n++)
		CHECK(member->code == WEIR_EIO && index == 10 * n);
	CHECK(n == 3);
	weir_err_fini(&err);
	weir_rt_free(&rt);
	return 0;
}
