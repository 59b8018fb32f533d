#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every public header compiles alone, with the warnings a careful user turns on, as C17 and as C++17: nobody has to
# silence a warning because of weir, and no header leans on another having been included before it.
. "$(dirname "$0")/cases.bash"

strict='-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Werror'

compile() { # compiler and flags..., header: stdout is what it says
	local header=${!#}
	# twice: an include guard is part of it
	printf '#include <%s>\n#include <%s>\nextern int weir_alone;\n' "${header#include/}" "${header#include/}" |
		"${@:1:$#-1}" -Iinclude -fsyntax-only - 2>&1 || echo "exit status $?"
}

headers=$(find include/weir -name '*.h' | sort)
[ -n "$headers" ] || fail 'there are headers' 'none found'

for compiler in gcc clang; do
	if ! command -v "$compiler" >/dev/null 2>&1; then
		skip "C17 with $compiler" "$compiler is not installed"
		continue
	fi
	for header in $headers; do
		# shellcheck disable=SC2086 # flags are words
		nothing "$header as C17 with $compiler" \
			"$(compile "$compiler" -xc -std=c17 $strict -Wstrict-prototypes "$header")"
	done
done

for compiler in g++ clang++; do
	# A clang++ without a C++ library of its own is as good as none.
	if ! echo '#include <cstddef>' | "$compiler" -xc++ -fsyntax-only - >/dev/null 2>&1; then
		skip "C++17 with $compiler" "$compiler is not installed"
		continue
	fi
	for header in $headers; do
		# shellcheck disable=SC2086
		nothing "$header as C++17 with $compiler" "$(compile "$compiler" -xc++ -std=c++17 $strict "$header")"
	done
done

mkdir -p "$scratch/include"
echo 'static inline int weir_narrow(long n) { int r = n; return r; }' >"$scratch/include/planted.h"
something 'sees a conversion in a header' \
	"$(cd "$scratch" && compile "$CC" -xc -std=c17 -Wconversion -Werror include/planted.h)"

finish
