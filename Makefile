# The few commands that people type. Each sets up what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: help setup build programs tidy check test demo bench bench-large verify sanitize asan tsan fuzz format lint install deb clean

preset ?= release
jobs ?= $(shell nproc)
build := build/$(preset)

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

setup: ## install what Atoll is built with (Debian packages, CAF)
	@cmake/setup.sh $(if $(filter tsan,$(preset)),--sanitize thread)

$(build)/build.ninja: CMakePresets.json | setup
	@cmake --preset $(preset)

build: setup $(build)/build.ninja ## build everything; preset=debug|asan|tsan for another build
	@cmake --build $(build) -j $(jobs)

programs: setup $(build)/build.ninja ## build the programs and plugins alone, without the tests
	@cmake --build $(build) --target programs -j $(jobs)

tidy: setup $(build)/build.ninja ## the tests that look at the sources alone, tidy and format
	@cmake --build $(build) --target test_tidy -j $(jobs)
	@ctest --test-dir $(build) -R '^(tidy|format)$$' --output-on-failure

base ?= HEAD
check: setup $(build)/build.ninja ## before each commit: tidy, format, and the tests of what changed since base=HEAD
	@tests/changed/check.sh $(build) '$(base)'

# The processes of a cluster wait for each other most of the time, so more of those tests run at once than there are
# processors; and apart from the tests that compute, which would hold them up.
test: build ## build, and run all tests; t=REGEX for those whose names match
	@cd $(build) && failed=0; \
	ctest -j $(jobs) -LE cluster --output-on-failure $(if $(t),-R '$(t)') || failed=1; \
	cp Testing/Temporary/LastTest.log Testing/computing.log; \
	ctest -j $$((2 * $(jobs))) -L cluster --output-on-failure $(if $(t),-R '$(t)') || failed=1; \
	[ $$failed = 0 ] || '$(CURDIR)/tests/failures.sh' Testing/computing.log Testing/Temporary/LastTest.log; \
	exit $$failed

demo: programs ## start a real cluster, store and read files, kill a node, read again
	@tests/cluster/demo.sh $(build)
	@printf '\nthe programs are in %s; to use them in this shell:\n\n  export PATH="%s:$$PATH"\n\n' $(build)/bin '$(CURDIR)/$(build)/bin'

seconds ?= 4
bench: ## measure, with ratios to etcd, HAProxy and what the machine itself can do; seconds=4 for each figure; against=FOLDER of another build's dfsd
	@$(MAKE) --no-print-directory build preset=release
	@cmake --build build/release --target benchmarks -j $(jobs)
	@tests/benchmark/run.sh build/release '$(seconds)' '$(against)'

bench-large: ## measure the name space with 10^4, 10^6 and 10^7 files (4 GB of disk, some ten minutes); folder=FOLDER for its files
	@$(MAKE) --no-print-directory setup build/release/build.ninja preset=release
	@cmake --build build/release --target bench_names -j $(jobs)
	@build/release/tests/bench_names --files 10000,1000000,10000000 $(if $(folder),--folder '$(folder)')

seeds ?= 5000
verify: build ## hold every plugin to its promises, hard, the name space to its model, and the keeper; seeds=N
	@for plugin in $$(find $(build)/lib* -path '*atoll/plugins/*.so' ! -name 'faulty_*'); do \
	  $(build)/bin/atoll verify "$$plugin" --seeds $(seeds) || exit; done
	@export ATOLL_NAMES_SEEDS=$${ATOLL_NAMES_SEEDS:-20} ATOLL_NAMES_STEPS=$${ATOLL_NAMES_STEPS:-1000000}; \
	  $(build)/tests/test_dfs_namespace --test-case='any commands leave*'
	@ATOLL_SIM_SEEDS=$${ATOLL_SIM_SEEDS:-20} $(build)/tests/test_sim_storage --test-case='a keeper of*'

# Where a sanitizer finds most for its time: all that protocols, balancers and the durable log do. The tests of schemes
# are left out, for they need the verifier, which takes minutes to compile with sanitizers; so are the kits of the
# verifier itself, which take minutes to run, and the keepers with mistakes, whose runs are those of the others. The sweeps take a third of the seeds that `make asan` takes.
sanitized := tests/framework/core tests/framework/keep tests/framework/sim tests/plugins/consensus tests/plugins/balancers
sanitize: ## with AddressSanitizer and UBSan, sweep the protocols, and run the tests of core, keeper and simulator
	@$(MAKE) --no-print-directory setup build/asan/build.ninja preset=asan
	@cmake --build build/asan --target $(sanitized:%=%/all) -j $(jobs)
	@for folder in $(sanitized); do \
	  ATOLL_SIM_SEEDS=$${ATOLL_SIM_SEEDS:-0.3} ctest --test-dir build/asan/$$folder -j $(jobs) -E '^sim_storage_mutants$$' --output-on-failure || exit; \
	done

asan: ## build with AddressSanitizer and UBSan, and run all tests
	@$(MAKE) --no-print-directory test preset=asan

tsan: ## build with ThreadSanitizer, and run all tests
	@$(MAKE) --no-print-directory test preset=tsan

fuzz_seconds ?= 60
fuzz: ## try hostile bytes on each decoder, with Clang's libFuzzer; fuzz_seconds=60 for each
	@cmake/setup.sh --with clang --with libclang-rt-14-dev
	@cmake -S tests/fuzz -B build/fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ >/dev/null
	@cmake --build build/fuzz -j $(jobs)
	@for target in build/fuzz/fuzz_*; do \
	  name=$${target##*/fuzz_}; mkdir -p build/fuzz/found/$$name; echo "fuzz: $$name"; \
	  $$target -max_total_time=$(fuzz_seconds) -max_len=4096 -verbosity=0 -artifact_prefix=build/fuzz/$$name- \
	    build/fuzz/found/$$name tests/fuzz/corpus/$$name || exit; \
	done

format: ## format all C++ files
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format -i

lint: ## clang-tidy over all C++ files but tests (an hour), or over those changed since base=COMMIT
	@cmake/setup.sh --with clang-tidy
	@cmake --preset lint > /dev/null
	@files=$$($(if $(filter file,$(origin base)),git ls-files '*.cpp',tests/changed/files.sh '$(base)')) || exit; \
	for file in $$(grep -E '^(framework|plugins|apps)/.*\.[ch]pp$$' <<< "$$files"); do \
	  [ ! -e "$$file" ] || echo "$$file"; done | xargs -r -P $(jobs) -n 1 clang-tidy --quiet -p build/lint

install: programs ## install under PREFIX (default /usr/local)
	@cmake --install $(build) --prefix $(or $(PREFIX),/usr/local)
	@printf 'installed under %s; to begin with: dfs init FOLDER, or dfs up a copy of %s/share/atoll/configs/quickstart\n' \
	  $(or $(PREFIX),/usr/local) $(or $(PREFIX),/usr/local)

deb: programs ## make a Debian package of all that is installed
	@cd $(build) && cpack -B package >package.log || { cat package.log; exit 1; }
	@ls $(build)/package/*.deb

clean: ## remove all builds
	@rm -rf build
