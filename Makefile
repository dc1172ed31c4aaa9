# The few commands that people type. Each sets up what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: help setup build programs test demo bench verify asan tsan format lint install clean

preset ?= release
jobs ?= $(shell nproc)
build := build/$(preset)

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

setup: ## install what Atoll is built with (Debian packages, CAF)
	@cmake/setup.sh $(if $(filter tsan,$(preset)),--sanitize thread)

$(build)/build.ninja: CMakePresets.json | setup
	@cmake --preset $(preset)

build: setup $(build)/build.ninja ## build everything; preset=debug|asan|tsan for another build
	@cmake --build $(build) -j $(jobs)

programs: setup $(build)/build.ninja ## build the programs and plugins alone, without the tests
	@cmake --build $(build) --target programs -j $(jobs)

test: build ## build, and run all tests
	@cd $(build) && ctest -j $(jobs) --output-on-failure $(if $(t),-R '$(t)')

demo: programs ## start a real cluster, store and read files, kill a node, read again
	@tests/cluster/demo.sh $(build)
	@printf '\nthe programs are in %s; to use them in this shell:\n\n  export PATH="%s:$$PATH"\n\n' $(build)/bin '$(CURDIR)/$(build)/bin'

bench: ## measure, with ratios to what the machine itself can do; JSON in build/release/bench
	@$(MAKE) --no-print-directory build preset=release
	@cmake --build build/release --target benchmarks -j $(jobs)
	@tests/benchmark/run.sh build/release

seeds ?= 5000
verify: build ## hold every plugin to its promises, hard; seeds=N
	@for plugin in $$(find $(build)/lib* -path '*atoll/plugins/*.so'); do \
	  $(build)/bin/atoll verify "$$plugin" --seeds $(seeds) || exit; done

asan: ## build with AddressSanitizer and UBSan, and run all tests
	@$(MAKE) --no-print-directory test preset=asan

tsan: ## build with ThreadSanitizer, and run all tests
	@$(MAKE) --no-print-directory test preset=tsan

format: ## format all C++ files
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format -i

lint: setup ## clang-tidy over all C++ files but tests; takes about an hour
	@cmake --preset lint > /dev/null
	@git ls-files 'framework/*.cpp' 'plugins/*.cpp' 'apps/*.cpp' | xargs -P $(jobs) -n 4 clang-tidy --quiet -p build/lint

install: programs ## install under PREFIX (default /usr/local)
	@cmake --install $(build) --prefix $(or $(PREFIX),/usr/local)
	@printf 'installed under %s; to begin with: dfs init FOLDER, or dfs up a copy of %s/share/atoll/configs/quickstart\n' \
	  $(or $(PREFIX),/usr/local) $(or $(PREFIX),/usr/local)

clean: ## remove all builds
	@rm -rf build
