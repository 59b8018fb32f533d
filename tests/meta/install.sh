#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What `make install` puts in place is enough: a program finds weir by pkg-config and by nothing else, against the
# shared and the static library, and with the simulator; `make uninstall` leaves nothing behind.
. "$(dirname "$0")/cases.bash"

prefix=$scratch/usr
# The make that runs this test has its own jobs and variables: those given on its command line come by the environment.
unset MAKEFLAGS MFLAGS MAKELEVEL

run() { # case, command...
	local name=$1 out rc
	shift
	out=$("$@" 2>&1)
	rc=$?
	if [ "$rc" -eq 0 ]; then pass "$name"; else fail "$name" "exit status $rc of $*"$'\n'"$out"; fi
}

run 'make install' make --no-print-directory BUILD="$BUILD" PREFIX="$prefix" install
nothing 'every public header is there' \
	"$(diff <(cd include && find weir -type f | sort) <(cd "$prefix/include" && find weir -type f | sort))"
run 'the tool runs from where it was put' "$prefix/bin/weir" --help

cat >"$scratch/user.c" <<'C'
#include <weir/weir.h>
#include <string.h>
static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_ctx_err(ctx);
}
int main(void)
{
	return strcmp(weir_err_name(WEIR_EPIPE), "WEIR_EPIPE") || weir_main(app, NULL);
}
C
cat >"$scratch/extuser.c" <<'C'
#include <weir/resilience.h>
#include <string.h>
int main(void)
{
	return strcmp(weir_breaker_mode_name(WEIR_BREAKER_OPEN), "open");
}
C
cat >"$scratch/simuser.c" <<'C'
#include <weir/sim.h>
#include <weir/weir.h>
WEIR_SIM_TEST_WITH(sleeps_exactly, .allow_no_decisions = true)
{
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(5)), 0);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(5));
}
int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
C

if command -v pkg-config >/dev/null 2>&1; then
	export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
	run 'pkg-config knows the version of the header' pkg-config --exact-version \
		"$(sed -n 's/^.define WEIR_VERSION "\(.*\)"/\1/p' include/weir/base.h)" weir weir-ext weir-sim
	warn='-std=c17 -Wall -Wextra -Werror'
	# shellcheck disable=SC2046,SC2086 # flags are words
	{
		run 'a program builds against the shared library' \
			"$CC" $warn "$scratch/user.c" -o "$scratch/shared" $(pkg-config --cflags --libs weir)
		run 'and runs' env LD_LIBRARY_PATH="$prefix/lib" "$scratch/shared"
		run 'a program builds with everything static' \
			"$CC" $warn -static "$scratch/user.c" -o "$scratch/static" \
			$(pkg-config --static --cflags --libs weir)
		run 'and runs alone' "$scratch/static"
		run 'a program with the second library builds' \
			"$CC" $warn "$scratch/extuser.c" -o "$scratch/ext" $(pkg-config --cflags --libs weir-ext)
		run 'and runs' env LD_LIBRARY_PATH="$prefix/lib" "$scratch/ext"
		run 'and static' \
			"$CC" $warn -static "$scratch/extuser.c" -o "$scratch/ext-static" \
			$(pkg-config --static --cflags --libs weir-ext)
		run 'and runs alone' "$scratch/ext-static"
		run 'a simulation test builds' \
			"$CC" $warn "$scratch/simuser.c" -o "$scratch/sim" $(pkg-config --cflags --libs weir-sim)
		run 'and passes, with nothing but itself' "$scratch/sim"
	}
else
	skip 'programs find weir by pkg-config' 'pkg-config is not installed'
fi

run 'make uninstall' make --no-print-directory BUILD="$BUILD" PREFIX="$prefix" uninstall
nothing 'nothing is left behind' "$(find "$prefix" ! -type d; find "$prefix/include/weir" 2>/dev/null)"

run 'make install into a DESTDIR' make --no-print-directory BUILD="$BUILD" PREFIX=/usr DESTDIR="$scratch/dest" install
nothing 'the DESTDIR is in no file' "$(grep -rIl "$scratch" "$scratch/dest" 2>/dev/null)"

finish
