# One line each, into a preset or a script.
.PHONY: run test build bench format lint asan tsan fuzz break-it install-deps clean
.DEFAULT_GOAL := build

run: build
	@scripts/run-demo

test: install-deps build/release/build.ninja
	@cmake --build --preset release
	@ctest --preset release

build: install-deps build/release/build.ninja
	@cmake --build --preset release --target holdfast

bench: install-deps build/release/build.ninja
	@cmake --build --preset release --target holdfast benchmarks
	@bench/run $(BENCH)

format:
	@scripts/format

lint: install-deps
	@scripts/lint

asan tsan: install-deps
	@cmake --workflow --preset $@

fuzz: install-deps build/fuzz/build.ninja
	@cmake --build --preset fuzz
	@scripts/run-fuzz

break-it: install-deps
	@scripts/break-it

install-deps:
	@scripts/install-deps.sh

clean:
	rm -rf build

build/%/build.ninja: CMakePresets.json | install-deps
	@cmake --preset $*
