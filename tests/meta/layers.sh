#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The picture of the layers, proved twice: by the linker (a layer links with the rows below it and nothing else) and by
# reading every #include. Each rule is also shown something that breaks it, so that a rule that sees nothing cannot
# pass.
. "$(dirname "$0")/cases.bash"

# -- by the linker --

objects() { # folders: the object of each source that is in them, not deeper
	local folder source
	for folder in "$@"; do
		for source in "$folder"/*.[cS]; do
			[ ! -e "$source" ] || echo "$BUILD/obj/${source%.*}.o"
		done
	done
}

links() { # folders: stdout says what is undefined
	local list
	list=$(objects "$@")
	[ -n "$list" ] || { echo "no sources in $*"; return; }
	# shellcheck disable=SC2086 # one word per object
	"$CC" -shared -pthread -Wl,--no-undefined $list -ldl -o "$scratch/layer.so" 2>&1 |
		grep -v 'collect2\|linker command failed'
}

nothing 'rt links alone' "$(links src/rt)"
nothing 'core links with rt' "$(links src/rt src/core)"
nothing 'stage links with core and rt' "$(links src/rt src/core src/stage)"
nothing 'resilience links with limit, stage, core and rt' "$(links src/rt src/core src/limit src/stage src/resilience)"
nothing 'limit links with core and rt' "$(links src/rt src/core src/limit)"
nothing 'sim links with core and rt' "$(links src/rt src/core sim)"
something 'core does not link without rt' "$(links src/core | grep undefined)"
something 'resilience does not link without stage' \
	"$(links src/rt src/core src/limit src/resilience | grep undefined)"
something 'sim does not link without core' "$(links src/rt sim | grep undefined)"

# -- by reading --

# A private header that other rows may include too: the header, the rows, and why.
shared='
src/rt/atomic.h     core,sim,limit,stage  the one home of atomics; limit: allow is one exchange
src/rt/lock.h       core,sim,limit,stage  the one internal lock, with its ranks; stage: for a crew
src/rt/duty.h       core,stage  what a task does before it waits: core waits, a crew opens its batch
src/limit/guard.h   resilience  what a shared object needs around its pure state: a breaker is one
src/stage/stage.h   resilience  what stages are built with: weir__ names that the shared library shows as WEIR_PRIVATE
src/stage/crew.h    resilience  doing several things at once, likewise
src/stage/array.h   resilience  copies of values, likewise
src/core/processor.h  stage  how a pipeline runs a stage, which core does not know: core calls what stage fills in
src/core/inspect.h  sim       how the simulator reads objects: the private entry of core
sim/scenarios/scenarios.h  cli  the scenarios that come with weir, which the tool runs
'

# Folder of the tree: stdout names each include that breaks the picture. One awk over all files: for each it knows
# the row of the file, and what it includes, made relative to the top.
read_includes() {
	(cd "$1" && find src sim -name '*.[chS]' -type f | sort | xargs awk -v shared="$shared" '
	function row(path) {
		if (path ~ /^(src|weir)\/cli\//) return "cli"
		if (path ~ /^(src|weir)\/stage\// || path == "weir/stage.h") return "stage"
		if (path ~ /^(src|weir)\/limit\// || path == "weir/limit.h") return "limit"
		if (path ~ /^(src|weir)\/resilience\// || path == "weir/resilience.h") return "resilience"
		if (path ~ /^(src|weir)\/core\// || path == "weir/core.h") return "core"
		if (path ~ /^(src|weir)\/rt\// || path == "weir/rt.h" || path == "weir/base.h") return "rt"
		if (path ~ /^sim\// || path ~ /^weir\/sim/) return "sim"
		if (path == "weir/weir.h") return "stage"
		return "?"
	}
	function bad(why) { print FILENAME ":" FNR ": " $0 " (" why ")" }
	function resolve(dir, name,    parts, n, i, out, k) { # dir/name without . and ..
		n = split(dir "/" name, parts, "/"); k = 0
		for (i = 1; i <= n; i++) {
			if (parts[i] == "" || parts[i] == ".") continue
			if (parts[i] == "..") { k--; continue }
			out[++k] = parts[i]
		}
		name = out[1]
		for (i = 2; i <= k; i++) name = name "/" out[i]
		return name
	}
	BEGIN {
		below["rt"] = " rt "; below["core"] = " rt core "
		below["stage"] = " rt core stage "; below["limit"] = " rt core limit "
		below["resilience"] = " rt core stage limit resilience "
		below["sim"] = " rt core sim "; below["cli"] = " rt core stage sim cli "
		world = "^(pthread|time|sys/time|threads|semaphore|stdatomic|sys/socket|linux/futex)[.]h$"
		n = split(shared, lines, "\n")
		for (i = 1; i <= n; i++) if (split(lines[i], word, " ") > 1) common[word[1]] = "," word[2] ","
	}
	!/^[ \t]*#[ \t]*include/ { next }
	{
		mine = row(FILENAME)
		if (match($0, /<[^>]*>/)) {
			name = substr($0, RSTART + 1, RLENGTH - 2)
			if (name ~ /^weir\//) {
				if (index(below[mine], " " row(name) " ") == 0) bad(mine " must not know " row(name))
			} else if (name ~ world && mine != "rt" && mine != "sim") {
				bad("only src/rt and sim touch the world")
			}
		} else if (match($0, /"[^"]*"/)) {
			name = substr($0, RSTART + 1, RLENGTH - 2)
			dir = FILENAME; sub(/\/[^\/]*$/, "", dir)
			path = resolve(dir, name)
			if ((getline line < path) < 0) path = name ~ /^(src|sim)\// ? name : "src/" name
			close(path)
			if (row(path) == mine) next
			if (index(common[path], "," mine ",") == 0) bad("a private header of " row(path))
		}
	}')
}

allocator='malloc|calloc|realloc|aligned_alloc|posix_memalign|strdup|free'

# Calls of the allocator, outside comments and strings.
read_calls() {
	(cd "$1" && find src -name '*.[ch]' -type f ! -path 'src/rt/*' | sort | while IFS= read -r file; do
		strip_comments <"$file" | grep -nE "(^|[^A-Za-z0-9_>.])($allocator)[ ]*\(" | sed "s|^|$file:|"
	done)
}

strip_comments() { # keeps the line numbers
	awk '{
		line = $0; out = ""
		while (line != "") {
			if (inside) {
				at = index(line, "*/")
				if (!at) break
				line = substr(line, at + 2); inside = 0
			} else {
				at = index(line, "/*")
				if (!at) { out = out line; break }
				out = out substr(line, 1, at - 1); line = substr(line, at + 2); inside = 1
			}
		}
		gsub(/"([^"\\]|\\.)*"/, "\"\"", out)
		print out
	}'
}

nothing 'every include is of the own layer or of a row below' "$(read_includes .)"
nothing 'no malloc outside src/rt and sim' "$(read_calls .)"

plant() { # file, line: a tree with one broken rule, read again; stdout: what was found
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree"/{src/rt,src/core,src/cli,sim} "$scratch/tree/$(dirname "$1")"
	touch "$scratch/tree"/src/{rt/atomic,rt/futex,core/chan,core/inspect,cli/cli}.h "$scratch/tree/sim/sim.h"
	echo 'int weir__x;' >"$scratch/tree/src/rt/a.c"
	echo "$2" >>"$scratch/tree/$1"
	read_includes "$scratch/tree"
	read_calls "$scratch/tree"
}

something 'sees rt including core' "$(plant src/rt/a.c '#include <weir/core/chan.h>')"
something 'sees core including the simulator' "$(plant src/core/a.c '#include <weir/sim.h>')"
something 'sees core including a private header of rt' "$(plant src/core/a.c '#include "../rt/futex.h"')"
something 'sees the tool including a header that only the simulator may' \
	"$(plant src/cli/a.c '#include "../core/inspect.h"')"
something 'sees the simulator including a private header of core' "$(plant sim/a.c '#include "../src/core/chan.h"')"
something 'sees rt including a private header of the simulator' "$(plant src/rt/a.c '#include "../../sim/sim.h"')"
something 'sees core including pthread.h' "$(plant src/core/a.c '#include <pthread.h>')"
something 'sees the tool including stdatomic.h' "$(plant src/cli/a.c '#include <stdatomic.h>')"
something 'sees core calling malloc' "$(plant src/core/a.c 'void *weir__y = malloc(1);')"
nothing 'does not mind the simulator reading objects' "$(plant sim/a.c '#include "../src/core/inspect.h"')"
nothing 'does not mind what is allowed' "$(plant src/core/a.c '#include "../rt/atomic.h"
#include "chan.h"
#include <weir/rt.h> /* malloc() in a comment */
#include <string.h>')"

finish
