# pronto: `make help` lists the targets. Quiet unless V=1.
#
# A floor is a folder of src/ and becomes one static archive; a module is a new pair of files and nothing else. Unit
# tests link only the floor of their module and those below it, so that a call upwards does not link.

FLOORS := proc serve store sys http mdns conf base

# What each floor may call, itself first. conf, http and mdns stand side by side.
BELOW_base  := base
BELOW_conf  := conf base
BELOW_http  := http base
BELOW_mdns  := mdns base
BELOW_sys   := sys conf base
BELOW_store := store sys http conf base
BELOW_serve := serve $(BELOW_store)
BELOW_proc  := proc mdns $(BELOW_serve)

ifeq ($(origin CC),default)
CC := gcc
endif
AR      := ar
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc 2>/dev/null || echo 2)

IS_CLANG := $(findstring clang,$(notdir $(CC)))
BUILD    ?= build$(if $(IS_CLANG),/clang)$(if $(SANITIZE),/sanitize)$(if $(STATIC),/static)

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wswitch-enum -Wmissing-prototypes \
            -Wstrict-prototypes -Wvla -Wformat=2 $(if $(WERROR),-Werror)

# -iquote, not -I: include/sys must not stand before the system's <sys/...>.
CPPFLAGS_ALL := -iquote include -D_GNU_SOURCE $(CPPFLAGS)
CFLAGS_ALL   := -std=gnu11 $(CFLAGS) $(WARNINGS) -fPIE -MMD -MP
LDFLAGS_ALL  := -pie $(LDFLAGS)

ifdef COVERAGE
CFLAGS_ALL  += -O0 --coverage -fprofile-update=atomic -DCOVERAGE
LDFLAGS_ALL += --coverage
else ifdef SANITIZE
CFLAGS_ALL  += -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
               $(if $(FUZZ),-fsanitize=fuzzer-no-link)
LDFLAGS_ALL += -fsanitize=address,undefined
else
# Objects carry machine code beside the code for LTO, so that plain ar and unit tests can use them. clang needs lld
# for LTO and is built without it where lld is missing.
ifndef IS_CLANG
LTO := -flto=auto -ffat-lto-objects
# What gcc puts in line for copying and clearing (rep movs, rep stos) takes longer to start than a few hundred bytes take
# to copy; libc knows the processor.
ifneq ($(filter x86_64-%,$(shell $(CC) -dumpmachine)),)
CFLAGS_ALL  += -mstringop-strategy=libcall
LDFLAGS_ALL += -mstringop-strategy=libcall
endif
endif
CPPFLAGS_ALL += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
# All symbols are bound at the start (-z now): a call of libc needs no stub that would look whether its own is.
CFLAGS_ALL   += -fstack-protector-strong -fno-plt $(LTO)
LDFLAGS_ALL  += $(LTO) $(CFLAGS) -Wl,-z,relro,-z,now,-z,noexecstack
endif
ifdef IS_CLANG
ifndef SANITIZE
ifneq ($(shell command -v ld.lld 2>/dev/null),)
AR          := $(firstword $(shell command -v llvm-ar llvm-ar-14 2>/dev/null) ar)
CFLAGS_ALL  += -flto=thin
LDFLAGS_ALL += -flto=thin -fuse-ld=lld
endif
endif
endif
ifdef STATIC
LDFLAGS_ALL += -static-pie -s
endif

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s%s\n' $(1) $(patsubst $(CURDIR)/%,%,$(2)))

SOURCES  := $(wildcard src/*/*.c)
HEADERS  := $(wildcard include/*/*.h include/*/*.def)
EMBEDDED := $(wildcard src/*/*.css src/*/*.js)
OBJECTS  := $(SOURCES:src/%.c=$(BUILD)/obj/%.o) $(EMBEDDED:src/%=$(BUILD)/obj/%.o)
archive   = $(1:%=$(BUILD)/lib/lib%.a)

UNIT_SOURCES    := $(wildcard tests/unit/test_*.c)
SYSTEM_SOURCES  := $(wildcard tests/system/test_*.c)
ABUSE_SOURCES   := $(wildcard tests/abuse/test_*.c)
FUZZ_SOURCES    := $(wildcard tests/fuzz/fuzz_*.c)
SUPPORT_OBJECTS := $(patsubst tests/support/%.c,$(BUILD)/obj/support/%.o,$(wildcard tests/support/*.c))
UNIT_TESTS      := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/tests/unit/%)
SYSTEM_TESTS    := $(SYSTEM_SOURCES:tests/system/%.c=$(BUILD)/tests/system/%)
ABUSE_TESTS     := $(ABUSE_SOURCES:tests/abuse/%.c=$(BUILD)/tests/abuse/%)
FUZZ_NAMES      := $(FUZZ_SOURCES:tests/fuzz/fuzz_%.c=%)
FUZZ_TARGETS    := $(FUZZ_NAMES:%=$(BUILD)/fuzz/fuzz_%)
UNITS           := $(wildcard systemd/*)
BENCH_TOOLS     := $(addprefix $(BUILD)/bench/,connect floor pipeline)
BENCH_OBJECTS   := $(patsubst bench/%.c,$(BUILD)/obj/bench/%.o,$(wildcard bench/*.c))
C_FILES         := $(wildcard src/*/*.c include/*/*.h tests/*/*.c tests/*/*.h bench/*.[ch] docs/*.[ch])

# What print-docs prints, and where it is installed.
PRINTED := man:share/man/man1/pronto.1 bash:share/bash-completion/completions/pronto \
           zsh:share/zsh/site-functions/_pronto fish:share/fish/vendor_completions.d/pronto.fish
printed_name = $(firstword $(subst :, ,$(1)))
printed_path = $(lastword $(subst :, ,$(1)))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

## all: build build/pronto (release; CC=clang and SANITIZE=1 build beside it)
all: $(BUILD)/pronto

## run: build and serve www/ on http://localhost:8080/ (ARGS="..." for options)
run:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) all
	$(Q)exec $(BUILD)/pronto $(ARGS) www

## static: one static, stripped binary, build/static/pronto
static:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) STATIC=1 all

## test: install what tests need, build with ASan and UBSan, run every test; system tests on a release build, too
test: deps-test
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) WERROR=1 all rogue test-install
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) SANITIZE=1 WERROR=1 test-deaf test-faults
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) SANITIZE=1 WERROR=1 RELEASE=$(abspath $(BUILD)/pronto) run-tests

## check: test, lint, and a moment of fuzzing
check: deps
	$(Q)$(MAKE) --no-print-directory test
	$(Q)$(MAKE) --no-print-directory lint
	$(Q)$(MAKE) --no-print-directory fuzz-smoke

## lint: layers, format, clang-tidy, cppcheck, documents printed from tables, the manual page, tests that documents name, unit files
lint: lint-layers lint-format lint-docs lint-man lint-conformance lint-units lint-cppcheck lint-tidy

## test-browser: Chromium shows www/, listings and the status page, seeks in a video, and follows edits; installs what that takes; pictures in build/browser/
test-browser:
	$(Q)tests/deps.sh browser
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) WERROR=1 all
	$(Q)PRONTO=$(abspath $(BUILD)/pronto) node --test tests/browser/test_browser.mjs \
	  tests/browser/test_listing.mjs tests/browser/test_dashboard.mjs tests/browser/test_live.mjs

## faults: every system call fails in every way, each time in a run of its own (make test tries a sample)
faults: deps-test
	$(Q)PRONTO_FAULTS=all $(MAKE) --no-print-directory -j$(JOBS) SANITIZE=1 WERROR=1 test-faults

## fuzz: fuzz each target in tests/fuzz/ for T seconds (T=60)
fuzz: T ?= 60
fuzz:
	$(Q)tests/deps.sh fuzz
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) CC=$(if $(IS_CLANG),$(CC),clang) BUILD=build/fuzz SANITIZE=1 FUZZ=1 \
	  WERROR=1 fuzz-targets
	$(Q)tests/fuzz/run.sh $(T) $(JOBS) build/fuzz $(FUZZ_NAMES)

## fuzz-smoke: the same for 5 seconds each, for CI
fuzz-smoke:
	$(Q)$(MAKE) --no-print-directory T=5 fuzz

## abuse: many slow and dripping clients, and slowhttptest, on a release build: what others get meanwhile
abuse:
	$(Q)tests/deps.sh abuse
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) WERROR=1 all run-abuse

## soak: a mixed load for T seconds (T=600) on a release build, and as long with ASan: nothing may grow (docs/bounds.md)
soak: T ?= 600
soak:
	$(Q)tests/deps.sh soak
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) WERROR=1 all
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) SANITIZE=1 WERROR=1 all
	$(Q)tests/soak/soak.py $(abspath build/pronto) $(T)
	$(Q)tests/soak/soak.py $(abspath build/sanitize/pronto) $(T)

## coverage: which lines and branches the tests reach, by floor, and what they miss in src/http
coverage:
	$(Q)tests/deps.sh coverage
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) CC=gcc BUILD=build/coverage SANITIZE= COVERAGE=1 coverage-tests
	$(Q)tests/coverage.sh build/coverage '$(FLOORS)'

## bench: measure pronto beside its peers (ROUNDS=5 SECONDS=3 WORKS="..." SERVERS="..."; docs/benchmarks.md)
bench: all $(BENCH_TOOLS)
	$(Q)bench/run.py --build $(BUILD) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS)) \
	  $(if $(WORKS),--works '$(WORKS)') $(if $(SERVERS),--servers '$(SERVERS)') $(ARGS)

## bench-smoke: the same for a moment, pronto and the floor only: whether the tools work
bench-smoke: all $(BENCH_TOOLS)
	$(Q)bench/selftest.py $(BUILD)
	$(Q)bench/run.py --build $(BUILD) --smoke

## bench-deps: install wrk, python3, and the peers and gnuplot as far as there are packages
bench-deps:
	$(Q)tests/deps.sh bench

## format: format the C sources
format:
	$(Q)clang-format -i $(C_FILES)

## docs: print what comes from tables into README.md and docs/
docs: $(BUILD)/print-docs
	$(Q)tests/lint/docs.sh $< write

deps-test:
	$(Q)tests/deps.sh test

## deps: install what test and lint need, through the system's package manager
deps:
	$(Q)tests/deps.sh

## install: pronto, its licence, manual page, precompress.sh, completions for shells and unit files for systemd below $(DESTDIR)$(PREFIX)
install: all $(foreach pair,$(PRINTED),$(BUILD)/printed/$(call printed_name,$(pair)))
	install -D -m 755 $(BUILD)/pronto $(DESTDIR)$(PREFIX)/bin/pronto
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/pronto/LICENSE
	install -D -m 755 docs/precompress.sh $(DESTDIR)$(PREFIX)/share/pronto/precompress.sh
	$(foreach pair,$(PRINTED),install -D -m 644 $(BUILD)/printed/$(call printed_name,$(pair)) \
	  $(DESTDIR)$(PREFIX)/$(call printed_path,$(pair)) &&) true
	install -d -m 755 $(DESTDIR)$(PREFIX)/lib/systemd/system
	$(Q)prefix=$(PREFIX); for unit in $(UNITS); do \
	  sed "s|^ExecStart=[^ ]*|ExecStart=$$prefix/bin/pronto|" $$unit > $(BUILD)/$${unit##*/} && \
	  install -m 644 $(BUILD)/$${unit##*/} $(DESTDIR)$(PREFIX)/lib/systemd/system/ || exit 1; done

## uninstall: what install put there
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/pronto $(DESTDIR)$(PREFIX)/share/doc/pronto/LICENSE
	rm -f $(DESTDIR)$(PREFIX)/share/pronto/precompress.sh
	rm -f $(foreach pair,$(PRINTED),$(DESTDIR)$(PREFIX)/$(call printed_path,$(pair)))
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/lib/systemd/system/,$(notdir $(UNITS)))
	-rmdir $(DESTDIR)$(PREFIX)/share/doc/pronto $(DESTDIR)$(PREFIX)/share/pronto

## clean: remove build/
clean:
	rm -rf build

## help: this list
help:
	$(Q)sed -n 's/^## \([a-z-]*\): \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-20s%s\n", $$1, $$2}'

# Building

# Rewritten only when the flags change, and then everything is built again.
FLAGS := $(filter-out -Werror,$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL))
$(BUILD)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)flags='$(subst ','\'',$(FLAGS))'; [ "$$flags" = "$$(cat $@ 2>/dev/null)" ] || printf '%s\n' "$$flags" > $@

$(BUILD)/obj/%.o: src/%.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

# Style sheets, behind what all of them have in common, and scripts, as they are (include/base/embedded.h).
BASE_css := src/page.css

define EMBED_RULE
$(BUILD)/obj/%.$(1).o: src/%.$(1) $(BASE_$(1)) src/embed.sh $(BUILD)/flags
	$$(call say,EMBED,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)src/embed.sh $$< $(BASE_$(1)) > $$(@:.o=.s)
	$$(Q)$$(CC) -c -o $$@ $$(@:.o=.s)
endef
$(foreach kind,css js,$(eval $(call EMBED_RULE,$(kind))))

$(BUILD)/obj/support/%.o: tests/support/%.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -iquote tests $(CFLAGS_ALL) -c -o $@ $<

define FLOOR_RULE
$(call archive,$(1)): $(filter $(BUILD)/obj/$(1)/%,$(OBJECTS))
	$$(call say,AR,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
endef
$(foreach floor,$(FLOORS),$(eval $(call FLOOR_RULE,$(floor))))

# main.o is named, so that the linker finds main() before the archives it calls.
$(BUILD)/pronto: $(BUILD)/obj/proc/main.o $(call archive,$(BELOW_proc))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^

$(BUILD)/print-docs: $(wildcard docs/*.c docs/*.h) $(call archive,$(BELOW_serve)) $(BUILD)/flags
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $(filter %.c %.o %.a,$^)

# What is printed from tables and installed.
$(BUILD)/printed/%: $(BUILD)/print-docs
	$(call say,PRINT,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$< $* > $@

# Tools of make bench read addresses as pronto does. Two of them are clients, and share client.c.
$(BUILD)/obj/bench/%.o: bench/%.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

$(BUILD)/bench/connect $(BUILD)/bench/pipeline: $(BUILD)/obj/bench/client.o
$(BENCH_TOOLS): $(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(call archive,$(BELOW_conf))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^)

# Tests: test_x.c, or test_x_more.c, tests the module x, and links its floor and those below; so no module has an
# underscore in its name. A function __wrap_f() in it, or in a header of tests/support that it includes, stands before f()
# wherever the module calls it.

module_of = $(firstword $(subst _, ,$(1)))
floor_of = $(firstword $(notdir $(patsubst %/,%,$(dir $(wildcard include/*/$(call module_of,$(1)).h)))))
support_of = $(shell sed -n 's|^\#include "\(support/.*\)"|tests/\1|p' $(1))
wraps_of = $(addprefix -Wl$(comma)--wrap=,$(shell sed -n 's/.*\b__wrap_\([a-z0-9_]*\)[()].*/\1/p' $(1) $(support_of) | sort -u))
comma   := ,

define UNIT_RULE
$(BUILD)/tests/unit/test_$(1): tests/unit/test_$(1).c $(SUPPORT_OBJECTS) $(call archive,$(BELOW_$(call floor_of,$(1)))) $(BUILD)/flags
	$$(call say,TEST,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS_ALL) -iquote tests $$(CFLAGS_ALL) $$(LDFLAGS_ALL) $$(call wraps_of,$$<) -o $$@ $$(filter %.c %.o %.a,$$^) -lcmocka
endef
$(foreach module,$(UNIT_SOURCES:tests/unit/test_%.c=%),$(eval $(call UNIT_RULE,$(module))))

# System tests, and those of abuse, speak to the real binary, and link nothing of it.
define OUTSIDE_RULE
$(BUILD)/tests/$(1)/%: tests/$(1)/%.c $(SUPPORT_OBJECTS) $(BUILD)/flags
	$$(call say,TEST,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS_ALL) -iquote tests $$(CFLAGS_ALL) $$(LDFLAGS_ALL) -o $$@ $$(filter %.c %.o %.a,$$^) -lcmocka
endef
$(foreach kind,system abuse,$(eval $(call OUTSIDE_RULE,$(kind))))

# A server that is told of no change, or of few: test_fresh has to notice, or not.

$(BUILD)/obj/deaf/%.o: tests/deaf/%.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

$(BUILD)/pronto-deaf: $(BUILD)/obj/proc/main.o $(BUILD)/obj/deaf/inotify.o $(call archive,$(BELOW_proc))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(call wraps_of,tests/deaf/inotify.c) -o $@ $^

# A server whose calls fail, one in a run, and who looks how it takes that.

FAULT_TESTS   := $(patsubst tests/faults/%.c,$(BUILD)/tests/faults/%,$(wildcard tests/faults/test_*.c))
FAULT_WRAPS   := $(addprefix -Wl$(comma)--wrap=,$(shell sed -n 's/^WRAP.[^,]*, \([a-z0-9_]*\),.*/\1/p' tests/faults/inject.c))

$(BUILD)/obj/faults/%.o: tests/faults/%.c $(wildcard tests/faults/*.def tests/faults/*.h) $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -iquote tests $(CFLAGS_ALL) -c -o $@ $<

$(BUILD)/pronto-faults: $(BUILD)/obj/proc/main.o $(BUILD)/obj/faults/inject.o $(call archive,$(BELOW_proc))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(FAULT_WRAPS) $(call wraps_of,tests/faults/inject.c) -o $@ $^

$(BUILD)/tests/faults/%: $(BUILD)/obj/faults/%.o $(BUILD)/obj/faults/session.o $(SUPPORT_OBJECTS)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ -lcmocka

# A server that does what an attacker would who has got hold of it: test_walls has to see it fail.

$(BUILD)/obj/rogue/%.o: tests/rogue/%.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -iquote tests $(CFLAGS_ALL) -c -o $@ $<

ROGUE_OBJECTS := $(patsubst tests/rogue/%.c,$(BUILD)/obj/rogue/%.o,$(wildcard tests/rogue/*.c))

$(BUILD)/pronto-rogue: $(BUILD)/obj/proc/main.o $(ROGUE_OBJECTS) $(call archive,$(BELOW_proc))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(call wraps_of,tests/rogue/recv.c) -o $@ $^

rogue: $(BUILD)/pronto-rogue

# Fuzz targets: fuzz_x.c is linked as test_x.c would be, with libFuzzer.

define FUZZ_RULE
$(BUILD)/fuzz/fuzz_$(1): tests/fuzz/fuzz_$(1).c $(SUPPORT_OBJECTS) $(call archive,$(BELOW_$(call floor_of,$(1)))) $(BUILD)/flags
	$$(call say,FUZZ,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS_ALL) -iquote tests $$(CFLAGS_ALL) $$(LDFLAGS_ALL) -fsanitize=fuzzer -o $$@ $$(filter %.c %.o %.a,$$^) -lcmocka
endef
$(foreach name,$(FUZZ_NAMES),$(eval $(call FUZZ_RULE,$(name))))

fuzz-targets: $(FUZZ_TARGETS)

# $(1): the server that system tests start; $(2): tests.
prove = echo 'testing $(patsubst $(CURDIR)/%,%,$(1))'; PRONTO=$(1) CMOCKA_MESSAGE_OUTPUT=TAP \
	PRINT_DOCS=$(abspath $(BUILD)/print-docs) prove --jobs $(JOBS) $(if $(V),--timer) --comments --exec tests/tap.sh $(2)

run-tests: $(BUILD)/pronto $(BUILD)/pronto-rogue $(BUILD)/print-docs $(UNIT_TESTS) $(SYSTEM_TESTS)
	$(Q)$(call prove,$(abspath $(BUILD)/pronto),$(UNIT_TESTS) $(SYSTEM_TESTS))
	$(if $(RELEASE),$(Q)$(call prove,$(RELEASE),$(SYSTEM_TESTS)))

# One after another: each wants the machine for itself.
run-abuse: $(BUILD)/pronto $(ABUSE_TESTS)
	$(Q)$(foreach test,$(ABUSE_TESTS),PRONTO=$(abspath $(BUILD)/pronto) $(test) &&) true

test-deaf: $(BUILD)/pronto-deaf $(BUILD)/tests/system/test_fresh
	$(Q)tests/deaf/run.sh $(abspath $(BUILD)/pronto-deaf) $(BUILD)/tests/system/test_fresh

test-faults: $(BUILD)/pronto-faults $(FAULT_TESTS)
	$(Q)$(call prove,$(abspath $(BUILD)/pronto-faults),$(FAULT_TESTS))
test-install: $(BUILD)/pronto $(BUILD)/print-docs
	$(Q)tests/install.sh $(MAKE) --no-print-directory

# Counts of an earlier run would be added to. Servers that run as another user must write theirs, too. Where they may
# not, they complain on stderr, and system tests that look at it fail, which says nothing about the code.
coverage-tests: $(BUILD)/pronto $(BUILD)/pronto-rogue $(BUILD)/print-docs $(UNIT_TESTS) $(SYSTEM_TESTS)
	$(Q)find $(BUILD) -name '*.gcda' -delete
	$(Q)find $(BUILD) -type d -exec chmod a+rwx {} +
	$(Q)umask 0; $(call prove,$(abspath $(BUILD)/pronto),$(UNIT_TESTS))
	$(Q)umask 0; $(call prove,$(abspath $(BUILD)/pronto),$(SYSTEM_TESTS)) || \
	  echo 'make coverage: system tests failed in this build; the counts are those of what ran'

# Lint

lint-layers:
	$(call say,LINT,layers)
	$(Q)tests/lint/layers.sh $(foreach floor,$(FLOORS),'$(floor):$(BELOW_$(floor))')

lint-format:
	$(call say,LINT,format)
	$(Q)clang-format --dry-run -Werror $(C_FILES)

lint-docs: $(BUILD)/print-docs
	$(call say,LINT,docs)
	$(Q)tests/lint/docs.sh $< check

lint-man: $(BUILD)/printed/man
	$(call say,LINT,man)
	$(Q)mandoc -T lint -W warning $<

lint-conformance:
	$(call say,LINT,conformance)
	$(Q)tests/lint/conformance.sh docs/conformance.md docs/http.md docs/bounds.md

lint-units:
	$(call say,LINT,units)
	$(Q)tests/lint/units.sh $(UNITS)

lint-cppcheck:
	$(call say,LINT,cppcheck)
	$(Q)cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	  -j $(JOBS) -Iinclude -D_GNU_SOURCE src

lint-tidy:
	$(call say,LINT,clang-tidy)
	$(Q)tests/lint/tidy.sh $(JOBS) $(SOURCES) $(wildcard docs/*.c bench/*.c)

.PHONY: all run static test test-browser test-deaf test-faults faults rogue check bench bench-smoke bench-deps lint format docs deps deps-test \
        install uninstall clean help run-tests fuzz fuzz-smoke fuzz-targets abuse run-abuse soak coverage coverage-tests lint-layers lint-format \
        lint-docs lint-man lint-conformance lint-units lint-cppcheck lint-tidy test-install FORCE
FORCE:

-include $(OBJECTS:.o=.d) $(SUPPORT_OBJECTS:.o=.d) $(BUILD)/obj/deaf/inotify.d $(ROGUE_OBJECTS:.o=.d) $(UNIT_TESTS:=.d) $(SYSTEM_TESTS:=.d) \
         $(ABUSE_TESTS:=.d) $(FUZZ_TARGETS:=.d) $(BENCH_OBJECTS:.o=.d)
