/* SPDX-License-Identifier: MIT
 *
 * weir_err_move: tries several ways and keeps the detail of the first failure only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int try_mirror(int n, weir_err *err)
{
	return weir_fail(err, WEIR_EUSER - n, "mirror %d is down", n);
}

int main(void)
{
	weir_err first = {0}, next = {0};
	char text[80];
	for (int n = 1; n <= 3; n++) {
		int rc = try_mirror(n, &next);
		CHECK(rc < 0);
		if (n == 1)
			weir_err_move(&first, &next); /* next is empty now */
		else
			weir_err_fini(&next);
		CHECK(weir_err_format(&next, NULL, 0) == 0);
	}
	weir_err_format(&first, text, sizeof(text));
	CHECK(strstr(text, "mirror 1 is down"));
	weir_err_move(NULL, &first); /* to nobody: dropped */
	CHECK(first.code == 0);
	return 0;
}
