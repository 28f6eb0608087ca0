# `make fuzz`: builds the fuzz targets with clang and the sanitizers and runs one after the other, FUZZ_SEC seconds each.
# What was found interesting stays in BUILD/fuzz/NAME.corpus for the next run; a crash is left there as NAME-crash-...,
# and the rule fails.

FUZZ_SEC ?= 20
FUZZ_CC ?= clang
FUZZ = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS = -std=c17 -D_GNU_SOURCE -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -O1 -g -fno-omit-frame-pointer \
             -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(CFLAGS_PKG) $(SEE_handlers)
FUZZ_LIB = $(wildcard base/*.c) fcgi/filename.c fcgi/multipart.c translate/audio.c

.PHONY: fuzz fuzz-programs
fuzz-programs: $(addprefix $(BUILD)/fuzz/,$(FUZZ))

fuzz: fuzz-programs
	$(Q)set -e; export TMPDIR="$$PWD/$(BUILD)/fuzz"; for name in $(FUZZ); do \
	    $(BUILD)/fuzz/$$name -max_total_time=$(FUZZ_SEC) -max_len=4096 -timeout=10 -verbosity=0 -print_final_stats=1 \
	        -dict=tests/fuzz/$$name.dict -artifact_prefix=$(BUILD)/fuzz/$$name- $(BUILD)/fuzz/$$name.corpus; \
	done

$(BUILD)/fuzz/%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.mk $(FUZZ_LIB) $(wildcard base/*.h base/*.def fcgi/*.h translate/*.h)
	@mkdir -p $@.corpus
	@echo "cc $<"
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $< $(FUZZ_LIB) -ljson-c -lsodium -luuid -lidn2 -lunistring
