# Every target sets up what it needs by itself: Python 3.11 to 3.13, git and make are enough.
.DEFAULT_GOAL := help
.SUFFIXES:

PYTHON ?=
BIN := .venv/bin
READY := .venv/.ready
DEMO := build/demo
ARGS ?=

.PHONY: help
help: ## show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): pyproject.toml schemas/pyproject.toml onboarding/pyproject.toml uv.lock scripts/setup.sh
	@PYTHON="$(PYTHON)" scripts/setup.sh
	@touch $@

.PHONY: setup
setup: $(READY) ## make the environment (.venv) from the lock file

.PHONY: run
run: $(READY) ## generate a small event log, compute its segments and show them
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(BIN)/segments generate --users 2000 --days 14 --seed 7 --disorder 10m --duplicates 0.02 --malformed 0.002 \
		--out $(DEMO)/events.jsonl
	$(BIN)/segments run --rules examples/rules.yaml --events $(DEMO)/events.jsonl --changes $(DEMO)/changes.jsonl \
		--profiles sqlite:///$(DEMO)/profiles.db --dead-letters $(DEMO)/dead-letters.jsonl --summary $(DEMO)/summary.json

.PHONY: test
test: $(READY) ## run the tests (ARGS="-k name" narrows; REQUIRE_SERVICES=1 insists on every tier)
	@scripts/run_tests.sh $(ARGS)

.PHONY: test-all
test-all: $(READY) ## the same with every seed of the crash tests, not one
	@SEGMENTS_SEEDS=all scripts/run_tests.sh $(ARGS)

.PHONY: lint
lint: $(READY) ## check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: format
format: $(READY) ## rewrite the code in the project's style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: dist
dist: $(READY) ## build the wheels segment-schemas, segment-onboarding and segment-pipeline into dist/
	@rm -rf dist
	@for project in schemas onboarding .; do (cd $$project && "$(CURDIR)/$(BIN)/hatchling" build -t wheel -d "$(CURDIR)/dist") || exit 1; done

.PHONY: bench
bench: $(READY) ## measure against the peers (ARGS=--large adds 4,000,000 events)
	@scripts/setup.sh bench || echo "bench: the peers' environment could not be made; they are left out" >&2
	$(BIN)/python -m tests.bench.run $(ARGS)

.PHONY: run-live
run-live: $(READY) ## the same live: from Kafka through Flink to Kafka, on this machine (Java 17, Maven; KEEP=1 leaves it up)
	@scripts/run_live.sh

.PHONY: run-pubsub
run-pubsub: $(READY) ## the same live on Pub/Sub: an emulator and Beam's Prism runner, on this machine (Go; KEEP=1 leaves it up)
	@scripts/run_pubsub.sh

.PHONY: stack-up
stack-up: $(READY) ## start Flink, Beam's job server and Kafka on this machine; prints their addresses (Java 17, Maven)
	@$(BIN)/segments stack up $(ARGS)

.PHONY: stack-down
stack-down: $(READY) ## stop what stack-up started
	@$(BIN)/segments stack down $(ARGS)

.PHONY: stack-status
stack-status: $(READY) ## show what of the stack runs
	@$(BIN)/segments stack status $(ARGS)

.PHONY: pubsub-up
pubsub-up: $(READY) ## start an emulator of Pub/Sub on this machine; prints its address (Go)
	@$(BIN)/python -m deploy.pubsub_emulator up

.PHONY: pubsub-down
pubsub-down: $(READY) ## stop what pubsub-up started
	@$(BIN)/python -m deploy.pubsub_emulator down

.PHONY: bench-flink
bench-flink: $(READY) ## measure on the local stack against Flink's own ways (ARGS="--latency", "--growth", "--year", …)
	@scripts/setup.sh pyflink || echo "bench-flink: PyFlink could not be had; its peers are left out" >&2
	$(BIN)/python -m tests.bench.flink.run $(ARGS)

.PHONY: test-java
test-java: ## run the tests of the Java source
	mvn -q -B -f deploy/java/pom.xml test

.PHONY: prism
prism: ## build Beam's Prism runner into the user's cache (needs Go)
	@REQUIRE_SERVICES=1 scripts/build_prism.sh

.PHONY: clean
clean: ## remove everything that was made here
	rm -rf build dist .venv .tools .import_linter_cache deploy/java/target
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
