/* SPDX-License-Identifier: MIT
 *
 * The system's descriptors as the vtable of weir/rt.h wants them, for every runtime that lives on the system. None of
 * these waits, keeps state or looks at rt; the essay is in io.c. */
#ifndef WEIR_SRC_RT_IO_H
#define WEIR_SRC_RT_IO_H

#include <weir/rt.h>

int weir__io_read(weir_rt *rt, weir_fd fd, void *buf, size_t n);
int weir__io_write(weir_rt *rt, weir_fd fd, const void *buf, size_t n);
int weir__io_accept(weir_rt *rt, weir_fd listener, weir_fd *out);
int weir__io_shut(weir_rt *rt, weir_fd fd);
void weir__io_close(weir_rt *rt, weir_fd fd);
int weir__io_signals_open(weir_rt *rt, const int *signals, size_t n, weir_fd *out);
int weir__io_signals_next(weir_rt *rt, weir_fd fd);

#endif
