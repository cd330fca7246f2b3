# `make demo` and `make test` need the Rust toolchain and make; everything else they install (.ci/deps.sh).
#
# One cargo profile for demo, test and matrix, and that is dev: every profile compiles all dependencies anew, PostgreSQL's
# parser in pg_query among them, which takes minutes, and dev optimises the dependencies anyway. `bench` is the exception:
# its numbers are those of a release.

MAJORS ?= 14 15 16 17 18
CARGO ?= cargo
# more arguments for the program (make demo ARGS=-v) or for cargo (make test ARGS=scratch)
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test matrix lint bench deps

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: deps ## audit a throw-away PostgreSQL with planted problems
	@$(CARGO) run --locked --quiet -- demo $(ARGS)

test: deps ## every test, on the majors of PostgreSQL found here
	$(CARGO) test --locked $(ARGS)

matrix: deps ## fetch PostgreSQL 14 to 18 and run the server tests on each
	tests/servers.sh $(MAJORS)
	PGASSAY_TEST_MAJORS="$(MAJORS)" $(CARGO) test --locked --test integration $(ARGS)

lint: deps ## formatting, clippy; typos, cargo-deny and shellcheck where installed
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	@if command -v typos >/dev/null; then typos; else echo "skipped: typos is not installed (cargo install typos-cli)"; fi
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny --locked check; else echo "skipped: cargo-deny is not installed (cargo install cargo-deny)"; fi
	@if command -v shellcheck >/dev/null; then shellcheck .ci/deps.sh .ci/run tests/servers.sh tests/logs-python.sh tests/fuzz/run.sh; else echo "skipped: shellcheck is not installed"; fi

bench: deps ## time, memory and queries of an audit of a large schema, time and memory of reading logs
	$(CARGO) bench --locked $(ARGS)

deps: ## install what building and testing need and this machine lacks
	@.ci/deps.sh
