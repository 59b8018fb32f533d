# SPDX-License-Identifier: MIT
#
# The build of weir: one file, everything under $(BUILD), `make help` is the manual.
#
# How sources become programs:
#   src/{rt,core,limit,stage}   -> libweir.a, libweir.so.0      compiled once, with -fPIC
#   src/resilience              -> libweir-ext.a, libweir-ext.so.0
#   sim/*.c sim/*.S             -> libweir-sim.a
#   src/cli, sim/scenarios      -> weir
#   examples/NAME.c             -> examples/NAME
#   docs/book/CHAPTER/*.c       -> book/CHAPTER/*               (broken and fixed)
#   bench/NAME.c                -> bench/NAME
#   tests/KIND/.../test_NAME.c  -> tests/KIND/.../test_NAME     (tests/rt: with the other files of its folder)
# What a program is linked with is read from its text: <weir/sim.h> adds the simulator, <weir/resilience...> the second
# library, <check.h> Check.
# Objects remember the compiler and the flags they were made with ($(BUILD)/flags): changing them builds again.

BUILD   ?= build
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
MANDIR  ?= $(PREFIX)/share/man
DESTDIR ?=
CFLAGS  ?= -O2 -g
LDFLAGS ?=
WERROR  ?= -Werror
CLANG_FORMAT ?= clang-format
ifeq ($(origin CC),default)
CC := $(if $(shell command -v gcc),gcc,cc)
endif
ifeq ($(origin AR),default)
AR := ar
endif
Q := $(if $(V),,@)

VERSION := $(shell sed -n 's/^.define WEIR_VERSION "\(.*\)"/\1/p' include/weir/base.h)
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wpedantic $(WERROR)
ALL_CFLAGS := -std=c17 -D_GNU_SOURCE $(WARN) -fvisibility=hidden -fno-omit-frame-pointer -pthread $(CFLAGS)
LIB_CFLAGS := -fPIC -Iinclude
# A call in tail position has no return address of its own: programs that are read by site keep every call.
PROG_CFLAGS := -fno-optimize-sibling-calls -Iinclude -I. -Isrc -Isim
# malloc of tasks, see sim/heap.c; the list is the pkg-config file's.
SIM_WRAP := $(shell sed -n 's/^Libs: \(-Wl,--wrap=[^ ]*\).*/\1/p' src/weir-sim.pc.in)
# The simulator is not profiled by its users: without frame pointers it runs 3 % more schedules. Sanitizers want them.
# Under TSan: sim/sanitize.h, Z4.
SIM_CFLAGS := $(if $(filter -fsanitize=%,$(CFLAGS)),,-fomit-frame-pointer)
SIM_CFLAGS += $(if $(findstring thread,$(filter -fsanitize=%,$(CFLAGS))),-fno-sanitize=thread -DWEIR_SIM_TSAN)
CHECK_CFLAGS = $$(pkg-config --cflags check)
CHECK_LIBS = $$(pkg-config --libs check)
# Of one example, which is left out where SQLite is not; SQLITE_LIBS= leaves it out too.
SQLITE_LIBS ?= $(shell pkg-config --exists sqlite3 2>/dev/null && pkg-config --libs sqlite3)

# -- what there is --------------------------------------------------------------------------------------------------

obj = $(patsubst %,$(BUILD)/obj/%.o,$(basename $(1)))

WEIR_SRC := $(sort $(wildcard src/rt/*.c src/core/*.c src/limit/*.c src/stage/*.c))
RESILIENCE_SRC := $(sort $(wildcard src/resilience/*.c))
EXT_SRC := $(RESILIENCE_SRC)
SIM_SRC := $(sort $(wildcard sim/*.c sim/*.S))
CLI_SRC := $(sort $(wildcard src/cli/*.c sim/scenarios/*.c))
EXAMPLE_SRC := $(filter-out $(if $(strip $(SQLITE_LIBS)),,examples/db.c),$(sort $(wildcard examples/*.c)))
BOOK_SRC := $(sort $(wildcard docs/book/*/broken.c docs/book/*/fixed.c))
BENCH_SRC := $(sort $(wildcard bench/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/*/test_*.c tests/rt/test_*.c))
RT_KIT_SRC := $(sort $(filter-out tests/rt/test_%,$(wildcard tests/rt/*.c)))
SIMTEST_SRC := $(sort $(wildcard tests/sim/test_*.c))
FAULT_SRC := $(sort $(wildcard tests/fault/test_*.c))
STRESS_SRC := $(sort $(wildcard tests/stress/test_*.c))
CONTAIN_SRC := $(sort $(wildcard tests/contain/*.c))
BUGS_SRC := $(sort $(wildcard tests/bugs/*.c))
EXHAUST_SRC := $(sort $(wildcard tests/exhaust/*.c))
META_SH := $(sort $(wildcard tests/meta/*.sh))
EXAMPLE_SH := $(sort $(wildcard tests/examples/*.sh))

PROG_SRC := $(EXAMPLE_SRC) $(BOOK_SRC) $(BENCH_SRC) $(UNIT_SRC) $(SIMTEST_SRC) $(FAULT_SRC) $(STRESS_SRC)
USES_SIM := $(SIMTEST_SRC) $(BOOK_SRC) \
	$(if $(PROG_SRC),$(shell grep -lE '^.include [<"](weir/sim|sim/)' $(PROG_SRC) /dev/null))
USES_EXT := $(if $(PROG_SRC),$(shell grep -lE '^.include <weir/resilience[./]' $(PROG_SRC) /dev/null))
USES_CHECK := $(if $(PROG_SRC)$(RT_KIT_SRC),$(shell grep -l '^.include <check\.h>' $(PROG_SRC) $(RT_KIT_SRC) /dev/null))

LIBWEIR := $(BUILD)/libweir.a
LIBWEIR_SO := $(BUILD)/libweir.so.0
LIBEXT := $(BUILD)/libweir-ext.a
LIBEXT_SO := $(BUILD)/libweir-ext.so.0
LIBSIM := $(BUILD)/libweir-sim.a
SHARED := $(LIBWEIR_SO) $(BUILD)/libweir.so $(LIBEXT_SO) $(BUILD)/libweir-ext.so
LIBS := $(LIBWEIR) $(LIBEXT) $(LIBSIM) $(SHARED)
TOOL := $(BUILD)/weir
MAN := $(BUILD)/man/made

bin = $(patsubst docs/%,$(BUILD)/%,$(patsubst tests/%,$(BUILD)/tests/%,$(patsubst examples/%,$(BUILD)/examples/%,\
	$(patsubst bench/%,$(BUILD)/bench/%,$(basename $(1))))))

EXAMPLES := $(call bin,$(EXAMPLE_SRC))
BOOK := $(call bin,$(BOOK_SRC))
BENCHES := $(call bin,$(BENCH_SRC))
UNIT := $(call bin,$(UNIT_SRC))
SIMTEST := $(call bin,$(SIMTEST_SRC))
FAULT := $(call bin,$(FAULT_SRC))
STRESS := $(call bin,$(STRESS_SRC))
CONTAIN := $(BUILD)/tests/contain/contain
BUGS := $(BUILD)/tests/bugs/bugs
EXHAUST := $(BUILD)/tests/exhaust/exhaust
# What Helgrind can follow: threads. Not test_select: its timers race with messages, and against code that is 30 times
# slower they always win.
ON_THREADS := $(call bin,$(filter tests/unit/rt/% tests/rt/test_threads.c,$(UNIT_SRC)) \
	$(filter-out tests/stress/test_select.c,$(STRESS_SRC)))

LIB_OBJ := $(call obj,$(WEIR_SRC) $(EXT_SRC) $(SIM_SRC))
PROG_OBJ := $(call obj,$(PROG_SRC) $(RT_KIT_SRC) $(CLI_SRC) $(CONTAIN_SRC) $(BUGS_SRC) $(EXHAUST_SRC))
CHECK_OBJ := $(call obj,$(USES_CHECK))

# Programs and scripts on the command line of the runner; the scripts look for what was built in BUILD.
PLACES = BUILD='$(BUILD)' PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' MANDIR='$(MANDIR)' DESTDIR='$(DESTDIR)' \
	VERSION='$(VERSION)'
RUN = BUILD='$(BUILD)' CC='$(CC)' CI/run-tests.sh --logs '$(BUILD)/logs'

# -- targets --------------------------------------------------------------------------------------------------------

.PHONY: all demo test unit sim-test contain bugs mutants exhaust check-deep explore-atomics explored \
	stress coverage covered tsan asan ubsan sanitized \
	helgrind memcheck helgrinded memchecked layers bench abi abi-update clang portable musl cross ported bare \
	format format-check man install uninstall clean help FORCE
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

all: $(LIBS) $(TOOL) $(EXAMPLES) $(BOOK) $(BENCHES) $(MAN) ## the libraries, the weir tool, all programs, the manual
	$(if $(filter examples/db.c,$(EXAMPLE_SRC)),,@echo '  SKIP  examples/db.c: no sqlite3 (libsqlite3-dev)')

demo: $(TOOL) $(BUILD)/examples/wordfreq $(BOOK) ## a tour in under two minutes; needs only gcc and make
	$(Q)BUILD='$(BUILD)' CI/demo.sh

test: all $(BUILD)/deps $(UNIT) $(SIMTEST) $(FAULT) $(CONTAIN) $(BUGS) $(EXHAUST) ## all but stress and sanitizers
	$(Q)$(RUN) $(UNIT) $(SIMTEST) $(FAULT) $(CONTAIN) $(BUGS) $(EXHAUST) $(META_SH) $(EXAMPLE_SH)

unit: $(BUILD)/deps $(UNIT) ## the Check suites of every module and of the runtimes
	$(Q)$(RUN) $(UNIT)

sim-test: $(SIMTEST) ## the simulation tests: exact virtual time, every schedule a seed can replay
	$(Q)$(RUN) $(SIMTEST)

contain: $(CONTAIN) ## what threads do in 100,000 runs must be contained in what the simulator finds
	$(Q)$(CONTAIN) --runs 100000 --schedules 1000000

bugs: $(BUGS) ## bugs of real programs, re-created: each must be found with 20 seeds, its repaired twin must stay silent
	$(Q)$(BUGS) --full

# SAMPLE=N: so many of them, spread over the list; NAME in MUTANTS: those.
mutants: $(BUILD)/deps $(UNIT) $(SIMTEST) $(FAULT) $(CONTAIN) $(BUGS) ## breaks the library: each break must be noticed
	+$(Q)BUILD='$(BUILD)' SAMPLE='$(SAMPLE)' CI/mutants.sh run $(MUTANTS)

exhaust: $(EXHAUST) ## weir's own core: every schedule of small programs, within the bounds it prints
	$(Q)$(EXHAUST)

check-deep: $(EXHAUST) ## the same with wider bounds: some four minutes of CPU
	$(Q)$(EXHAUST) --deep

# A build of its own, in which the simulator sees the atomics and locks inside of operations (src/rt/explore.h).
explore-atomics: ## exhaust with choices inside of operations, and breakages of core that only this finds
	+$(Q)$(MAKE) --no-print-directory BUILD='$(BUILD)/atomics' CFLAGS='$(CFLAGS) -DWEIR_EXPLORE_ATOMICS' explored

explored: $(EXHAUST)
	$(Q)$(RUN) --timeout 900 $(EXHAUST) tests/exhaust/breakages.sh

stress: $(STRESS) ## real threads under load (one program at a time)
	$(Q)$(RUN) --jobs 1 --timeout 900 $(STRESS)

# Fewer schedules run the same lines: for sanitizers and for other compilers too. What is not here builds in $(BUILD),
# or with its libraries, with flags of its own.
coverage: ## which lines of src/ and sim/ the tests run; shows the others, fails under 95 %
	+$(Q)BUILD='$(BUILD)/coverage' CI/coverage.sh

covered: all $(BUILD)/deps $(UNIT) $(SIMTEST) $(FAULT) $(STRESS)
	$(Q)WEIR_SIM_AT_MOST=3000 $(RUN) --timeout 900 $(UNIT) $(SIMTEST) $(FAULT) $(STRESS) \
		$(filter-out %/readme.sh %/cancel_test.sh %/stack_test.sh,$(EXAMPLE_SH))

# A second make with its own build folder and flags. Warnings are the business of the first: sanitized code makes
# compilers see ghosts.
SANITIZE = +$(Q)$(MAKE) --no-print-directory BUILD='$(BUILD)/$@' WERROR= CFLAGS='-O1 -g $(1)' LDFLAGS='$(1)'

tsan: ## unit, rt, simulation, fault and stress under ThreadSanitizer, and what it must find in the simulator
	$(call SANITIZE,-fsanitize=thread) SANITIZE_SH=tests/sanitize/tsan.sh sanitized

asan: ## the same under AddressSanitizer, with leak check
	$(call SANITIZE,-fsanitize=address) SANITIZE_SH=tests/sanitize/asan.sh sanitized

ubsan: ## the same under UndefinedBehaviorSanitizer
	$(call SANITIZE,-fsanitize=undefined -fno-sanitize-recover=all) sanitized

sanitized: $(BUILD)/deps $(LIBSIM) $(LIBEXT) $(LIBWEIR) $(UNIT) $(SIMTEST) $(FAULT) $(STRESS)
	$(Q)TSAN_OPTIONS="suppressions=$(CURDIR)/CI/tsan.supp $$TSAN_OPTIONS" WEIR_SIM_AT_MOST=3000 \
		$(RUN) --timeout 900 $(UNIT) $(SIMTEST) $(FAULT) $(STRESS) $(SANITIZE_SH)

# Under Valgrind rounds are fewer (-DWEIR_SHORT) and every program is some 30 times slower. With Helgrind the library
# announces its atomics (-DWEIR_HELGRIND, src/rt/atomic.h). Skipped, with a message, where there is no valgrind.
VALGRIND = valgrind -q --fair-sched=try --error-exitcode=99 --suppressions='$(CURDIR)/CI/valgrind.supp'
UNDER = +$(Q)$(MAKE) --no-print-directory BUILD='$(BUILD)/$@' WERROR= CFLAGS='-O1 -g -DWEIR_SHORT $(1)'

helgrind: ## rt and stress on threads under Valgrind's race detector
	$(call UNDER,-DWEIR_HELGRIND) WITH='$(VALGRIND) --tool=helgrind --history-level=approx' helgrinded

memcheck: ## rt and stress on threads, and the simulator's memory, under Valgrind's memory checker
	$(call UNDER,) WITH='$(VALGRIND) --leak-check=full --errors-for-leak-kinds=definite' memchecked

helgrinded: $(BUILD)/deps $(ON_THREADS)
	$(Q)CK_TIMEOUT_MULTIPLIER=30 $(RUN) --with "$(WITH)" --timeout 900 $(ON_THREADS)

MEMCHECK_SIM := $(call bin,tests/sim/test_time.c tests/sim/test_select.c)

memchecked: $(BUILD)/deps $(ON_THREADS) $(MEMCHECK_SIM)
	$(Q)CK_TIMEOUT_MULTIPLIER=30 \
		$(RUN) --with "$(WITH)" --timeout 900 $(ON_THREADS) $(MEMCHECK_SIM)

layers: $(LIBS) ## proves the picture: each layer links with the rows below it alone, and includes nothing else
	$(Q)$(RUN) tests/meta/layers.sh tests/meta/symbols.sh

abi: $(SHARED) ## compares symbols and layouts of the shared libraries with src/weir.abi
	$(Q)BUILD='$(BUILD)' CC='$(CC)' CI/abi.sh check

abi-update: $(SHARED) ## writes them into src/weir.abi: what is new there is a promise
	$(Q)BUILD='$(BUILD)' CC='$(CC)' CI/abi.sh update

# Each in a build folder of its own, by CI/port.sh, which skips what the machine has no tools for.
clang: ## everything built by clang with -Werror; unit, rt, simulation and fault tests
clang portable musl cross:
	+$(Q)BUILD='$(BUILD)/$@' CI/port.sh $@

portable: ## unit, rt, simulation and fault tests without futex and without assembly
musl: ## static programs with musl: examples, simulation tests, the tool's scenarios
cross: ## the same for aarch64, under qemu; and the ABI there

ported: $(BUILD)/deps $(UNIT) $(SIMTEST) $(FAULT)
	$(Q)WEIR_SIM_AT_MOST=3000 $(RUN) $(UNIT) $(SIMTEST) $(FAULT)

# What needs no other library, for CI/port.sh, which wants the list too. WITH_CHECK=1: the suites as well, whose Check
# is the caller's affair.
RT_SRC := $(filter tests/rt/%,$(UNIT_SRC))
NEEDS_CHECK := $(USES_CHECK) $(if $(filter $(RT_KIT_SRC),$(USES_CHECK)),$(RT_SRC))
BARE := $(call bin,$(filter-out $(if $(WITH_CHECK),,$(NEEDS_CHECK)),$(UNIT_SRC) $(SIMTEST_SRC) $(FAULT_SRC)))

bare: $(TOOL) $(EXAMPLES) $(BARE)
	$(Q)printf '%s\n' $(BARE) >'$(BUILD)/bare'

bench: $(BENCHES) ## builds and runs every benchmark
	$(Q)set -e; for b in $(BENCHES) $(wildcard bench/*.sh); do echo "== $$b"; BUILD='$(BUILD)' CC='$(CC)' $$b; done

format: ## writes the style of .clang-format into every C file
	$(Q)CLANG_FORMAT='$(CLANG_FORMAT)' CI/format.sh write

format-check: ## says which C files are not in that style (skipped where clang-format is missing)
	$(Q)CLANG_FORMAT='$(CLANG_FORMAT)' CI/format.sh check

man: $(MAN) ## the manual, from the headers: a page for each function and each header in $(BUILD)/man/man3

install: $(LIBS) $(TOOL) $(MAN) ## headers, libraries, pkg-config files, the manual, the tool: under DESTDIR and PREFIX
	$(Q)$(PLACES) CI/install.sh install

uninstall: ## removes what install put there
	$(Q)$(PLACES) CI/install.sh uninstall

clean: ## removes $(BUILD)
	rm -rf '$(BUILD)'

help: ## this text
	@echo 'make TARGET [VARIABLE=value]...'
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS="$$(printf '\t')" read -r name text; do printf '  %-13s %s\n' "$$name" "$$text"; done
	@echo 'Variables: CC CFLAGS LDFLAGS BUILD PREFIX LIBDIR MANDIR DESTDIR WERROR= (warnings stay) V=1 (commands)'

# -- rules ----------------------------------------------------------------------------------------------------------

$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(ALL_CFLAGS) | $(LIB_CFLAGS) | $(PROG_CFLAGS) | $(LDFLAGS)' | cmp -s - $@ || \
		printf '%s\n' '$(CC) $(ALL_CFLAGS) | $(LIB_CFLAGS) | $(PROG_CFLAGS) | $(LDFLAGS)' > $@

$(BUILD)/deps: CI/deps.sh
	@mkdir -p $(@D)
	$(Q)CI/deps.sh
	@touch $@

# $(1) flags: one C or assembly file to one object, with the headers it read.
define COMPILE
	@mkdir -p $(@D)
	$(if $(Q),@echo '  CC    $<')
	$(Q)$(CC) $(ALL_CFLAGS) $(1) -MMD -MP -c $< -o $@
endef
define LINK
	@mkdir -p $(@D)
	$(if $(Q),@echo '  LINK  $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(filter %.o %.a,$^) $(if $(filter $(LIBSIM),$^),$(SIM_WRAP) -ldl) $(1) -o $@
endef

$(call obj,$(WEIR_SRC) $(EXT_SRC)): $(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call COMPILE,$(LIB_CFLAGS))

$(call obj,$(filter %.c,$(SIM_SRC))): $(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call COMPILE,$(LIB_CFLAGS) $(SIM_CFLAGS))

$(call obj,$(filter %.S,$(SIM_SRC))): $(BUILD)/obj/%.o: %.S $(BUILD)/flags
	$(call COMPILE,$(LIB_CFLAGS))

$(filter-out $(CHECK_OBJ),$(PROG_OBJ)): $(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call COMPILE,$(PROG_CFLAGS))

$(CHECK_OBJ): $(BUILD)/obj/%.o: %.c $(BUILD)/flags | $(if $(WITH_CHECK),,$(BUILD)/deps)
	$(call COMPILE,$(PROG_CFLAGS) $(CHECK_CFLAGS))

$(MAN): $(wildcard include/weir/*.h include/weir/*/*.h examples/api/*.c) CI/man.sh CI/man.awk
	@mkdir -p $(@D)
	$(if $(Q),@echo '  MAN   $(@D)/man3')
	$(Q)CI/man.sh write '$(@D)'
	@touch $@

# An archive is made anew: a source that is gone leaves no member behind.
define ARCHIVE
	@mkdir -p $(@D)
	$(if $(Q),@echo '  AR    $@')
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
endef

$(LIBWEIR): $(call obj,$(WEIR_SRC)) $(BUILD)/flags
	$(ARCHIVE)

$(LIBEXT): $(call obj,$(EXT_SRC)) $(BUILD)/flags
	$(ARCHIVE)

$(LIBSIM): $(call obj,$(SIM_SRC)) $(BUILD)/flags
	$(ARCHIVE)

SO_FLAGS = -shared -Wl,-soname=$(@F) -Wl,--version-script=$(filter %.map,$^) -Wl,--no-undefined

$(LIBWEIR_SO): $(call obj,$(WEIR_SRC)) src/weir.map $(BUILD)/flags
	$(call LINK,$(SO_FLAGS))

$(LIBEXT_SO): $(call obj,$(EXT_SRC)) src/weir-ext.map $(BUILD)/libweir.so $(BUILD)/flags
	$(call LINK,$(SO_FLAGS) -L$(BUILD) -lweir)

$(BUILD)/libweir.so: $(LIBWEIR_SO)
$(BUILD)/libweir-ext.so: $(LIBEXT_SO)
$(BUILD)/libweir.so $(BUILD)/libweir-ext.so:
	$(Q)ln -sf $(<F) $@

$(TOOL): $(call obj,$(CLI_SRC)) $(LIBSIM) $(LIBWEIR)
	$(call LINK)

$(CONTAIN): $(call obj,$(CONTAIN_SRC)) $(LIBSIM) $(LIBWEIR)
	$(call LINK)

$(BUGS): $(call obj,$(BUGS_SRC)) $(LIBSIM) $(LIBWEIR)
	$(call LINK)

$(EXHAUST): $(call obj,$(EXHAUST_SRC)) $(LIBSIM) $(LIBWEIR)
	$(call LINK)

# $(1) source, $(2) program: its object, the kit of tests/rt if it is one of those, the libraries its text asks for.
define PROGRAM
$(2): $(call obj,$(1)) $(if $(filter tests/rt/%,$(1)),$(call obj,$(RT_KIT_SRC))) \
		$(if $(filter $(1),$(USES_EXT)),$(LIBEXT)) $(if $(filter $(1),$(USES_SIM)),$(LIBSIM)) $(LIBWEIR)
	$$(call LINK,$(if $(filter $(1) $(if $(filter tests/rt/%,$(1)),$(RT_KIT_SRC)),$(USES_CHECK)),$$(CHECK_LIBS)) \
		$(if $(filter examples/db.c,$(1)),$$(SQLITE_LIBS)))
endef
$(foreach s,$(PROG_SRC),$(eval $(call PROGRAM,$(s),$(call bin,$(s)))))

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(PROG_OBJ))
