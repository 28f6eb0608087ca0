# The WebChat relay. `make` builds, `make check` tests; SAN=1 does either under ASan and UBSan.
# Each folder sees itself and what stands to its left: base <- sql <- fcgi <- handlers; fcgi <- server; sql <- cron; sql <- mail <- admin; base <- translate <- fcgi, admin; sql <- checkup <- fcgi, admin; base <- live.

.DEFAULT_GOAL := all

ifeq ($(origin CC),default)
CC = gcc
endif
Q = $(if $(V),,@)
BUILD ?= $(if $(SAN),build-san,$(if $(SYSCALLS),build-syscalls,build))
# The shell writes the folder's name: make's own functions take blanks in it apart.
WHERE = "$$(realpath -m -- '$(BUILD)')"
PKGS = sqlite3 json-c libsodium uuid libcurl libcrypto libidn2 libevent_core libseccomp
CFLAGS_PKG := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)

WARN = -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
       -Wwrite-strings -Wundef -Wimplicit-fallthrough
OPT = -O2 -g
# What hardens, as far as this compiler and its target know it: asked once, kept in the build folder.
HARDEN = $(OPT) -U_FORTIFY_SOURCE -fPIE -fno-strict-overflow $(KNOWN)
ASKED = -D_FORTIFY_SOURCE=3 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection \
        -mbranch-protection=standard -ftrivial-auto-var-init=zero -Wno-format-truncation
SANITIZE = -O1 -g $(filter -Wno-%,$(KNOWN)) -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
# COV=1: processes stay outside of their sandbox, as they do with the sanitizer: they write what they counted.
COUNT = -O0 -g -Wno-format-truncation --coverage -fprofile-update=atomic -fprofile-abs-path -D__SANITIZE_ADDRESS__ -include tests/coverage.h
KIND = $(if $(COV),$(COUNT),$(if $(SAN),$(SANITIZE),$(HARDEN)))
# SYSCALLS=log: programs that log which system calls their lists lack (see base/syscalls.def), for finding out.
LOGS = $(if $(SYSCALLS),-DSYSCALLS_LOG)
# The same programs from the same sources, wherever the checkout lies.
SAME = -ffile-prefix-map="$$PWD"=. '-ffile-prefix-map=$(BUILD)=build'
CFLAGS = -std=c17 -D_GNU_SOURCE $(WARN) $(if $(WERROR),-Werror) $(KIND) $(SAME) -MMD -MP $(CFLAGS_PKG) $(MORE) $(LOGS)
# EXTRA=FOLDER: a channel that the relay carries more, of FOLDER/extra.def and the sender beside it (see sql/store/channel.def).
MORE = $(if $(EXTRA),-DCHANNEL_EXTRA='"extra.def"' -iquote $(EXTRA))
LDFLAGS = $(if $(SAN),-fsanitize=address$(comma)undefined,-pie -Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now$(comma)-z$(comma)noexecstack) \
          $(if $(COV),--coverage) -Wl,--as-needed
comma = ,

SEE_base = -iquote base
# Other folders see what the store offers; the store's own files also see the engine.
SEE_store = $(SEE_base) -iquote sql -iquote sql/store
SEE_sql = $(SEE_store) -iquote sql/engine
SEE_translate = $(SEE_base) -iquote translate
SEE_checkup = $(SEE_store) -iquote checkup
SEE_fcgi = $(SEE_checkup) -iquote translate -iquote fcgi
SEE_handlers = $(SEE_fcgi) -iquote handlers
SEE_server = $(SEE_fcgi) -iquote server
SEE_cron = $(SEE_store) -iquote cron
SEE_mail = $(SEE_store) -iquote mail
SEE_live = $(SEE_base) -iquote live
SEE_tests = $(SEE_mail)
SEE_admin = $(SEE_mail) -iquote checkup -iquote translate -iquote admin
SEE_all = $(SEE_handlers) -iquote sql/engine -iquote server -iquote cron -iquote mail -iquote live -iquote admin

objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/$(or $(2),*).c))
BASE = $(call objects,base)
# Of programs that read no JSON and sign nothing.
BASE_PLAIN = $(filter-out $(BUILD)/base/json_read.o $(BUILD)/base/json_write.o $(BUILD)/base/vapid.o,$(BASE))
# PG=1: PostgreSQL, too, for who needs more than one machine; remembered until PG=0. Without it nothing of libpq is built or linked.
PG ?= $(shell cat '$(BUILD)/engines' 2>/dev/null)
WITH_PG = $(filter-out 0,$(PG))
PGSQL = $(call objects,sql/engine,pgsql*) $(BUILD)/sql/pgsql_schema_steps.o
SQLITE = $(call objects,sql) $(filter-out $(PGSQL),$(call objects,sql/engine)) $(call objects,sql/store) $(BUILD)/sql/schema_steps.o
SQL = $(SQLITE) $(if $(WITH_PG),$(PGSQL))
TRANSLATE = $(call objects,translate)
CHECKUP = $(call objects,checkup)
SWEEP = $(BUILD)/cron/sweep_pass.o $(BUILD)/cron/sweep_files.o
PROGRAMS = $(BUILD)/relayd $(BUILD)/relay-mail $(BUILD)/relay-live $(BUILD)/relay-sweep $(BUILD)/relayctl

$(BUILD)/flags.mk: Makefile
	@mkdir -p $(@D)
	@known=; for flag in $(ASKED); do case "$$flag $$known" in *FORTIFY*FORTIFY*) continue ;; esac; \
	if printf '#include <stdio.h>\nint main(void) { return 0; }\n' | \
	    $(CC) -Werror -O2 -U_FORTIFY_SOURCE $$flag -x c -c -o /dev/null - 2>/dev/null; \
	then known="$$known $$flag"; fi; done; echo "KNOWN =$$known" > $@
	@if echo 'int main(void) { return 0; }' | $(CC) -fuse-ld=gold -x c -o /dev/null - 2>/dev/null; then echo 'QUICK_LD = -fuse-ld=gold' >> $@; fi
-include $(BUILD)/flags.mk

.PHONY: all check check-pg build-tests coverage proof powercuts kills overload tidy lint-deb bench fuzz clean docs web screens
.DELETE_ON_ERROR:
all: $(PROGRAMS)

# Asked where it is needed only.
$(PGSQL): CFLAGS += $(shell pkg-config --cflags libpq)
PG_HEADER = /usr/include/postgresql/libpq-fe.h

# The programs in a folder ($(1)), with objects ($(2)) and libraries ($(3)) of an engine. relay-live has no database.
define programs
$(1)/relayd: $$(call objects,handlers) $$(call objects,server) $$(call objects,fcgi) $$(CHECKUP) $$(TRANSLATE) $$(BASE)
$(1)/relayd: LIBS = -lfcgi -ljson-c -lcurl -lcrypto
$(1)/relay-mail: $$(call objects,mail) $$(if $$(EXTRA),$$(call objects,$$(EXTRA))) $$(BASE)
$(1)/relay-mail: LIBS = -ljson-c -lcurl -lcrypto
$(1)/relay-sweep: $$(call objects,cron) $$(BASE_PLAIN)
$(1)/relayctl: $$(call objects,admin) $$(BUILD)/mail/mailer.o $$(CHECKUP) $$(TRANSLATE) $$(filter-out $$(BUILD)/base/vapid.o,$$(BASE))
$(1)/relayctl: LIBS = -ljson-c -lcurl
$(1)/relayd $(1)/relay-mail $(1)/relay-sweep $(1)/relayctl: $(2)
	@mkdir -p $$(@D)
	@echo "ld $$@"
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(LIBS) -lsqlite3 -lsodium -luuid -lidn2 -lunistring -lseccomp $(3)
$(1)/relay-live: $$(call objects,live) $$(BASE_PLAIN)
	@mkdir -p $$(@D)
	@echo "ld $$@"
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) -lsodium -luuid -lidn2 -lunistring -lseccomp -levent_core
endef
$(eval $(call programs,$(BUILD),$(SQL) $(BUILD)/engines,$(if $(WITH_PG),-lpq)))
# Beside the usual ones, for the tests.
$(eval $(call programs,$(BUILD)-pg,$(SQLITE) $(PGSQL),-lpq))
PROGRAMS_PG = $(PROGRAMS:$(BUILD)/%=$(BUILD)-pg/%)

# Other engines than last time: the programs are linked anew.
$(BUILD)/engines: $(if $(filter $(if $(WITH_PG),1,0),$(shell cat '$(BUILD)/engines' 2>/dev/null)),,anew)
	@mkdir -p $(@D)
	@echo $(if $(WITH_PG),1,0) > $@
.PHONY: anew

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "cc $<"
	$(Q)$(CC) $(CFLAGS) $(SEE_$(firstword $(subst /, ,$<))) -c -o $@ $<

# The schema steps as C strings, in the order of their numbers; for PostgreSQL ($(1): pgsql_) in its words, by the words ($(2)) of a sed.
SCHEMA = $(sort $(wildcard sql/schema/*.sql))
define steps
$(BUILD)/sql/$(1)schema_steps.c: $(SCHEMA) sql/engine/pgsql_schema.sed Makefile
	@mkdir -p $$(@D)
	@{ echo '/* Made from sql/schema by the Makefile. */'; echo 'extern const char *const $(1)schema_steps[];'; \
	echo 'extern const int $(1)schema_steps_len;'; echo 'const char *const $(1)schema_steps[] = {'; \
	for f in $(SCHEMA); do \
	sed $(2) $$$$f | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/'; echo ','; done; echo '};'; \
	echo 'const int $(1)schema_steps_len = (int)(sizeof($(1)schema_steps) / sizeof($(1)schema_steps[0]));'; } > $$@
$(BUILD)/sql/$(1)schema_steps.o: $(BUILD)/sql/$(1)schema_steps.c
	$$(Q)$$(CC) $$(CFLAGS) -c -o $$@ $$<
endef
$(eval $(call steps,,-n p))
$(eval $(call steps,pgsql_,-E -z -f sql/engine/pgsql_schema.sed))

# The WebChat page, into web/dist. Without Node.js or its packages everything else still builds.
web:
	@scripts/build_page.sh

# Generated pages: .env.example and the manual of the settings.
docs: $(BUILD)/relayctl
	$(BUILD)/relayctl settings --example > relay/.env.example
	$(BUILD)/relayctl settings --markdown > docs/settings.md
	@if [ -x tests/web/node_modules/.bin/openapi-typescript ]; then cd tests/web && \
	    node_modules/.bin/openapi-typescript ../../docs/openapi.yaml -o ../../web/src/wire/types.gen.ts >/dev/null; fi

# Pictures of every screen of the page, and those of the documentation.
screens: all web
	cd tests/web && npm ci --ignore-scripts --no-audit --no-fund >/dev/null && node screens.mjs $(abspath $(BUILD))/screens

# The unit programs link everything but the mains; a test may include a .c file to reach its static functions. They are
# built quickly, since what they test is not in them.
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
UNIT_LIB = $(call objects,handlers) $(call objects,fcgi) $(filter-out $(BUILD)/server/main.o,$(call objects,server)) $(BUILD)/mail/mailer.o \
           $(filter-out $(BUILD)/live/live_main.o,$(call objects,live)) $(SWEEP) $(CHECKUP) $(TRANSLATE) $(SQL) $(BASE)
$(BUILD)/tests/test_syscalls: INCLUDED = $(BUILD)/base/syscalls.o
$(BUILD)/tests/%: tests/unit/%.c $(UNIT_LIB)
	$(unit)
# Those that run on both engines.
UNIT_PG = $(BUILD)-pg/tests/test_db_async
$(UNIT_PG): LIBS = -lpq
$(BUILD)-pg/tests/%: tests/unit/%.c $(UNIT_LIB) $(PGSQL)
	$(unit)
define unit
	@mkdir -p $(@D)
	@echo "cc $<"
	$(Q)$(CC) $(CFLAGS) $(if $(SAN),,-O0 -U_FORTIFY_SOURCE) $(SEE_all) $(LDFLAGS) $(QUICK_LD) -o $@ $< -Wl,--start-group $(filter-out $(INCLUDED),$(filter %.o,$^)) -Wl,--end-group \
	    $(LIBS) -lfcgi -lsqlite3 -ljson-c -lsodium -luuid -lidn2 -lunistring -lcurl -lcrypto -levent_core -lseccomp -lcmocka
endef

# All tests. On a bare machine the packages come first, so the rest runs in a make of its own.
check:
	scripts/install_deps.sh --test
	$(MAKE) -s -j$$(nproc) WERROR=1 build-tests
	RELAY_BUILD=$(WHERE) /usr/bin/python3 tests/run.py $(T)
# Those that start relays once more, with a database of its own for each on a PostgreSQL that is thrown away.
check-pg:
	scripts/install_deps.sh --test
	$(MAKE) -s -j$$(nproc) WERROR=1 build-tests
	RELAY_ENGINE=postgresql RELAY_BUILD=$(WHERE) /usr/bin/python3 tests/run.py $(T)
build-tests: all $(UNIT) $(BUILD)/tests/recorder.so $(BUILD)/tests/forbidden.so $(if $(wildcard $(PG_HEADER)),$(PROGRAMS_PG) $(UNIT_PG))

# What records the writes of a relay, for the test of power cuts.
$(BUILD)/tests/recorder.so: tests/fault/recorder.c Makefile
	@mkdir -p $(@D)
	@echo "cc $<"
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) $(if $(WERROR),-Werror) -O2 -fPIC -shared -o $@ $< -ldl

# What tries the calls that are forbidden.
$(BUILD)/tests/forbidden.so: tests/fault/forbidden.c base/syscalls.def Makefile
	@mkdir -p $(@D)
	@echo "cc $<"
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) $(if $(WERROR),-Werror) -O2 -fPIC -shared $(SEE_base) -o $@ $< -ldl -lseccomp

# Power cuts and kills at length.
powercuts: build-tests
	@RELAY_BUILD=$(WHERE) /usr/bin/python3 tests/fault/crash.py $(if $(N),--states $(N))
kills: build-tests
	@RELAY_BUILD=$(WHERE) KILLS=$(or $(N),500) /usr/bin/python3 tests/run.py test_kills

# Floods at length: what those inside the limits notice of N connections of each kind, beside a quiet relay.
overload: all
	@RELAY_BUILD=$(WHERE) /usr/bin/python3 tests/fault/overload.py $(if $(N),--n $(N)) $(if $(KINDS),--kinds $(KINDS))

# The retention promise at length: each mode with a thousand messages and killed processes, every byte searched.
proof: all
	@RELAY_BUILD=$(WHERE) /usr/bin/python3 tests/proof/proof.py $(if $(N),--messages $(N))

# Static analysis: clang-tidy and cppcheck over the C code, shellcheck over the scripts.
SOURCES = $(wildcard base/*.c sql/*.c sql/*/*.c fcgi/*.c handlers/*.c server/*.c cron/*.c mail/*.c live/*.c translate/*.c checkup/*.c admin/*.c)
SCRIPTS = start_relay.sh start_web.sh .ci/run $(wildcard scripts/*.sh) $(wildcard scripts/deb/p*)
tidy:
	scripts/install_deps.sh --tidy
	$(MAKE) -s lint-deb
	shellcheck $(SCRIPTS)
	clang-format --dry-run --Werror $(SOURCES) $(wildcard */*.h sql/*/*.h)
	cppcheck -q -UCHANNEL_EXTRA --std=c11 --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
	    --suppress=missingIncludeSystem --suppress=memleak --suppress=resourceLeak $(subst -iquote ,-I,$(SEE_all)) $(SOURCES)
	printf '%s\n' $(SOURCES) | xargs -P $$(nproc) -I{} clang-tidy --quiet --warnings-as-errors='*' {} -- \
	    -std=c17 -D_GNU_SOURCE $(CFLAGS_PKG) $(subst -I,-isystem ,$(shell pkg-config --cflags libpq 2>/dev/null)) $(SEE_all)

# Which lines and branches the whole of the tests reaches: a table of folders, build-cov/coverage/index.html, and in build-cov/coverage.txt
# the lines that nothing reached. A failed test does not end it.
coverage:
	scripts/install_deps.sh --test --coverage
	$(MAKE) -s -j$$(nproc) COV=1 BUILD=build-cov build-tests
	@# whoever runs as another user writes there, too
	find build-cov build-cov-pg -name '*.gcno' | sed 's/gcno$$/gcda/' | while read -r file; do : >"$$file"; done
	find build-cov build-cov-pg -exec chmod a+rwX {} +
	-RELAY_BUILD="$$PWD/build-cov" /usr/bin/python3 tests/run.py
	@# what is rare is the answer to a call that fails: more of these than the tests have
	-build-cov/torture/torture --class memory --seed 9 --seconds 40
	mkdir -p build-cov/coverage
	gcovr --root . --object-directory build-cov --exclude tests/ --exclude '.*\.def' --gcov-ignore-parse-errors --exclude-throw-branches \
	    --html-details build-cov/coverage/index.html --json build-cov/coverage.json --json-summary build-cov/summary.json
	/usr/bin/python3 tests/coverage.py --lines build-cov/coverage.json > build-cov/coverage.txt
	/usr/bin/python3 tests/coverage.py build-cov/summary.json

# The Debian package, looked over by lintian. Whose address the package carries is for --maintainer to say.
lint-deb: all
	scripts/package_deb.sh --build $(BUILD) --output $(BUILD)/deb
	lintian --allow-root --fail-on error,warning --tag-display-limit 0 \
	    --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog $(BUILD)/deb/*.deb

clean:
	rm -rf build build-pg build-cov build-cov-pg build-san build-san-pg build-syscalls build-syscalls-pg build-tidy

-include tests/bench/bench.mk
-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)

-include tests/fuzz/fuzz.mk
-include tests/torture/torture.mk
-include tests/model/model.mk
-include tests/mutation/mutation.mk
