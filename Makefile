# Two commands for a fresh clone: `make example` and `make test`. The first run creates the virtual
# environment .venv, which downloads torch (about 3 GB with its CUDA libraries). `make docs` builds
# the documentation site into output/site.

PYTHON ?= $(shell for candidate in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$candidate; break; fi; done)
VENV ?= .venv
RUN := $(VENV)/bin/python

.PHONY: docs example test
.DELETE_ON_ERROR:

example: $(VENV)/installed
	$(RUN) -m examples.unmask_photo

test: $(VENV)/installed-for-test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2

docs: $(VENV)/installed-for-docs
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet
	@echo "The site is output/site: look at it by '$(RUN) -m http.server --directory output/site'."

# Debian's Python may lack ensurepip; then its own pip installs into the environment.
$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "unmask needs Python 3.11 or newer: install it, or say where it is with" \
		"'make PYTHON=/path/to/python3.11 ...'." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(RUN) install pip; }
	touch $@

$(VENV)/installed: pyproject.toml Makefile | $(VENV)/made
	$(RUN) -m pip install --editable .
	$(headless-if-needed)
	touch $@

$(VENV)/installed-for-test: pyproject.toml Makefile | $(VENV)/made
	$(RUN) -m pip install --editable ".[test]"
	$(headless-if-needed)
	touch $(VENV)/installed $@

$(VENV)/installed-for-docs: pyproject.toml Makefile | $(VENV)/made
	$(RUN) -m pip install --editable ".[docs]"
	$(headless-if-needed)
	touch $@

# opencv-python can open windows and so needs libGL and GLib, which servers and containers often lack;
# the headless build needs neither and has the same functions otherwise.
define headless-if-needed
@$(RUN) -c 'import cv2' 2>/dev/null || { \
	echo "OpenCV finds no libGL or GLib here: taking its build without windows." && \
	$(RUN) -m pip install --force-reinstall --no-deps opencv-python-headless==$$($(RUN) -c \
		'from importlib.metadata import version; print(version("opencv-python"))'); }
endef
