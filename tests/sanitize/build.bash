# SPDX-License-Identifier: MIT
#
# What the scripts of this folder share: the libraries and small programs, built with one sanitizer.
. "$(dirname "${BASH_SOURCE[0]}")/../meta/cases.bash"

wrap=$(sed -n 's/^Libs: \(-Wl,--wrap=[^ ]*\).*/\1/p' src/weir-sim.pc.in)

# -fsanitize=...: sets $libs, or skips everything where the compiler cannot do it. Those of BUILD are taken if they are
# made that way, as they are under `make tsan` and `make asan`.
libraries() {
	echo 'int main(void) { return 0; }' >"$scratch/try.c"
	if ! "$CC" "$1" "$scratch/try.c" -o "$scratch/try" 2>/dev/null || ! "$scratch/try" 2>/dev/null; then
		skip "$1" "$CC has no such sanitizer, or it does not run here"
		finish
	fi
	libs=$BUILD
	grep -q -e "$1" "$BUILD/flags" 2>/dev/null && [ -e "$BUILD/libweir-sim.a" ] && return
	libs=$scratch/build
	make --no-print-directory BUILD="$libs" CC="$CC" WERROR= CFLAGS="-O1 -g $1" LDFLAGS="$1" \
		"$libs/libweir.a" "$libs/libweir-sim.a" >"$scratch/make.log" 2>&1 && return
	fail "the libraries build with $1" "$(tail -n 20 "$scratch/make.log")"
	finish
}

program() { # source, program, flags
	local source=$1 to=$2
	shift 2
	# shellcheck disable=SC2086 # the wrap flags are words
	"$CC" -std=c17 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -Iinclude "$@" "$source" $wrap \
		"$libs/libweir-sim.a" "$libs/libweir.a" -ldl -pthread -o "$to" && return
	fail "$source builds with $*"
	finish
}
