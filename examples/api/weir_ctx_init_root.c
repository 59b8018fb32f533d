/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_init_root: a thread that weir did not start gets a context, and can use everything from then on. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int)};

struct from_outside {
	weir_rt *rt;
	weir_tx *tx;
};

static void *legacy_thread(void *arg)
{
	struct from_outside *me = arg;
	weir_ctx root;
	weir_ctx_init_root(&root, me->rt);
	int rc = weir_tx_send(&root, me->tx, &(int){42});
	weir_tx_close(&me->tx);
	weir_ctx_fini(&root);
	return rc == 0 ? me : NULL;
}

int main(void)
{
	struct from_outside me = {0};
	weir_rx *rx = NULL;
	weir_ctx root;
	pthread_t thread;
	void *result = NULL;
	int n = 0;
	CHECK(weir_rt_threads_new(NULL, &me.rt) == 0);
	weir_ctx_init_root(&root, me.rt); /* of main, which weir did not start either */
	CHECK(weir_chan_new(me.rt, &num, 0, &me.tx, &rx) == 0);
	CHECK(pthread_create(&thread, NULL, legacy_thread, &me) == 0);
	CHECK(weir_rx_recv(&root, rx, &n) == 1 && n == 42);
	CHECK(pthread_join(thread, &result) == 0 && result == &me);
	weir_rx_close(&rx);
	weir_ctx_fini(&root);
	weir_rt_free(&me.rt);
	return 0;
}
