/* SPDX-License-Identifier: MIT
 *
 * weir_result_type: the element of a results channel: dropping one lets go of the value, where there is one, and of
 * the detail. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static void text_drop(void *item, void *arg)
{
	(void)arg;
	free(*(char **)item);
}
static const weir_type text = {.name = "text", .size = sizeof(char *), .align = _Alignof(char *), .drop = text_drop};

struct result {
	struct weir_result_head head;
	char *value;
};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct result good = {.head = {.id = 1, .rc = 0}}, bad = {.head = {.id = 2, .rc = WEIR_EIO}};
	(void)err, (void)arg;
	const weir_type type = weir_result_type(&text);
	CHECK(type.size == sizeof(struct result));
	good.value = strdup("forty-two");
	CHECK(good.value && weir_fail(&bad.head.err, WEIR_EIO, "no answer") == WEIR_EIO);
	weir_type_drop(&type, &good);
	weir_type_drop(&type, &bad); /* holds no value */
	CHECK(weir_ctx_err(ctx) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
