# make demo    cut out the photos in examples/      make test       the tests (about ten minutes at most)
# make check   format, lint, types, layers          make test-all   with the long ones
# make bench   timings and scores beside rembg      make docs       figures and tables, drawn anew from the code
# make web     the page that works without a server, into web/dist (needs Node 20 and npm)
#
# Each target does its own set-up: a virtual environment under .venv/, filled from hash-pinned requirements.

PYTHON ?= python3
PIP = -m pip --quiet --disable-pip-version-check --no-input
INSTALL = install --require-hashes --no-deps --only-binary=:all:

DEMO = .venv/demo/bin
TEST = .venv/test/bin
BENCH = .venv/rembg/bin
LITE = src/u2bg/saliency/weights/lite

.PHONY: demo test test-all test-bare wheel check bench docs web lite lock clean

demo: .venv/demo/.ready
	@$(DEMO)/u2bg remove examples/*.jpg -o examples/out/ --overwrite
	@ls examples/out/*.cutout.png

test: .venv/test/.ready
	$(TEST)/python -m pytest -n 2 -q -m "not slow"

test-all: .venv/test/.ready
	$(TEST)/python -m pytest -n 2 -q

# Installs the wheel into fresh environments, alone and with each extra alone: make test-bare EXTRAS="base server"
test-bare: .venv/test/.ready
	$(TEST)/python tools/bare.py $(EXTRAS)

wheel: .venv/test/.ready
	$(TEST)/python tools/wheel_check.py dist

check: .venv/test/.ready
	$(TEST)/ruff format --check .
	$(TEST)/ruff check .
	$(TEST)/mypy
	$(TEST)/lint-imports --no-cache
	$(TEST)/python tools/docs.py --check

docs: .venv/test/.ready .venv/docs/.installed
	$(TEST)/python tools/pictures.py
	$(TEST)/python tools/page_picture.py
	$(TEST)/python tools/docs.py
	NO_MKDOCS_2_WARNING=1 .venv/docs/bin/mkdocs build
	@echo dist/site/index.html

web: web/dist/service-worker.js

# The build writes this file last.
web/dist/service-worker.js: web/node_modules/.installed web/build.mjs web/tsconfig.json $(shell find web/src web/page src/u2bg/server/page -type f) $(wildcard $(LITE)*.onnx)
	@cd web && node build.mjs

web/node_modules/.installed: web/package-lock.json web/package.json
	@echo "setting up web/node_modules (once)"
	@cd web && npm ci --silent --ignore-scripts
	@touch $@

# DATA holds the scored sets, which do not ship: without them the last step says so and fails.
DATA ?= ../shared/data/eval
bench: .venv/demo/.ready .venv/test/.ready .venv/rembg/.installed
	$(TEST)/python benchmarks/graphs.py --json benchmarks/out/graphs.json
	$(TEST)/python benchmarks/speed.py --u2bg $(DEMO) --rembg $(BENCH) --openvino $(TEST) --json benchmarks/out/speed.json
	$(TEST)/python benchmarks/growth.py --u2bg $(DEMO)/u2bg --json benchmarks/out/growth.json
	$(TEST)/python benchmarks/precision.py $(DATA)/pascals $(DATA)/davis $(DATA)/alpha --json benchmarks/out/precision.json
	$(TEST)/python benchmarks/edges.py --megapixels 1 4 12 --json benchmarks/out/edges.json --sheet benchmarks/out/edges
	$(DEMO)/python benchmarks/folder.py rembg cores memory listing --u2bg $(DEMO)/u2bg --rembg $(BENCH)/rembg --json benchmarks/out/folder.json
	$(DEMO)/python benchmarks/folder.py rembg cores --megapixels 12 --u2bg $(DEMO)/u2bg --rembg $(BENCH)/rembg --json benchmarks/out/folder.json
	$(TEST)/python benchmarks/folder.py ray --u2bg $(TEST)/u2bg --json benchmarks/out/folder.json
	$(TEST)/python benchmarks/server.py --u2bg $(TEST)/u2bg --rembg $(BENCH)/rembg --json benchmarks/out/server.json
	$(MAKE) web && $(TEST)/python benchmarks/browser.py --json benchmarks/out/browser.json
	$(TEST)/python benchmarks/install_size.py --json benchmarks/out/install_size.json
	$(TEST)/python benchmarks/scores.py $(DATA)/pascals $(DATA)/davis --json benchmarks/out/scores.json

# Installed anew when the pins change; a change of what the package is built from only renews its own entry, and compiles.
PACKAGE = pyproject.toml setup.py src/u2bg/_loops.c
.venv/demo/.ready: .venv/demo/.installed $(PACKAGE)
.venv/test/.ready: .venv/test/.installed $(PACKAGE)
.venv/%/.ready:
	@.venv/$*/bin/python $(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/demo/.installed: requirements/base.txt requirements/build.txt
.venv/test/.installed: requirements/test.txt requirements/build.txt
.venv/rembg/.installed: requirements/rembg.txt
.venv/docs/.installed: requirements/docs.txt
.venv/%/.installed:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "u2bg needs Python 3.11 or newer; fix: make PYTHON=python3.11")'
	@echo "setting up $(@D) (once)"
	@rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python $(PIP) $(INSTALL) $(addprefix -r ,$(filter requirements/%,$^))
	@touch $@

# The embedded model, made anew from the published file: in floats, whose bytes are the same on every machine and
# backend, and in 8 bits, whose ranges are taken over PICTURES.
PICTURES ?= ../shared/data/train/photos
lite: .venv/test/.ready
	$(TEST)/u2bg models pull u2netp
	@mkdir -p .cache
	$(TEST)/u2bg convert "$$($(TEST)/u2bg models path u2netp)" .cache/lite.keras --overwrite
	$(TEST)/u2bg export .cache/lite.keras $(LITE)-float.onnx --overwrite
	$(TEST)/u2bg export .cache/lite.keras $(LITE).onnx --int8 $(PICTURES) --overwrite
	$(TEST)/python tools/prepare.py $(LITE).onnx $(LITE)-prepared.onnx

# The locks carry hashes and no index address. Needs uv; run it when pyproject.toml changes.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock:
	$(LOCK) pyproject.toml -o requirements/base.txt
	$(LOCK) pyproject.toml --extra server -o requirements/server.txt
	$(LOCK) --group build -o requirements/build.txt
	$(LOCK) pyproject.toml --all-extras --group dev -o requirements/test.txt
	$(LOCK) benchmarks/rembg.in -o requirements/rembg.txt
	$(LOCK) requirements/docs.in -o requirements/docs.txt

clean:
	rm -rf .venv build src/*.egg-info src/u2bg/_loops*.so examples/out dist web/dist web/node_modules
