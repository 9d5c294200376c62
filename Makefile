# Needs Python 3.11 or later, make and a shell. `make` alone lists the targets.

VENV := .venv/bin
UV ?= uv
# How many processes run tests, each with its own Kafka and PostgreSQL: one more than there are processors, because
# they wait more than they compute, and at most four. With a given Kafka, pytest's own process runs them (0).
WORKERS ?= $(if $(TREADLE_KAFKA),0,$(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 4 ? n + 1 : 4))))

.PHONY: help setup demo test check chaos bench lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## Create .venv from the locked requirements, with treadle in it
	@$(VENV)/python -I scripts/setup.py --is-done 2>/dev/null || sh scripts/python scripts/setup.py

demo: setup ## Watch a co-op's lapsed polls close, through Kafka (KEEP=1 leaves it running)
	@$(VENV)/treadle demo

test: setup ## Run all tests, on a real Kafka and a real PostgreSQL
	@$(VENV)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: setup ## Format, lint, types and unit tests
	@$(VENV)/ruff format --check --quiet .
	@$(VENV)/ruff check --quiet .
	@$(VENV)/mypy
	@$(VENV)/pytest -q tests/unit

# A peer that cannot be installed is named in the results, and the rest is measured anyway.
bench: setup ## Measure beside Sidekiq, Celery, Dramatiq and a bare loop (QUICK=1: 3 minutes; ONLY=measure)
	-@$(VENV)/python -I scripts/setup.py --bench
	@$(VENV)/python -m bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

chaos: setup ## Kill, starve and cut off processes for 15 minutes; print seeds and an account of every job
	@TREADLE_CHAOS=long $(VENV)/pytest -s -v tests/chaos

lock: setup ## Lock the newest version of everything (needs uv: make lock UV=path)
	@sh scripts/lock $(UV)
	@$(VENV)/python -m treadle.dev.local.jars

clean: ## Remove .venv and the tools' caches
	@rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
