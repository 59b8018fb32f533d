/* SPDX-License-Identifier: MIT
 *
 * WEIR_TYPE_OWNED: one token for a C type whose values own something; free takes the address of a value, by its exact
 * type. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int words; /* how many there are */

static void word_free(char **word)
{
	free(*word);
	words--;
}

WEIR_TYPE_OWNED(word, char *, word_free);
WEIR_CHAN_DECLARE(word);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	word_tx tx;
	word_rx rx;
	(void)err, (void)arg;
	CHECK(word_chan_new(weir_ctx_rt(ctx), 4, &tx, &rx) == 0);
	for (int i = 0; i < 3; i++) {
		word_t word = strdup("hello");
		CHECK(word && ++words);
		CHECK(word_send(ctx, tx, &word) == 0); /* moved */
	}
	word_t first;
	CHECK(word_recv(ctx, rx, &first) == 1 && strcmp(first, "hello") == 0);
	word_drop(&first);
	CHECK(words == 2);
	word_rx_close(&rx); /* the other two are dropped */
	CHECK(words == 0);
	word_tx_close(&tx);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
