/* SPDX-License-Identifier: MIT
 *
 * weir_err_is: asks what went wrong, wherever in the detail it stands. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int load(const char *path, weir_err *err)
{
	FILE *file = fopen(path, "r");
	if (!file)
		return weir_fail(err, -errno, "%s: cannot be opened", path);
	fclose(file);
	return 0;
}

int main(void)
{
	weir_err err = {0};
	CHECK(!weir_err_is(&err, -ENOENT)); /* nothing has failed yet */
	if (load("no/such/file", &err) < 0)
		CHECK(weir_err_is(&err, -ENOENT));
	CHECK(err.code == -ENOENT && !weir_err_is(&err, WEIR_EINVAL));
	CHECK(!weir_err_is(NULL, -ENOENT));
	weir_err_fini(&err);
	return 0;
}
