#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# api.sh: for each public function of rt, core, limit, stage and resilience, and for each macro that makes typed
# functions, examples/api has a short program that shows it in use and checks what it did.
#   - No function is without its program, and no program without its function.
#   - Each program builds against an installed weir with the flags of pkg-config, without a warning, and passes.
#   - It really calls its function: by name in its text, and when it runs, as the dynamic linker tells. Symbols are
#     bound when they are first called (-z lazy), and LD_DEBUG=bindings says which were.
#   - It is C17 without extensions, and names what else it needs of the system (_POSIX_C_SOURCE), so it can be copied
#     into any project. So are the larger programs of examples.
#   - It is short, and says what goes wrong in the one way that all of them share.
. "$(dirname "$0")/../meta/cases.bash"
export LC_ALL=C
unset MAKEFLAGS MFLAGS MAKELEVEL "${!LD_@}"

# header files: what their users call. Macros whose name ends in _ are not for users.
functions_of() {
	sed -n 's/^WEIR_API.*[ *]\(weir_[a-z0-9_]*\)(.*/\1/p' "$@"
}
macros_of() {
	sed -n 's/^#define \(WEIR_[A-Z_]*[A-Z]\)(.*/\1/p' "$@"
}
# folder: its programs, by name
programs_of() {
	find "$1" -name '*.c' | sed 's|.*/||; s|\.c$||' | sort
}

headers=(include/weir/rt.h include/weir/rt/*.h include/weir/{core,limit,stage,resilience}/*.h)
functions_of "${headers[@]}" | sort >"$scratch/functions"
macros_of include/weir/core/typed.h include/weir/stage/*.h | sort >"$scratch/macros"
sort "$scratch/functions" "$scratch/macros" >"$scratch/wanted"
programs_of examples/api >"$scratch/there"
count=$(wc -l <"$scratch/functions")
nothing "there are $count functions to look for" "$(
	declared=$(cat "${headers[@]}" | grep -c '^WEIR_API')
	[ "$count" -ge 100 ] && [ "$count" -eq "$declared" ] || echo "$declared are declared"
)"
nothing 'each function and macro has its program' "$(comm -23 "$scratch/wanted" "$scratch/there")"
nothing 'each program has its function or macro' "$(comm -13 "$scratch/wanted" "$scratch/there")"
printf 'WEIR_API WEIR_MUST_CHECK int *weir_planted(int\n\tn);\n' >"$scratch/planted.h"
something 'sees a function without its program' \
	"$(functions_of "$scratch/planted.h" | comm -23 - "$scratch/there" | grep -x weir_planted)"

# files: those that do not use what they are named after, outside of comments
not_used() {
	awk '
	function over() { if (file != "" && !used) print file }
	FNR == 1 { over(); file = name = FILENAME; used = inside = 0; gsub(/.*\/|\.c$/, "", name) }
	{
		gsub(/\/\*([^*]|\*[^\/])*\*\//, "") # a comment within the line
		if (inside && /\*\//) { sub(/.*\*\//, ""); inside = 0 }
		if (inside) next
		if (/\/\*/) { sub(/\/\*.*/, ""); inside = 1 }
		if ($0 ~ "(^|[^A-Za-z0-9_])" name "[(]") used = 1
	}
	END { over() }' "$@"
}
idiom='#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))'
shapeless() { # files: those that are too long, or check nothing
	local file
	for file in "$@"; do
		grep -qxF "$idiom" "$file" || echo "$file: not the CHECK that all of them share"
		[ "$(grep -c '[^a-z]CHECK(' "$file")" -ge 2 ] || echo "$file: checks nothing"
		[ "$(wc -l <"$file")" -le 60 ] || echo "$file: $(wc -l <"$file") lines"
	done
}
nothing 'each program calls its function by name' "$(not_used examples/api/*.c)"
nothing 'each is short and checks something' "$(shapeless examples/api/*.c)"
printf '/* weir_planted(1)\n * weir_planted(2) */\nint main(void) /* weir_planted(3) */\n{\n\treturn 0;\n}\n' \
	>"$scratch/weir_planted.c"
something 'sees a program that does not call it' "$(not_used "$scratch/weir_planted.c")"
something 'sees a program that checks nothing' "$(shapeless "$scratch/weir_planted.c")"

if ! command -v pkg-config >/dev/null 2>&1; then
	skip 'the programs are built and run' 'pkg-config is not installed'
	finish
fi

dest=$scratch/dest
out=$(make --no-print-directory BUILD="$BUILD" PREFIX=/opt/weir DESTDIR="$dest" install 2>&1) ||
	{ fail 'make install' "$out"; finish; }
export PKG_CONFIG_SYSROOT_DIR=$dest PKG_CONFIG_LIBDIR=$dest/opt/weir/lib/pkgconfig
cflags=$(pkg-config --cflags weir) libs="$(pkg-config --libs weir) -Wl,--as-needed $(pkg-config --libs weir-ext)"
export CC cflags libs out="$scratch/out" dest
mkdir "$out" "$out/bindings"

strict_c17() { # files: what a compiler says of them that knows the installed headers, and no extensions
	# shellcheck disable=SC2086 # flags
	printf '%s\n' "$@" | xargs -n 1 "$CC" -std=c17 -Wall -Wextra -Wpedantic -Werror $cflags -fsyntax-only 2>&1
}
nothing 'each example is C17 without extensions' "$(strict_c17 examples/*.c)"
printf '#include <string.h>\nchar *f(void) { return strdup("x"); }\n' >"$scratch/planted.c"
something 'sees one that needs POSIX and does not say so' "$(strict_c17 "$scratch/planted.c")"

# In a folder where nothing but the installed headers can be found. One invocation of the compiler for each program;
# what it says and the exit status of the program go into files.
cp examples/api/*.c "$out"
# shellcheck disable=SC2016 # for the inner shell
try='name=$(basename "$1" .c)
	cd "$out" || exit 1
	warn="-std=c17 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror"
	$CC $warn $cflags "$name.c" -o "$name" -Wl,-z,lazy $libs >"$name.cc" 2>&1 || exit 0
	LD_DEBUG=bindings LD_DEBUG_OUTPUT="bindings/$name" LD_LIBRARY_PATH=$dest/opt/weir/lib \
		timeout 20 "./$name" >"$name.out" 2>&1 </dev/null
	echo $? >"$name.status"'
printf '%s\n' examples/api/*.c | xargs -n 1 -P "$(nproc 2>/dev/null || echo 2)" sh -c "$try" sh

bound() { # program, function: whether it was called in the run
	cat "$out/bindings/$1".* 2>/dev/null | grep -q "libweir.*symbol .$2'"
}
traced=
bound weir_main weir_main && traced=yes
while IFS= read -r name; do
	said=$(cat "$out/$name.cc" 2>&1)
	status=$(cat "$out/$name.status" 2>/dev/null || echo none)
	[ "$status" = 0 ] || said+="exit status $status"$'\n'$(cat "$out/$name.out" 2>/dev/null)
	case $name in weir_*)
		[ -z "$traced" ] || bound "$name" "$name" || said+='its function was not called'
		;;
	esac
	nothing "$name" "$said"
done <"$scratch/there"
if [ -n "$traced" ]; then
	something 'sees a function that is not called' "$(bound weir_main weir_rx_shut || echo not)"
else
	skip 'the functions are called' 'this linker does not tell (LD_DEBUG=bindings)'
fi

finish
