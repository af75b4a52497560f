# A thin front for CMake and the scripts in tools/. `make demo` and `make test` are all a newcomer needs.
#
# CMAKE_FLAGS is added when a build is configured, as in: make test CMAKE_FLAGS=-DLINCE_WERROR=ON
# CC chooses the compiler of a build folder that is not there yet. JOBS limits how much runs at once.

SHELL = /bin/sh
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
CMAKE_FLAGS ?=
# make's own CC is "cc" unless the user says otherwise, which is CMake's first choice too.
export CC

build = cmake --preset $(1) $(CMAKE_FLAGS) >build/$(1).log 2>&1 || { cat build/$(1).log; exit 1; }; \
	cmake --build build/$(1) -j $(JOBS)
check = ctest --preset $(1) -j $(JOBS)

all: release

help:
	@echo "make demo          build, then classify a picture"
	@echo "make test          build and run all tests"
	@echo "make asan, tsan    the tests under the address and undefined, or the thread sanitizer"
	@echo "make fuzz          each fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS)); needs clang"
	@echo "make bench         measure the kernels"
	@echo "make layers        includes that go the wrong way"
	@echo "make symbols       what the libraries export, against tests/abi/symbols.txt"
	@echo "make format, format-check"
	@echo "make install       into PREFIX ($(PREFIX)), below DESTDIR"
	@echo "make package       .deb and .tar.gz, in build/release/packages"
	@echo "make ci-full       all of it on other compilers, sanitizers and machines, before a release; about an hour"

deps:
	@mkdir -p build
	@sh tools/deps.sh

release: deps
	@$(call build,release)

demo: release
	@bash examples/demo.sh

test: release
	@$(call check,release)

asan: deps
	@$(call build,asan)
	@$(call check,asan)

tsan: deps
	@$(call build,tsan)
	@$(call check,tsan)

fuzz:
	@mkdir -p build
	@sh tools/deps.sh full
	@$(call build,fuzz)
	@sh tools/fuzz.sh build/fuzz $(FUZZ_SECONDS)

bench: release
	@cmake --build build/release --target bench -j $(JOBS)

layers:
	@sh tools/layers.sh

symbols: release
	@sh tools/symbols.sh build/release

format:
	@sh tools/format.sh

format-check:
	@sh tools/format.sh --check

install: release
	@cmake --install build/release --prefix $(PREFIX)

package: release
	@cd build/release && cpack
	@ls -1 build/release/packages/*.deb build/release/packages/*.tar.gz

ci-full:
	@sh tools/ci-full.sh

clean:
	rm -rf build

.PHONY: all help deps release demo test asan tsan fuzz bench layers symbols format format-check install package ci-full clean
