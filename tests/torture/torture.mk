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
	    -lfcgi -lsqlite3 -ljson-c -lsodium -luuid -lidn2 -lunistring -lcurl -lcrypto -levent_core -ldl
-include $(wildcard $(BUILD)/torture/*.d)
