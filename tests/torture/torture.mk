# `make torture`: every call of the C library that a call of the API or a job makes fails once. An arena there takes each
# allocation from the C library, so that each may fail.

TORTURE_SRC = $(wildcard tests/torture/*.c)
TORTURE_LIB = $(filter-out $(BUILD)/base/arena.o,$(UNIT_LIB))

$(BUILD)/torture/arena.o: base/arena.c Makefile tests/torture/torture.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -DARENA_CHUNK_BYTES=16 $(SEE_base) -c -o $@ $<

$(BUILD)/torture/%.o: tests/torture/%.c Makefile tests/torture/torture.mk
	@mkdir -p $(@D)
	@echo "cc $<"
	$(Q)$(CC) $(CFLAGS) -U_FORTIFY_SOURCE -fno-builtin $(SEE_all) -iquote tests/torture -c -o $@ $<

$(BUILD)/torture/torture: $(TORTURE_SRC:tests/%.c=$(BUILD)/%.o) $(BUILD)/torture/arena.o $(TORTURE_LIB)
	@echo "ld $@"
	$(Q)$(CC) $(LDFLAGS) -rdynamic -o $@ $(TORTURE_SRC:tests/%.c=$(BUILD)/%.o) $(BUILD)/torture/arena.o \
	    -Wl,--start-group $(TORTURE_LIB) -Wl,--end-group \
	    -lfcgi -lsqlite3 -ljson-c -lsodium -luuid -lidn2 -lunistring -lcurl -lcrypto -levent_core -lseccomp -ldl
-include $(wildcard $(BUILD)/torture/*.d)

# What is loaded before whole programs.
$(BUILD)/torture/faults.so: tests/torture/faults.c tests/torture/faults.h tests/torture/torture.mk
	@mkdir -p $(@D)
	@echo "cc $@"
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) $(if $(WERROR),-Werror) -O2 -fPIC -shared -o $@ $< -ldl

build-tests: $(BUILD)/torture/torture $(BUILD)/torture/faults.so

# Everything, which takes hours, or what ROUTE, CLASS, N (the number of the call) and SET (other settings) leave of it.
.PHONY: torture damage
torture: build-tests
	@for part in $$(seq 0 $$(($$(nproc) - 1))); do \
	    $(BUILD)/torture/torture --part $$part/$$(nproc) $(if $(ROUTE),--route '$(ROUTE)') $(if $(CLASS),--class $(CLASS)) \
	        $(if $(N),--at $(N) --aloud) $(if $(SET),--set '$(SET)') & pids="$$pids $$!"; done; \
	failed=0; for pid in $$pids; do wait $$pid || failed=1; done; exit $$failed

# N damaged files of every kind, of SEED.
damage: build-tests
	@$(BUILD)/torture/torture --damage $(or $(N),1000) --seed $(or $(SEED),1)
