# SPDX-License-Identifier: MIT
#
# One public header to its manual pages (CI/man.sh says which); POSIX awk.
# Given: header (weir/core/chan.h), page (weir_chan), folder, examples, version.
#
# A header is read as a sequence of comments and declarations. A comment belongs to what follows it without an empty
# line. Prototypes that follow each other share one (a group). What is not a function is shown in the overview as it
# stands; bodies of macros are not, and neither are macros whose name ends in _, which are not for users.

# ---- text to roff ----

function literal(s) { # a line of code or of a table
	gsub(/\\/, "\001", s)
	gsub(/-/, "\002", s)
	gsub(/'/, "\003", s)
	gsub(/`/, "\004", s)
	gsub(/\^/, "\005", s)
	gsub(/~/, "\006", s)
	return marks(s)
}

function marks(s) { # what stands for a character that roff would take for something else
	gsub(/\001/, "\\e", s)
	gsub(/\002/, "\\-", s)
	gsub(/\003/, "\\(aq", s)
	gsub(/\004/, "\\(ga", s)
	gsub(/\005/, "\\(ha", s)
	gsub(/\006/, "\\(ti", s)
	return s ~ /^\./ ? "\\&" s : s
}

function prose(s,    out, word) { # names of ours are bold, `words` italic
	gsub(/\\/, "\001", s)
	gsub(/\^/, "\005", s)
	gsub(/~/, "\006", s)
	out = ""
	while (match(s, /weir_[a-z0-9_]+|WEIR_[A-Z0-9_]+|`[^`]*`/)) {
		word = substr(s, RSTART, RLENGTH)
		out = out substr(s, 1, RSTART - 1)
		if (word ~ /^`/)
			out = out "\\fI" substr(word, 2, length(word) - 2) "\\fR"
		else
			out = out "\\fB\\%" word "\\fR"
		s = substr(s, RSTART + RLENGTH)
	}
	s = out s
	out = ""
	while (match(s, /(^|[ (])-[A-Za-z0-9>]/)) { # -1, -errno, ->
		word = substr(s, RSTART, RLENGTH)
		sub(/-/, "\002", word)
		out = out substr(s, 1, RSTART - 1) word
		s = substr(s, RSTART + RLENGTH)
	}
	s = marks(out s)
	return s ~ /^'/ ? "\\&" s : s
}

function expanded(s,    out, i, c, column) { # tabs are 8 columns
	if (s !~ /\t/) return s
	out = ""
	column = 0
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c != "\t") {
			out = out c
			column++
			continue
		}
		do {
			out = out " "
			column++
		} while (column % 8)
	}
	return out
}

function trimmed(s) {
	sub(/^[ \t]+/, "", s)
	sub(/[ \t]+$/, "", s)
	return s
}

function capital(s) { return toupper(substr(s, 1, 1)) substr(s, 2) }

# A comment line without its stars.
function bare(s) {
	sub(/^\/\* ?/, "", s)
	sub(/^ \* ?/, "", s)
	sub(/ ?\*\/$/, "", s)
	return expanded(s)
}

# Where the first sentence of s ends: its length without the period.
function sentence(s) { return match(s, /[^.][.]( |$)/) ? RSTART : length(s) }

# The beginning of the first sentence, up to a : or ; (and where that is long, up to a comma) not in parentheses or
# quotes.
function brief(s,    i, c, depth, quoted) {
	s = substr(s, 1, sentence(s))
	depth = 0
	for (i = 1; i < length(s); i++) {
		c = substr(s, i, 2)
		if (c ~ /^[(]/) depth++
		if (c ~ /^[)]/) depth--
		if (c ~ /^"/) quoted = !quoted
		if (depth == 0 && !quoted && (c ~ /^[:;] / || (c == ", " && i > 20 && length(s) > 72))) s = substr(s, 1, i - 1)
	}
	return s ~ /^[A-Z][a-z ]/ ? tolower(substr(s, 1, 1)) substr(s, 2) : s
}

# ---- pages ----

function begin(name, file) {
	out = folder "/" file ".3"
	print ".\\\" Made from " header " by CI/man.sh: edit that." >out
	print ".TH " name " 3 \"\" \"weir " version "\" \"weir\"" >out
	print ".ad l" >out
}

function section(name) { print ".SH " name >out }

function library() {
	section("LIBRARY")
	if (header ~ /\/sim\.h$/)
		print "The simulator of weir (\\fIlibweir\\-sim\\fR; pkg\\-config \\fIweir\\-sim\\fR)" >out
	else if (header ~ /\/resilience[.\/]/)
		print "The second library of weir (\\fIlibweir\\-ext\\fR, \\-lweir\\-ext; pkg\\-config \\fIweir\\-ext\\fR)" >out
	else
		print "weir (\\fIlibweir\\fR, \\-lweir; pkg\\-config \\fIweir\\fR)" >out
}

function example(name,    file, line, text, state) {
	file = examples "/" name ".c"
	getline line <file # the licence
	text = ""
	state = "about"
	while ((getline line <file) > 0) {
		if (state == "about") {
			text = trimmed(text " " bare(line))
			if (line !~ /\*\/$/) continue
			sub(/^[A-Za-z0-9_]+: */, "", text)
			print prose(capital(text)) >out
			print ".PP\n.EX" >out
			state = "code"
		} else {
			print literal(expanded(line)) >out
		}
	}
	print ".EE" >out
	close(file)
}

# A prototype in lines of 78 columns, the parameters below each other.
function synopsis(proto,    open, n, part, i, line, pad) {
	open = index(proto, "(")
	line = substr(proto, 1, open)
	pad = sprintf("%" open "s", "")
	if (open > 40) pad = "        "
	n = split(substr(proto, open + 1), part, /, /)
	for (i = 1; i <= n; i++) {
		if (i < n) part[i] = part[i] ","
		if (length(line part[i]) > 76 && line !~ /\($/) {
			print "\\fB" literal(line) "\\fR" >out
			line = pad part[i]
		} else {
			line = line (line ~ /[( ]$/ ? "" : " ") part[i]
		}
	}
	print "\\fB" literal(line) "\\fR" >out
}

function replaced(s, word, by) { # a first word that says it in short
	if (s ~ "^" word "([.,;:]| [(]|$)") return by substr(s, length(word) + 1)
	return s
}

# One of the five, as a sentence.
function told(kind, s, proto,    first) {
	s = trimmed(s)
	if (kind == 1) s = replaced(s, "none", "Nothing changes hands")
	if (kind == 2) {
		s = replaced(s, "any", "Any task")
		sub(/see above/, "see the opening comment in " page "(3)", s)
		sub(/see the table/, "see the table in " page "(3)", s)
	}
	if (kind == 3) s = replaced(s, "no", "Does not block")
	if (kind == 4) s = replaced(replaced(s, "NULL", "Returns NULL"), "no", "Cannot fail")
	if (kind == 5) s = replaced(s, "unchanged", "No difference")
	first = s
	sub(/[^A-Za-z0-9_].*/, "", first)
	# a parameter or a name keeps its letters
	if (first ~ /^[a-z]+$/ && index(proto, first) == 0) s = capital(s)
	return s
}

function see_also(name,    i, line) {
	section("SEE ALSO")
	line = page != name ? ".BR \\%" page " (3)" : ""
	for (i = 1; i <= functions; i++) {
		if (fn_name[i] == name) continue
		if (line != "") print line "," >out
		line = ".BR \\%" fn_name[i] " (3)"
	}
	print line >out
}

function function_page(f,    g, i, part, at, kind, protos, line) {
	g = fn_group[f]
	begin(fn_name[f], fn_name[f])
	section("NAME")
	print fn_name[f] " \\- " prose(fn_brief[f]) >out
	library()
	section("SYNOPSIS")
	print ".nf\n\\fB#include <" header ">\\fR\n.PP" >out
	synopsis(fn_proto[f])
	protos = fn_proto[f]
	for (i = 1; i <= functions; i++)
		if (fn_group[i] == g && i != f) {
			synopsis(fn_proto[i])
			protos = protos fn_proto[i]
		}
	print ".fi" >out
	section("DESCRIPTION")
	described = 0
	text_block(split(group_text[g], part, "\n"), part)
	if (fn_checked[f]) print ".PP\nThe compiler warns where the result is not looked at." >out
	for (kind = 1; kind <= 5; kind++) {
		if (!((g, kind) in trailer)) continue
		section(heading[kind])
		print prose(told(kind, trailer[g, kind], protos)) >out
	}
	at = examples "/" fn_name[f] ".c"
	if ((getline line <at) > 0) {
		close(at)
		section("EXAMPLE")
		example(fn_name[f])
	}
	see_also(fn_name[f])
	close(out)
}

function overview_page(    i, names) {
	names = page
	for (i = 1; i <= macros; i++) names = names ", " macro[i]
	begin(page, page)
	section("NAME")
	print names " \\- " prose(title) >out
	library()
	section("SYNOPSIS")
	print ".nf\n\\fB#include <" header ">\\fR\n.fi" >out
	section("DESCRIPTION")
	described = 0
	text_block(openings, open_line)
	if (!described || functions + declarations + macros == 0) {
		print (described ? ".PP\n" : "") "Includes:" >out
		for (i = 1; i <= includes; i++) print ".br\n\\fB<" include[i] ">\\fR" >out
	}
	if (functions > 0) {
		section("FUNCTIONS")
		for (i = 1; i <= functions; i++) {
			print ".TP\n.BR \\%" fn_name[i] " (3)" >out
			print prose(fn_brief[i]) >out
		}
	}
	if (declarations > 0) {
		section("DECLARATIONS")
		print ".EX" >out
		while (declarations > 0 && declaration[declarations] == "") declarations--
		for (i = 1; i <= declarations; i++) print literal(declaration[i]) >out
		print ".EE" >out
	}
	for (i = 1; i <= macros; i++) {
		if (i == 1) section("EXAMPLES")
		print ".SS " macro[i] >out
		example(macro[i])
	}
	if (functions > 0) see_also(page)
	close(out)
	for (i = 1; i <= macros; i++) {
		out = folder "/" macro[i] ".3"
		print ".so man3/" page ".3" >out
		close(out)
	}
}

# Lines of a comment: what is set in or has a gap is a table and stays as it is, the rest is filled.
function text_block(n, part,    i, kind, before, run, blank) {
	before = run = ""
	blank = 0
	for (i = 1; i <= n + 1; i++) {
		kind = "prose"
		if (i > n || part[i] == "") kind = ""
		else if (part[i] ~ /^ |[^ ]  +[^ ]/) kind = "table"
		if (kind != before && before == "prose") print prose(run) >out
		if (kind != before && before == "table") print ".EE" >out
		if (kind == "") {
			blank = described
		} else {
			if (blank) print ".PP" >out
			blank = 0
			described = 1
		}
		if (kind == "table" && before != "table") print ".EX" >out
		if (kind == "table") print literal(part[i]) >out
		if (kind == "prose") run = before == "prose" ? run " " part[i] : part[i]
		before = kind
	}
}

# ---- reading ----

function take_opening(    i, text, cut) {
	text = ""
	for (i = 1; i <= comments && comment[i] != ""; i++) text = text (text == "" ? "" : " ") comment[i]
	sub(/^[^ ]* - /, "", text)
	title = substr(text, 1, sentence(text))
	cut = trimmed(substr(text, length(title) + 2))
	openings = 0
	if (cut != "") open_line[++openings] = cut
	if (cut != "" && i < comments) open_line[++openings] = ""
	for (i++; i <= comments; i++) open_line[++openings] = comment[i]
}

# The comment before a group: its text, then what the five words say.
function take_group(    i, k, text, rest, where) {
	groups++
	text = ""
	rest = ""
	for (i = 1; i <= comments; i++) {
		if (rest == "" && comment[i] !~ /^ *Owner:/) text = text (text == "" ? "" : "\n") comment[i]
		else rest = rest " " trimmed(comment[i])
	}
	group_text[groups] = text
	for (k = 5; k >= 1 && rest != ""; k--) {
		where = index(rest, word[k])
		if (where == 0) continue
		trailer[groups, k] = trimmed(substr(rest, where + length(word[k])))
		rest = substr(rest, 1, where - 1)
	}
}

function take_function(proto,    name, text) {
	gsub(/[ \t]+/, " ", proto)
	functions++
	fn_checked[functions] = proto ~ /WEIR_MUST_CHECK/
	sub(/^WEIR_API /, "", proto)
	sub(/WEIR_MUST_CHECK /, "", proto)
	sub(/WEIR_PRINTF\([0-9]+, [0-9]+\) /, "", proto)
	sub(/__attribute__\(\([a-z]*\)\) /, "", proto)
	match(proto, /weir_[a-z0-9_]+\(/)
	name = substr(proto, RSTART, RLENGTH - 1)
	fn_name[functions] = name
	fn_proto[functions] = proto
	fn_group[functions] = groups
	text = group_text[groups]
	gsub(/\n/, " ", text)
	fn_brief[functions] = brief(text)
}

function declare(line) {
	if (line == "" && (declarations == 0 || declaration[declarations] == "")) return
	declaration[++declarations] = expanded(line)
}

function flush_comment(    i) {
	for (i = 1; i <= raws; i++)
		if (raw[i] !~ /clang-format (on|off)|^\/\* ---- .* ---- \*\/$/) declare(raw[i])
	raws = comments = 0
}

BEGIN {
	split("Owner:,Threads:,Blocks:,Fails:,After cancel:", word, ",")
	split("OWNERSHIP,THREADS,BLOCKING,ERRORS,AFTER CANCELLATION", heading, ",")
}

inside { # a comment, or a prototype
	if (inside == "comment") {
		comment[++comments] = bare($0)
		raw[++raws] = $0
		if (/\*\/$/) {
			inside = ""
			if (!opened) {
				opened = 1
				take_opening()
				raws = comments = 0
			}
		}
	} else {
		proto = proto " " trimmed($0)
		if (/;$/) {
			inside = ""
			take_function(proto)
		}
	}
	next
}

/^\/\*/ {
	flush_comment()
	raw[++raws] = $0
	if (bare($0) !~ /^SPDX/) comment[++comments] = bare($0)
	if (!/\*\/$/) inside = "comment"
	grouped = 0
	if (!opened) { # its second line is empty
		getline
	}
	next
}

/^WEIR_API/ {
	if (!grouped) {
		take_group()
		grouped = 1
	}
	raws = comments = 0
	proto = $0
	if (/;$/) take_function(proto)
	else inside = "prototype"
	next
}

/^#include/ {
	gsub(/^#include <|>$/, "")
	include[++includes] = $0
	next
}

/^WEIR_EXTERN_C_/ { next }
/^#(ifdef|if|ifndef)/ { depth++; next }
/^#endif/ { depth--; next }
depth > 1 { next }
/^#(else|undef)/ { next }
/^#define [A-Z_]*_H$/ { next }

/^#define [A-Za-z_]*_[( ]/ { # not for users
	raws = comments = 0
	while (/\\$/) if ((getline) <= 0) break
	next
}

/^#define [A-Z_]+\(/ {
	flush_comment()
	name = $2
	sub(/\(.*/, "", name)
	n = 0
	lines[++n] = body = $0
	while (/\\$/ && (getline) > 0) {
		lines[++n] = $0
		body = body $0
	}
	if (body ~ /[{]|##/) { # what it expands to is our affair
		sub(/\).*/, ")", lines[1])
		n = 1
	}
	for (i = 1; i <= n; i++) declare(lines[i])
	if ((getline line <(examples "/" name ".c")) > 0) {
		close(examples "/" name ".c")
		macro[++macros] = name
	}
	next
}

{
	if ($0 == "") grouped = 0
	flush_comment()
	declare($0)
}

END {
	for (f = 1; f <= functions; f++) function_page(f)
	overview_page()
}
