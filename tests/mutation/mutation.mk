# `make mutation`: N changes of the C source by chance, of SEED, each held against the tests that cover its file.
.PHONY: mutation
mutation: build-tests
	@/usr/bin/python3 tests/mutation/mutate.py --build '$(BUILD)' --n $(or $(N),60) $(if $(SEED),--seed $(SEED)) $(if $(FILES),--files '$(FILES)')
