# `make model`: N sequences of calls at random, of SEED and after it, against a relay of each retention mode, held against the model
# of tests/model; STEPS=file plays one again that failed.
.PHONY: model
model: all
	@RELAY_BUILD=$(abspath $(BUILD)) /usr/bin/python3 tests/model/sequences.py $(if $(STEPS),--file $(STEPS),--n $(or $(N),10000) --seed $(or $(SEED),1)) \
	    $(if $(MODE),--modes $(MODE))
