#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# CI/port.sh clang|portable|musl|cross: weir on what is not gcc, glibc and x86-64 with futex and assembly.
#   clang      everything with clang and -Werror; unit, rt, simulation and fault tests
#   portable   the same tests with the portable halves: -DWEIR_NO_FUTEX and -DWEIR_SIM_UCONTEXT
#   musl       static programs with musl-gcc: the same tests, two examples, the scenarios of the tool
#   cross      static programs for aarch64, run by qemu-aarch64: likewise, and the shared library's symbols and layouts,
#              which are those of x86-64
# The last two have no Check: their suites are built with tests/port/check.h.
# Ends with `N passed, N failed`. What the machine has no tool for is skipped with a message: CI/deps.sh, which is tried
# first, installs the tools where it may. Reads BUILD, which is this target's own folder.
set -u
cd "$(dirname "$0")/.." || exit 2

mode=${1:-}
build=${BUILD:-build/$mode}
aarch64=aarch64-linux-gnu-gcc
bare=(LDFLAGS=-static WITH_CHECK=1 CHECK_CFLAGS=-Itests/port CHECK_LIBS= bare)

refuse() { # reason
	echo "$mode: $1"
	echo '0 passed, 1 failed'
	exit 1
}

make_in() { # folder, variables and targets...
	local folder=$1
	shift
	# Of what was given to the make above, only how many jobs there are goes on.
	WEIR_NO_INSTALL=1 make --no-print-directory BUILD="$folder" SQLITE_LIBS= "$@"
}

need() { # tools...
	local tool missing=
	for tool in "$@"; do
		command -v "$tool" >/dev/null 2>&1 || missing=yes
	done
	[ -z "$missing" ] || CI/deps.sh
	for tool in "$@"; do
		command -v "$tool" >/dev/null 2>&1 || skip "$tool is not installed"
	done
}

skip() { # reason
	echo "$mode: $1: nothing was tried"
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}

script() { # file, command: a program for CI/run-tests.sh
	mkdir -p "$(dirname "$1")"
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

# Runs what `make bare` built in $build, each program through a script of its own in $build/under, which holds a tree
# like that of a build folder. Arguments: the command that programs run under, if any.
run_bare() {
	local under=$* program programs=() tree=$build/under
	rm -rf "$tree"
	while IFS= read -r program; do
		[ -n "$program" ] || continue
		script "$tree/${program#"$build"/}" "exec $under '$program' \"\$@\""
		programs+=("$tree/${program#"$build"/}")
	done <"$build/bare"
	for program in "$build"/examples/*; do
		[ ! -x "$program" ] || script "$tree/examples/${program##*/}" "exec $under '$program' \"\$@\""
	done
	script "$tree/scenarios" "exec $under '$build/weir' sim run"
	script "$tree/squares" "BUILD='$tree' exec tests/examples/squares.sh"
	programs+=("$tree/examples/cancel_test" "$tree/scenarios" "$tree/squares")
	if [ -n "$under" ]; then
		script "$tree/abi" "BUILD='$build/shared' CC='$aarch64' UNDER='$under' exec CI/abi.sh check"
		programs+=("$tree/abi")
	fi
	WEIR_SIM_AT_MOST=3000 BUILD=$tree CI/run-tests.sh --logs "$build/logs" "${programs[@]}"
}

case $mode in
clang)
	need clang
	make_in "$build" CC=clang all ported
	;;
portable)
	flags='-O2 -g -DWEIR_NO_FUTEX -DWEIR_SIM_UCONTEXT'
	make_in "$build" CFLAGS="$flags" "$build/libweir.a" "$build/libweir-sim.a" || refuse 'does not build'
	# A macro that had lost its meaning would test the usual halves once more.
	nm "$build/libweir.a" | grep -q 'U pthread_cond_timedwait' || refuse 'the futex was not replaced'
	nm "$build/libweir-sim.a" | grep -q 'U swapcontext' || refuse 'the switch of fibers was not replaced'
	make_in "$build" CFLAGS="$flags" ported
	;;
musl)
	need musl-gcc
	make_in "$build" CC=musl-gcc "${bare[@]}" || refuse 'does not build'
	run_bare
	;;
cross)
	need "$aarch64" qemu-aarch64
	echo 'int main(void) { return 0; }' | "$aarch64" -static -xc - -o /dev/null 2>/dev/null ||
		skip 'there is no C library for aarch64'
	make_in "$build" CC="$aarch64" "${bare[@]}" || refuse 'does not build'
	make_in "$build/shared" CC="$aarch64" "$build/shared/libweir-ext.so.0" || refuse 'no shared libraries'
	run_bare qemu-aarch64 -L "$(realpath "$(dirname "$("$aarch64" -print-file-name=libc.so.6)")/..")"
	;;
*)
	echo 'usage: CI/port.sh clang|portable|musl|cross' >&2
	exit 2
	;;
esac
