#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# CI/abi.sh check|update [LIST]: what programs that are linked with libweir.so.0 and libweir-ext.so.0 rely on,
# compared with the list that is checked in (src/weir.abi), or written into it. One line each:
#   function NAME@VERSION             what the library shows
#   object NAME@VERSION SIZE          its data: a program may hold a copy of it
#   struct NAME size N align N        types whose memory is the caller's
#   enum NAME VALUE                   constants that were compiled into the program
# A line that is gone or differs breaks programs that exist: it needs a new soname. A line that is new is a promise from
# now on: `make abi-update` makes it, and the list is committed with the change. The sizes are those of the 64-bit
# targets, which agree. Left out: sim.h and sim/, whose library is only ever static, and what
# libweir shows to libweir-ext alone (WEIR_PRIVATE). Reads BUILD and CC, and UNDER,
# the command that programs run under.
set -u
cd "$(dirname "$0")/.." || exit 2
export LC_ALL=C

: "${BUILD:=build}" "${CC:=cc}"
so=("$BUILD/libweir.so.0" "$BUILD/libweir-ext.so.0")
list=${2:-src/weir.abi}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

stop() {
	echo "abi: $1" >&2
	exit 2
}

symbols() {
	nm -D -S --defined-only "${so[@]}" | sed 's/@@/@/' | awk '
	NF < 3 || /@WEIR_PRIVATE$/ { next } # the name of the file
	NF == 4 && $3 ~ /^[TWi]$/ { print "function", $4; next }
	NF == 4 && $3 ~ /^[BDRGSVu]$/ { sub(/^0+/, "", $2); print "object", $4, "0x" $2; next }
	$(NF - 1) == "A" { next } # the version itself
	{ print "strange", $0 }'
}

headers() {
	(cd include && find weir -name '*.h' ! -path 'weir/sim[./]*' | sort | sed 's/.*/#include <&>/')
}

# What the headers say once macros are expanded: every struct with a body, every constant. A program prints the numbers.
layout() {
	headers >"$work/headers.h"
	"$CC" -std=c17 -Iinclude -E -P -xc "$work/headers.h" >"$work/expanded" || return 1
	{
		cat "$work/headers.h"
		printf '#include <stdio.h>\nint main(void)\n{\n'
		tr '\n' ' ' <"$work/expanded" | grep -oE '\bstruct weir_[a-z0-9_]+ *\{' | tr -d '{' | sort -u |
			while read -r _ name; do
				printf 'printf("struct %s size %%zu align %%zu\\n",' "$name"
				printf ' sizeof(struct %s), _Alignof(struct %s));\n' "$name" "$name"
			done
		tr '\n' ' ' <"$work/expanded" | grep -oE '\benum +(weir_[a-z0-9_]+ *)?\{[^}]*\}' |
			grep -oE '\bWEIR_[A-Z0-9_]+' | sort -u |
			while read -r name; do
				printf 'printf("enum %s %%lld\\n", (long long)%s);\n' "$name" "$name"
			done
		printf 'return 0;\n}\n'
	} >"$work/layout.c"
	"$CC" -std=c17 -Iinclude "$work/layout.c" -o "$work/layout" && ${UNDER:-} "$work/layout"
}

for file in "${so[@]}"; do
	[ -e "$file" ] || stop "$file is not built"
done
symbols >"$work/symbols" || stop "cannot read ${so[*]}"
layout >"$work/layout.txt" || stop 'the headers do not compile'
for kind in function struct enum; do
	cat "$work/symbols" "$work/layout.txt" | grep -q "^$kind weir_\|^$kind WEIR_" || stop "found no $kind"
done
sort "$work/symbols" "$work/layout.txt" >"$work/now"

case ${1:-} in
update)
	{
		echo '# What programs linked with weir rely on: see CI/abi.sh. Written by make abi-update.'
		cat "$work/now"
	} >"$list"
	echo "$(wc -l <"$work/now") lines in $list"
	;;
check)
	grep -v '^#' "$list" | sort >"$work/listed" || stop "cannot read $list"
	# The first two words say what it is; the rest may have changed.
	awk '
	{ key = $1 " " $2; rest = substr($0, length(key) + 2) }
	FNR == NR { was[key] = rest; next }
	!(key in was) { print "added: " $0; failed++; next }
	was[key] != rest { print "changed: " key ": was " was[key] ", is " rest; failed++ }
	was[key] == rest { passed++ }
	{ delete was[key] }
	END {
		for (key in was) { print "removed: " key (was[key] == "" ? "" : " " was[key]); failed++ }
		if (failed) print "if this is meant: make abi-update, and commit " list
		else print passed + 0 " lines are as " list " has them"
		print (!failed && passed > 0) " passed, " failed + (!failed && !passed) " failed"
		exit failed > 0 || !passed
	}' list="$list" "$work/listed" "$work/now"
	;;
*)
	echo 'usage: CI/abi.sh check|update [LIST]' >&2
	exit 2
	;;
esac
