# `make bench`: the relay beside a constant answer, a bare commit loop and a plain Flask program, in one interleaved run.
# QUICK=1: one round of one second each, without the largest store, to try the machinery.
# PG=1: instead, the relay on SQLite beside the relay on PostgreSQL; BEFORE=COMMIT: and beside an earlier version on SQLite.

BENCH = $(addprefix $(BUILD)/bench/,load constant loop listen xmpp slowsync.so)

.PHONY: bench-programs bench-beside
bench-programs: all $(BENCH)

# They lean on the relay's statements: what does not fit any more is told by the next `make check`, not by the next bench.
build-tests: $(BENCH)

# On a bare machine the packages come first, so the rest runs in a make of its own.
ifeq ($(origin PG),command line)
bench:
	@scripts/install_deps.sh --bench --test
	@$(MAKE) -s -j$$(nproc) SAN= PG='$(shell cat '$(BUILD)/engines' 2>/dev/null)' bench-programs $(PROGRAMS_PG) >&2
	@/usr/bin/python3 tests/bench/engines.py --build $(BUILD) $(if $(BEFORE),--before $(BEFORE)) $(if $(QUICK),--rounds 1 --counts 10000)
else
bench:
	@[ ! -x scripts/install_deps.sh ] || scripts/install_deps.sh --bench
	@$(MAKE) -s -j$$(nproc) SAN= bench-programs >&2
	@/usr/bin/python3 tests/bench/bench.py --build $(if $(SAN),build,$(BUILD)) --plot $(if $(SAN),build,$(BUILD))/bench/ratios.svg $(if $(QUICK),--quick)
endif

# Polls and sends of this version beside those of an earlier one: make bench-beside REV=v0.1
bench-beside:
	@[ -n '$(REV)' ] || { echo "make bench-beside REV=COMMIT: say which version to measure beside this one" >&2; exit 2; }
	@$(MAKE) -s -j$$(nproc) SAN= bench-programs >&2
	@/usr/bin/python3 tests/bench/beside.py --build $(if $(SAN),build,$(BUILD)) '$(REV)'

# What a move to the other engine takes, there and back, with N messages that wait.
.PHONY: bench-move
bench-move:
	@[ ! -x scripts/install_deps.sh ] || scripts/install_deps.sh --test --bench
	@$(MAKE) -s -j$$(nproc) SAN= $(BUILD)-pg/relayctl >&2
	@/usr/bin/python3 tests/bench/move.py --build $(BUILD)-pg $(if $(N),--messages $(N))

$(BUILD)/bench/loop: sql/stmt.def
$(BUILD)/bench/loop: CFLAGS += -iquote sql
$(BUILD)/bench/loop: BENCH_LIBS = -lsqlite3
$(BUILD)/bench/constant: BENCH_LIBS = -lfcgi
$(BUILD)/bench/xmpp: BENCH_LIBS = -lsodium
$(BUILD)/bench/slowsync.so: tests/bench/slowsync.c Makefile
	@mkdir -p $(@D)
	@echo "cc $<"
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) $(if $(WERROR),-Werror) -O2 -fPIC -shared -o $@ $< -ldl
$(BUILD)/bench/%: tests/bench/%.c tests/bench/client.h Makefile tests/bench/bench.mk
	@mkdir -p $(@D)
	@echo "cc $<"
	$(Q)$(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -o $@ $< $(BENCH_LIBS)
