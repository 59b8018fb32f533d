/* SPDX-License-Identifier: MIT
 *
 * weir_tx_send: a successful send moves the item into the channel; a failed one leaves it with the caller. */
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
static const weir_type text = {.name = "text", .size = sizeof(char *), .drop = text_drop};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	char *word = strdup("hello");
	(void)err, (void)arg;
	CHECK(word && weir_chan_new(weir_ctx_rt(ctx), &text, 1, &tx, &rx) == 0);
	CHECK(weir_tx_send(ctx, tx, &word) == 0);
	word = NULL; /* the channel owns it now */
	word = strdup("nobody hears this");
	weir_rx_close(&rx); /* "hello" is dropped: nobody will receive it */
	CHECK(word && weir_tx_send(ctx, tx, &word) == WEIR_EPIPE);
	free(word); /* still ours */
	weir_tx_close(&tx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
