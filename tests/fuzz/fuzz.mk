# `make fuzz`: builds the fuzz targets with clang and the sanitizers and runs one after the other, S seconds each (T=name: that
# one alone). It begins with the inputs of tests/fuzz/corpus; what it found interesting stays in BUILD/fuzz/NAME.corpus for the
# next run, and `make fuzz-keep` takes the smallest set of both into tests/fuzz/corpus. A crash is left as BUILD/fuzz/NAME-crash-...,
# and the rule fails.

S ?= 20
FUZZ_CC ?= clang
FUZZ = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS = -std=c17 -D_GNU_SOURCE -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -O1 -g -fno-omit-frame-pointer \
             -fsanitize=address,undefined -fno-sanitize-recover=all $(CFLAGS_PKG) $(SEE_all) -iquote tests/torture
FUZZ_RELAY = tests/torture/world.c tests/torture/fill.c tests/torture/check.c tests/fuzz/still.c
FUZZ_OBJECTS = $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(patsubst $(BUILD)/%.o,%.c,$(filter-out $(BUILD)/sql/schema_steps.o,$(UNIT_LIB))) \
               $(FUZZ_RELAY)) $(BUILD)/fuzz/obj/schema_steps.o
# Kept for the next target: make would remove what only patterns lead to.
.SECONDARY: $(FUZZ_OBJECTS)
FUZZ_LIBS = -lfcgi -lsqlite3 -ljson-c -lsodium -luuid -lidn2 -lunistring -lcurl -lcrypto -levent_core -lseccomp
FUZZ_RUN = TMPDIR=$${TMPDIR:-/dev/shm} $(BUILD)/fuzz/$(1) -max_len=4096 -timeout=20 -verbosity=0 -artifact_prefix=$(BUILD)/fuzz/$(1)- \
           $(if $(wildcard tests/fuzz/$(1).dict),-dict=tests/fuzz/$(1).dict)

.PHONY: fuzz fuzz-keep fuzz-programs
fuzz-programs: $(addprefix $(BUILD)/fuzz/,$(or $(T),$(FUZZ)))

fuzz: fuzz-programs
	$(Q)set -e; $(foreach name,$(or $(T),$(FUZZ)),mkdir -p $(BUILD)/fuzz/$(name).corpus; echo "$(name):"; \
	    $(call FUZZ_RUN,$(name)) -max_total_time=$(S) -print_final_stats=1 $(BUILD)/fuzz/$(name).corpus tests/fuzz/corpus/$(name);)

fuzz-keep: fuzz-programs
	$(Q)set -e; $(foreach name,$(or $(T),$(FUZZ)),mkdir -p tests/fuzz/corpus/$(name) $(BUILD)/fuzz/$(name).kept; \
	    $(call FUZZ_RUN,$(name)) -merge=1 $(BUILD)/fuzz/$(name).kept tests/fuzz/corpus/$(name) $(BUILD)/fuzz/$(name).corpus; \
	    ls -S $(BUILD)/fuzz/$(name).kept | tail -n 120 | while read -r f; do cp $(BUILD)/fuzz/$(name).kept/$$f tests/fuzz/corpus/$(name)/; done;)

$(BUILD)/fuzz/obj/%.o: %.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
$(BUILD)/fuzz/obj/schema_steps.o: $(BUILD)/sql/schema_steps.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<
$(BUILD)/fuzz/%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz_relay.h $(FUZZ_OBJECTS)
	@echo "cc $<"
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< -Wl,--start-group $(filter-out \
	    $(if $(filter sealed,$*),$(BUILD)/fuzz/obj/sql/store/body.o),$(FUZZ_OBJECTS)) -Wl,--end-group $(FUZZ_LIBS)
-include $(wildcard $(BUILD)/fuzz/obj/*/*.d $(BUILD)/fuzz/obj/*/*/*.d)

# The same targets as plain programs that read the kept inputs once, for `make check`.
REPLAY_LIB = $(UNIT_LIB) $(FUZZ_RELAY:%.c=$(BUILD)/replay/%.o)
$(BUILD)/replay/tests/%.o: tests/%.c Makefile tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SEE_all) -iquote tests/torture -c -o $@ $<
$(BUILD)/replay/%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz_relay.h $(BUILD)/replay/tests/fuzz/replay.o $(REPLAY_LIB)
	@echo "cc $<"
	$(Q)$(CC) $(CFLAGS) $(SEE_all) -iquote tests/torture $(LDFLAGS) -o $@ $< $(BUILD)/replay/tests/fuzz/replay.o -Wl,--start-group \
	    $(filter-out $(if $(filter sealed,$*),$(BUILD)/sql/store/body.o),$(REPLAY_LIB)) -Wl,--end-group $(FUZZ_LIBS)
build-tests: $(FUZZ:%=$(BUILD)/replay/%)
