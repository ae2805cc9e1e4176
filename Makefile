# The one door to every task; `make` alone lists them. Each target makes what it needs first: the environment .venv
# (from `make PYTHON=python3.13` another Python), the packages of its group in pyproject.toml, the compiled modules.
PYTHON ?= python3
PYTHONS ?= $(PYTHON)
BIN = .venv/bin
# Without compiling what most packages never import, which takes as long as all the rest.
INSTALL = install --quiet --no-compile
# All packages have the versions that `make pins` wrote down.
PINS = tools/constraints.txt
OLDEST_PINS = tools/constraints-oldest.txt
PIN = --quiet --upgrade --universal --python-version 3.11 --no-annotate --custom-compile-command "make pins"
PIP = -m pip $(INSTALL) --constraint $(PINS)
# Python keeps what it compiles when a module is first imported, also where an image of a container says not to: the tests
# start hundreds of processes.
export PYTHONDONTWRITEBYTECODE =
# The settings of pip and of compilers are of use when something is installed or built, but not to tests.
CLEAN = $(abspath tools/clean-env)
C_FILES = $(shell find csrc tests/c tests/fuzz omfiles -name '*.[ch]' -o -name '*.cpp')
PYTHON_FILES = omfiles tests examples benchmarks docs tools conftest.py setup.py
WHEEL_FILES = setup.py pyproject.toml MANIFEST.in README.md CHANGELOG.md \
	$(shell find csrc omfiles docs -name '*.[ch]' -o -name '*.py' -o -name '*.py[xi]' -o -name '*.px[di]' -o -name '*.md')
DIST = build/dist
# As many jobs as there are cores, if not one of several that share them.
CORES = $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,--jobs $(CORES))
TOGETHER = --jobs $(CORES) $(if $(filter output-sync,$(.FEATURES)),--output-sync)
PEER = .cache/peer-venv
OLDEST = .cache/oldest-venv
NEWEST = .cache/newest-venv
GRIB = .cache/grib-venv
CLANG_PACKAGES = clang libclang-rt-dev

.PHONY: help demo check test build pytest test-kernels test-avx512 test-oldest test-newest test-fresh test-grib wheel wheel-check \
	test-wheel test-plain-cpu abi docs test-c test-machines test-matrix test-fuzz damage fuzz asan tsan valgrind coverage-c \
	lint types fmt pins bench bench-remote bench-quick clean
.DEFAULT_GOAL = help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build .venv/demo.stamp ## write real weather data to an .om file, read it back, draw it: build/demo/
	$(BIN)/python examples/demo.py build/demo

check: lint build .venv/test.stamp ## what to run after each edit: lint, types of Python, and the Python tests that are not slow; less than a minute
	$(CLEAN) $(BIN)/python -m mypy
	$(CLEAN) HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -q --numprocesses auto --dist loadgroup -m "not slow"

# Most of what is done beside something else keeps one core busy, or waits for the network.
test: ## everything that must hold before a change is accepted
	$(MAKE) lint build
	$(MAKE) $(TOGETHER) types $(DIST)/ready $(PEER)/ready $(OLDEST)/ready $(GRIB)/ready \
		test-c test-machines test-fuzz
	$(MAKE) pytest
	$(MAKE) $(TOGETHER) test-oldest test-grib docs

build: .venv/editable.stamp ## compile the extension modules in place
	$(BIN)/python setup.py --quiet build_ext --inplace

pytest: build wheel .venv/test.stamp $(PEER)/ready ## the Python tests and doctests (some compare with the peer, omfiles 1.2.0)
	$(CLEAN) OMFILES_REQUIRE_PEER=1 OMFILES_WHEEL="$$(echo $(DIST)/*.whl)" \
		$(BIN)/python -m pytest --numprocesses auto --dist loadgroup

test-kernels: build .venv/test.stamp ## the Python tests with each instruction set but the best one of this CPU
	set -e; for level in $$($(BIN)/python -c 'from omfiles import _core; print(*_core.simd_available()[:-1])'); do \
		echo "with the $$level kernels"; \
		$(CLEAN) OMFILES_SIMD=$$level $(BIN)/python -m pytest -q --numprocesses auto --dist loadgroup tests; done
	case "$$($(BIN)/python -c 'from omfiles import _core; print(*_core.simd_available())')" in \
		*avx512*) ;; *avx2*) $(MAKE) test-avx512 ;; esac

# In a copy of the tree, SIMDe stands in for what the CPU lacks.
test-avx512: .venv/editable.stamp .venv/test.stamp ## the Python tests with the AVX-512 kernels, in emulation on any x86-64 with AVX2
	tools/debian-packages libsimde-dev
	rm -rf build/avx512
	mkdir -p build/avx512
	cp -r README.md conftest.py csrc docs omfiles pyproject.toml setup.py tests build/avx512
	rm -f build/avx512/omfiles/*.so build/avx512/omfiles/_native/*.so
	cp tests/c/avx512_emulated.h build/avx512/csrc/src
	cd build/avx512/csrc/src/kernels && sed -i -e '/pragma GCC target/d' \
		-e '1i #pragma GCC target("avx2,fma,bmi,bmi2,lzcnt,popcnt")\n#include "avx512_emulated.h"' avx512.c
	sed -i 's/omfi_cpu_has_avx512(void)/omfi_cpu_really_has_avx512(void)/' build/avx512/csrc/src/kernels/cpu.c
	cd build/avx512 && CFLAGS=-w $(abspath $(BIN)/python) setup.py --quiet build_ext --inplace && \
		$(CLEAN) PYTHONPATH="$$PWD" OMFILES_SIMD=avx512 $(abspath $(BIN)/python) -m pytest -q --numprocesses auto \
		--dist loadgroup tests --ignore tests/capi -m "not source_tree"

test-oldest: build $(OLDEST)/ready ## the tests of indexing and of the integrations with the oldest versions that are supported
	$(CLEAN) $(OLDEST)/bin/python -m pytest --numprocesses auto --dist loadgroup tests/xarray tests/dask tests/zarr \
		tests/grids tests/unit/test_reader_indexing.py tests/unit/test_fancy_index.py

# Packages may have new warnings, which are no errors here.
test-newest: build $(PEER)/ready ## the types and the Python tests with the newest packages; tells which are not as in tools/constraints.txt
	$(call environment,$(NEWEST),--group test --group lint)
	@$(BIN)/python -m pip --python $(NEWEST)/bin/python list --format freeze | tr _ - >$(NEWEST)/versions
	@echo "Not as in $(PINS):"; cut -d ' ' -f 1 $(PINS) | grep -ivxFf - $(NEWEST)/versions || true
	$(call check-types,$(NEWEST)/bin/python); types=$$?; $(CLEAN) OMFILES_REQUIRE_PEER=1 \
		$(NEWEST)/bin/python -m pytest -W default --numprocesses auto --dist loadgroup && exit $$types

test-fresh: ## both commands of README.md in minimal chroots of SUITES="trixie bookworm", as root and as another user; hours
	set -e; for suite in $(or $(SUITES),trixie bookworm); do tools/test-fresh $$suite; done

test-grib: build $(GRIB)/ready ## the tests of reading GRIB, which needs an environment of its own
	$(CLEAN) $(GRIB)/bin/python -m pytest tests/cli/test_grib.py

wheel: $(DIST)/ready ## source archive and wheel of the working tree, in build/dist

wheel-check: .venv/build.stamp ## build both twice from the last commit; the bytes must be the same
	tools/wheel-check $(BIN)/python

# Zig's compiler links with symbols of an older C library than this machine's, as images of manylinux do. The wheel is
# built from the source archive, and without a network.
test-wheel: wheel .venv/release.stamp ## build, repair and audit a manylinux_2_28 wheel, test it with all of PYTHONS
	rm -rf build/wheelhouse
	CC="$(abspath $(BIN)/python) -m ziglang cc -target $(shell uname -m)-linux-gnu.2.28" \
		$(BIN)/python -m pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir build/wheelhouse/raw $(DIST)/*.tar.gz
	PATH="$(abspath $(BIN)):$$PATH" auditwheel repair --plat manylinux_2_28_$(shell uname -m) \
		--wheel-dir build/wheelhouse build/wheelhouse/raw/*.whl
	$(BIN)/abi3audit --strict --report build/wheelhouse/*.whl >build/abi3audit.json
	set -e; for python in $(PYTHONS); do tools/test-wheel build/wheelhouse/*.whl $$python; done

# numpy 2.4 does not start on such a CPU. Not there: what looks at the source tree, holds processes to memory or time,
# interrupts them at each of many moments, or forks while threads run, which the emulator cannot.
test-plain-cpu: wheel ## the Python tests on an emulated x86-64 CPU without any extension; two hours
	tools/debian-packages qemu-user
	{ grep -v '^numpy==' $(PINS); echo 'numpy<2.4'; } >build/plain-cpu.txt
	EMULATOR="qemu-x86_64 -cpu qemu64" CONSTRAINTS=$(abspath build/plain-cpu.txt) tools/test-wheel $(DIST)/*.whl $(PYTHON) \
		$(or $(TESTS),tests --ignore tests/capi --ignore tests/damage --ignore tests/stress/test_interrupts.py \
		--ignore tests/stress/test_writer_disasters.py -m "not (memory or timing or source_tree)") -o timeout=0 -k "not fork"

abi: .venv/editable.stamp .venv/test.stamp ## after a change in csrc/include: write what repeats it, and agree on it (tests/capi/abi.json)
	$(BIN)/python tools/bindings.py
	$(MAKE) build
	$(BIN)/python tools/abi.py >tests/capi/abi.json.new
	mv tests/capi/abi.json.new tests/capi/abi.json

docs: build .venv/docs.stamp ## the documentation, into build/docs; pages that are scripts are run, warnings are errors
	$(CLEAN) $(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going docs build/docs

test-c: .venv/test.stamp ## the tests of the C core under the address, undefined behaviour and thread sanitizers
	$(MAKE) --silent $(JOBS) -C tests/c asan tsan $(if $(shell command -v $(CXX)),headers) PYTHON=$(abspath $(BIN)/python)

test-machines: .venv/test.stamp ## the tests of the C core on s390x (big-endian), 32-bit ARM, AArch64, the oldest and the newest x86-64, in emulators
	@$(MAKE) --silent -C tests/c packages || { echo "SKIPPED: test-machines, see above"; exit 0; } && \
		$(MAKE) --silent $(JOBS) -C tests/c machines PYTHON=$(abspath $(BIN)/python)

test-matrix: .venv/test.stamp ## the same and on x86-64, each with GCC and Clang, without and with optimisation
	$(MAKE) --silent -C tests/c packages
	$(MAKE) --silent $(JOBS) -C tests/c matrix PYTHON=$(abspath $(BIN)/python)

test-fuzz: .venv/pip.stamp ## each fuzz target over the C core for some seconds, from golden data and what ever failed
	@tools/debian-packages $(CLANG_PACKAGES) || { echo "SKIPPED: test-fuzz, see above"; exit 0; } && \
		$(MAKE) --silent $(JOBS) -C tests/fuzz test FUZZ_SECONDS=4 PYTHON=$(abspath $(BIN)/python)

damage: build .venv/test.stamp ## read 100,000 damaged files, or COUNT=..., in processes of their own
	$(CLEAN) $(BIN)/python tests/damage/campaign.py --count $(or $(COUNT),100000)

fuzz: .venv/pip.stamp ## each fuzz target for an hour, or FUZZ_SECONDS=..., before a release; corpora stay in build/fuzz
	tools/debian-packages $(CLANG_PACKAGES)
	$(MAKE) --silent $(JOBS) -C tests/fuzz fuzz PYTHON=$(abspath $(BIN)/python)

# Not under sanitizers: what holds memory or time to a limit, and what needs pages, the peer or a compiler.
asan: .venv/editable.stamp .venv/test.stamp ## the Python tests with compiled modules under the same sanitizers
	OMFILES_SANITIZE=address,undefined $(BIN)/python setup.py --quiet build --build-base build/asan --build-lib build/asan/lib
	cp -r conftest.py pyproject.toml docs tests build/asan/lib
	cd build/asan/lib && $(CLEAN) LD_PRELOAD="$(foreach library,asan.so ubsan.so stdc++.so.6,$$(gcc -print-file-name=lib$(library)))" \
		ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 PYTHONMALLOC=malloc PYTHONPATH="$$PWD" \
		$(abspath $(BIN)/python) -m pytest tests --ignore tests/capi --ignore tests/interop \
		--ignore tests/remote/test_pages.py -m "not (memory or timing or source_tree)"

tsan: .venv/editable.stamp .venv/test.stamp ## the Python tests of threads with compiled modules under the thread sanitizer
	OMFILES_SANITIZE=thread $(BIN)/python setup.py --quiet build --build-base build/tsan --build-lib build/tsan/lib
	cp -r conftest.py pyproject.toml tests build/tsan/lib
	cd build/tsan/lib && $(CLEAN) LD_PRELOAD="$$(gcc -print-file-name=libtsan.so)" TSAN_OPTIONS=report_signal_unsafe=0 PYTHONPATH="$$PWD" \
		$(abspath $(BIN)/python) -m pytest tests/stress/test_threads.py tests/stress/test_many_files.py -k "not fork and not interrupt"

# Modules as they are shipped, which the sanitizers are not; these tests drive all of them, slowed down some forty times.
# Python itself has findings, so what counts is a finding in one of our modules, or in what that calls. All of them,
# TESTS=tests, take hours, and those that look at the clock fail there.
valgrind: build .venv/test.stamp ## Python tests of reading and writing, or TESTS=..., under valgrind; fails if a finding arises in our modules
	tools/debian-packages valgrind
	$(CLEAN) PYTHONMALLOC=malloc valgrind --quiet --leak-check=no --num-callers=6 --log-file=build/valgrind.log \
		$(BIN)/python -m pytest --override-ini timeout=0 $(or $(TESTS),tests/golden/test_golden.py::test_streams_by_core \
		tests/unit/test_reader.py tests/unit/test_reader_indexing.py tests/unit/test_reader_lifecycle.py::test_sources \
		"tests/stress/test_threads.py::test_results_do_not_depend_on_the_number[Ellipsis-2]" \
		"tests/stress/test_threads.py::test_files_do_not_depend_on_the_number[2-]" \
		tests/unit/test_writer_streaming.py --deselect tests/unit/test_writer_streaming.py::test_memory); status=$$?; \
	awk '/ at 0x/ { n = 2 } n-- > 0 && /omfiles\/_/ { bad = 1; print } END { exit bad }' build/valgrind.log && exit $$status

coverage-c: .venv/test.stamp ## lines and branches of the C core that its tests and the fuzz seeds reach
	tools/debian-packages $(CLANG_PACKAGES) llvm
	$(MAKE) --silent -C tests/c coverage PYTHON=$(abspath $(BIN)/python)

lint: .venv/lint.stamp ## formatting and common mistakes in Python, Cython, C and workflows, spelling
	$(BIN)/ruff check --quiet $(PYTHON_FILES)
	$(BIN)/ruff format --quiet --check $(PYTHON_FILES)
	PATH="$(abspath $(BIN)):$$PATH" cython-lint omfiles
	$(BIN)/clang-format --dry-run --Werror $(C_FILES)
	$(BIN)/python tools/bindings.py --check
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --quiet --offline .github
	$(BIN)/codespell

types: build .venv/lint.stamp .venv/test.stamp ## type annotations, and stubs against the compiled modules
	$(call check-types,$(BIN)/python)

fmt: .venv/lint.stamp ## format Python and C
	$(BIN)/ruff check --quiet --fix $(PYTHON_FILES)
	$(BIN)/ruff format --quiet $(PYTHON_FILES)
	$(BIN)/clang-format -i $(C_FILES)

pins: .venv/pins.stamp ## write down which versions of all packages are the newest today: tools/constraints*.txt
	$(BIN)/uv pip compile $(PIN) --group dev --group grib --group peer --group pins --group release --group wheel \
		--no-emit-package omfiles --output-file $(PINS)
	$(BIN)/uv pip compile $(PIN) --group oldest --output-file $(OLDEST_PINS)

bench: build .venv/test.stamp .venv/bench.stamp $(PEER)/ready ## compare speed with the peer and other stores, 20 minutes; writes docs/performance.md
	$(BIN)/python benchmarks/run.py --peer $(PEER)/bin/python --folder build \
		--json build/benchmarks.json --markdown docs/performance.md

bench-remote: build .venv/test.stamp $(PEER)/ready ## the same from a slow store, some ten minutes
	$(BIN)/python benchmarks/remote.py --peer $(PEER)/bin/python --markdown docs/performance.md

bench-quick: build .venv/test.stamp .venv/bench.stamp $(PEER)/ready ## the same on small data, to see that it runs
	$(BIN)/python benchmarks/run.py --peer $(PEER)/bin/python --folder build --quick

clean: ## remove what was built, and the environments
	rm -rf .venv .cache build dist *.egg-info omfiles/*.so omfiles/_native/*.so .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/pip.stamp:
	@tools/check-machine $(PYTHON)
	$(PYTHON) -m venv .venv
	$(BIN)/python $(PIP) --upgrade pip
	@touch $@

.venv/%.stamp: pyproject.toml $(PINS) .venv/pip.stamp
	$(BIN)/python $(PIP) --group $*
	@touch $@

.venv/editable.stamp: pyproject.toml setup.py .venv/build.stamp
	$(BIN)/python setup.py --quiet build_ext --inplace
	OMFILES_PREBUILT=1 $(BIN)/python $(PIP) --no-build-isolation --editable .
	@touch $@

# The archives state the time of the commit, so that they can be made again, byte for byte.
$(DIST)/ready: $(WHEEL_FILES) .venv/build.stamp
	rm -rf $(DIST)
	mkdir -p $(DIST)
	umask 022 && SOURCE_DATE_EPOCH="$$(git log -1 --format=%ct 2>/dev/null || date +%s)" \
		$(BIN)/python -m build --no-isolation --outdir $(DIST) >$(DIST)/log 2>&1 || { cat $(DIST)/log; exit 1; }
	@touch $@

$(PEER)/ready: pyproject.toml $(PINS) | .venv/pip.stamp
	$(PYTHON) -m venv --clear --without-pip $(PEER)
	$(BIN)/python -m pip --python $(PEER)/bin/python $(INSTALL) --constraint $(PINS) --group peer
	@touch $@

$(OLDEST)/ready: pyproject.toml $(OLDEST_PINS) | .venv/editable.stamp
	$(call environment,$(@D),--constraint $(OLDEST_PINS) --group oldest)
	@touch $@

$(GRIB)/ready: pyproject.toml $(PINS) | .venv/editable.stamp
	$(call environment,$(@D),--constraint $(PINS) --group grib)
	@touch $@

# $(1): its folder, $(2): what to install. The editable package is that of .venv, as it is: pip would compile all anew.
define environment
	$(PYTHON) -m venv --clear --without-pip $(1)
	$(BIN)/python -m pip --python $(1)/bin/python $(INSTALL) $(2)
	cp -r .venv/lib/python*/site-packages/*omfiles* $(1)/lib/python*/site-packages
endef

# $(1): the Python that has mypy, and checks for its own version.
define check-types
	$(CLEAN) $(1) -m mypy && $(CLEAN) $(1) -m mypy.stubtest --mypy-config-file pyproject.toml \
		$(subst /,.,$(patsubst %.pyi,%,$(wildcard omfiles/*.pyi omfiles/*/*.pyi)))
endef
