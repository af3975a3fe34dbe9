# Linnet. `make demo` shows the whole loop, `make test` proves it; `make help` lists the rest.

include pkg/modules.mk

BUILD   ?= build
SAN     ?=
CFLAGS  ?= -O2 -g
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

modules  := $(patsubst needs.%,%,$(filter needs.%,$(.VARIABLES)))
programs := linnet linnet-controller linnet-run
packages := $(sort $(foreach v,$(filter libs.%,$(.VARIABLES)),$($(v))))

warnings := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wformat=2 -Wstrict-prototypes \
            -Wmissing-prototypes -Wundef -Werror
harden   := -fPIE -fstack-protector-strong $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
sanitize := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)

cflags   := -std=gnu17 -D_GNU_SOURCE -Ipkg -MMD -MP $(CFLAGS) $(warnings) $(harden) $(sanitize)
ldflags  := -pie -Wl,-z,relro,-z,now $(sanitize) $(LDFLAGS)
pkgflags  = $(if $(1),$(shell pkg-config --cflags $(1)))
ldlibs    = $(shell pkg-config --libs $(packages)) -lm

# closure of a module: itself and all that it may include, users first
closure   = $(call uniq,$(1) $(foreach m,$(needs.$(1)),$(call closure,$(m))))
uniq      = $(if $(1),$(call uniq,$(filter-out $(lastword $(1)),$(1))) $(lastword $(1)))
archives  = $(foreach m,$(1),$(BUILD)/$(m).a)

.PHONY: all always help sim sim-long sim-same fuzz mutants setup test test-san unit e2e demo tidy schemas reference man install deb cli bench benchmarks clean
.SECONDARY:
all: $(programs:%=$(BUILD)/%)

help:
	@sed -n 's/^\([a-z-]*\): .*## /\1\t/p' Makefile

define module_rules
$(BUILD)/$(1).a: $(patsubst pkg/%.c,$(BUILD)/obj/%.o,$(wildcard pkg/$(1)/*.c))
	@rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach m,$(modules),$(eval $(call module_rules,$(m))))

$(BUILD)/obj/%.o: pkg/%.c
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(CC) $(cflags) $(call pkgflags,$(libs.$*.c)) -c $< -o $@

$(BUILD)/obj/web/assets.o: $(wildcard pkg/web/assets/*)

define program_rules
$(BUILD)/$(1): $(patsubst cmd/%.c,$(BUILD)/cmd/%.o,$(wildcard cmd/$(1)/*.c)) $(call archives,$(modules))
	@echo "  ld $$@"
	@$$(CC) $$(ldflags) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(ldlibs)
endef
$(foreach p,$(programs),$(eval $(call program_rules,$(p))))

$(BUILD)/cmd/%.o: cmd/%.c
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(CC) $(cflags) -DLINNET_VERSION='"$(VERSION)"' -c $< -o $@

# A new version is told by every program, whatever else changed.
$(programs:%=$(BUILD)/cmd/%/main.o): $(BUILD)/version
$(BUILD)/version: always
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@

$(BUILD)/cmd/linnet/init.o: $(shell find cmd/linnet/template -type f)

# A unit test stands in tests/unit/<module>/ and links that module and what it may include.
units := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*/*_test.c))
define unit_rules
$(BUILD)/unit/$(1): $(BUILD)/unit/$(1).o $(call archives,$(call closure,$(patsubst %/,%,$(dir $(1)))))
	@echo "  ld $$@"
	@$$(CC) $$(ldflags) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
	  $$(shell pkg-config --libs cmocka) $$(ldlibs)
endef
$(foreach u,$(units),$(eval $(call unit_rules,$(u))))

$(BUILD)/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(CC) $(cflags) -Itests/unit $(call pkgflags,cmocka) -c $< -o $@

unit: $(units:%=$(BUILD)/unit/%) ## build and run the unit tests
	@hack/run-units $(BUILD) $(units)

# The simulator: the real core on simulated ports; the linker puts tests/sim/state.c in the place of
# the functions that touch the state folder.
wrapped := file_read file_replace dir_make_all dir_remove_all yaml_parse
comma   := ,
$(BUILD)/sim: $(patsubst tests/%.c,$(BUILD)/obj/%.o,$(wildcard tests/sim/*.c)) $(call archives,$(call closure,controller))
	@echo "  ld $@"
	@$(CC) $(ldflags) $(wrapped:%=-Wl$(comma)--wrap=%) -o $@ $(filter %.o,$^) \
	  -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(ldlibs)

$(BUILD)/obj/sim/%.o: tests/sim/%.c
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(CC) $(cflags) -c $< -o $@

SECONDS ?= 60
HOURS   ?= 100000
SEED    ?=
simulate = $(BUILD)/sim tests/sim/scenarios.txt --jobs $(shell nproc) --regressions tests/sim/seeds.txt
sim: $(BUILD)/sim ## SEED=n: one seed with its trace; else every scenario for SECONDS
	@$(if $(SEED),$(BUILD)/sim tests/sim/scenarios.txt --seed $(SEED),$(simulate) --seconds $(SECONDS) $(ROUND:%=--round %))

fuzz: ## each fuzzer of tests/fuzz for SECONDS
	@hack/fuzz $(SECONDS)

sim-same: ## the same seeds twice, and with gcc and clang: the same traces
	@hack/sim-same

mutants: ## N=n: random mutants of plan and gate; and one an invariant: which of them die
	@hack/mutants.sh seeded && hack/mutants.sh $(or $(N),30)

sim-long: $(BUILD)/sim ## HOURS=n: as sim, until so many hours were simulated
	@$(simulate) --hours $(HOURS) $(ROUND:%=--round %)

test: setup ## everything: tidy, unit tests under sanitizers with gcc and clang, golden, end to end
	@hack/test

demo: setup ## the whole loop on the first example, with real servers
	@$(MAKE) --no-print-directory -j2 all
	@examples/deployment-risk/demo

setup: ## install the Debian packages that are missing
	@hack/setup

tidy: ## sizes, include table, purity, one library a file, banned calls
	@hack/tidy.sh

kinds := Model ModelVersion ModelDeployment Environment GatePolicy
schemas: $(BUILD)/linnet ## manifests/schemas: the JSON Schema of each kind, from the field tables
	@for kind in $(kinds); do $< schema $$kind >manifests/schemas/$$kind.json || exit 1; done

reference: $(programs:%=$(BUILD)/%) ## docs/reference.md, from the tables that the programs use
	@BUILD=$(BUILD) hack/reference >$(BUILD)/reference.md && mv $(BUILD)/reference.md docs/reference.md

man: $(BUILD)/linnet ## build/linnet.1, from the table of verbs
	@$< man >$(BUILD)/linnet.1

prefix     ?= /usr/local
sysconfdir ?= /etc
bindir     := $(prefix)/bin
install: all ## programs, manual, completion, schemas, systemd unit: prefix=/usr/local, DESTDIR=
	@BUILD=$(BUILD) bindir=$(bindir) sysconfdir=$(sysconfdir) hack/install "$(DESTDIR)" "$(prefix)"

deb: all ## build/linnet_VERSION_ARCH.deb
	@BUILD=$(BUILD) hack/deb "$(VERSION)"

cli: $(BUILD)/linnet ## the command line without a controller
	@LINNET_BIN=$(BUILD) hack/run-python tests/cli

benchmarks: ## the programs of hack/ compile
	@$(CC) $(filter-out -MMD -MP,$(cflags)) -Itests/unit -fsyntax-only hack/*.c

bench: all ## measured figures
	@hack/bench
	@hack/bench-serving
	@hack/bench-data

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
