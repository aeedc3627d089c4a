# `make run` and `make test` set up all they need, on a machine with Go, Node.js and make.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

EXPORTER := exporter/amplitudeexporter
BENCH := $(EXPORTER)/internal/bench
CORE_WASM := $(EXPORTER)/internal/guest/core.wasm
COMPONENT := build/core.component.wasm
HOSTILE := build/hostile.core.wasm
COLLECTOR := dist/flagsmith-otel-collector
NODE_MODULES := node_modules/.package-lock.json
TSX := node --import tsx

# renovate: datasource=go depName=github.com/golangci/golangci-lint/v2
GOLANGCI_LINT_VERSION := v2.12.0
# renovate: datasource=go depName=github.com/ncruces/wasm2go
WASM2GO_VERSION := v0.4.20
TOOLS := $(CURDIR)/build/tools
# Says what it does, and every 20 s that it still does it; shows its output where it fails.
STEP := @scripts/step.sh
# One shared by several checkouts tells each of the others' files.
export GOLANGCI_LINT_CACHE := $(CURDIR)/build/golangci-lint

CORE_SOURCES := $(shell find exporter/core wit -name 'dist*' -prune -o -type f \( -name '*.ts' ! -name '*.test.ts' -o -name '*.wit' \) -print)
# The npm package, which `npm ci` emits too: what the command amplitude-core runs.
PACKAGE := exporter/core/dist/.emitted
PACKAGE_SOURCES := $(CORE_SOURCES) $(CORE_WASM) $(shell find exporter/core/cli/template -type f) exporter/core/package.json scripts/core/package.ts
# The pages that the local Amplitude serves.
WEB := dist/web/.built
WEB_SOURCES := $(CORE_WASM) $(shell find web exporter/core/testing exporter/core/cli/preview exporter/testdata -type f ! -name '*.test.ts')
GO_SOURCES := $(shell find $(EXPORTER) -name '*.go' ! -name '*_test.go' ! -path '$(BENCH)/*') $(EXPORTER)/go.mod $(CORE_WASM)

.PHONY: help run test bench lint core package collector web generate fresh manifest image release check-tools

help:
	@echo 'make run        a local Amplitude, the collector, and a few events from an OpenTelemetry SDK;'
	@echo '                CONFIG=my.yaml runs a config of your own, DATA=captured.jsonl sends the records of a file'
	@echo 'make test       everything that proves the project right'
	@echo 'make core       the TypeScript of exporter/core, as core.wasm in the Go module'
	@echo 'make package    the npm package of exporter/core, at exporter/core/dist'
	@echo 'make collector  the small collector, at $(COLLECTOR)'
	@echo 'make web        the live page and the playground, at dist/web'
	@echo 'make bench      what a record costs, beside native Go and other exporters'
	@echo 'make lint       types, linters and formats'
	@echo 'make generate   all that is generated, anew'
	@echo 'make fresh      whether all that is generated is up to date'
	@echo 'make manifest   builds and starts what is shipped, as far as the module proxy has it'
	@echo 'make image      builds the image, and runs it as its user does'
	@echo 'make release    a dry run of a release, and the checks of what only runs on the forge'

run: $(COLLECTOR) $(NODE_MODULES) $(WEB)
	@$(TSX) scripts/run/main.ts

test: $(COLLECTOR) $(COMPONENT) $(PACKAGE) $(WEB) $(TOOLS)/gotestsum $(TOOLS)/promrules
	@PATH="$(TOOLS):$$PATH" scripts/test/all.sh

bench: $(COLLECTOR)
	$(STEP) 'Building the benchmark, up to 2 minutes at the first time' go build -C $(BENCH) -o $(CURDIR)/build/bench .
	$(STEP) -v 'Measuring, about 5 minutes' sh -c 'cd $(BENCH) && $(CURDIR)/build/bench $(BENCH_FLAGS)'

core: $(NODE_MODULES) $(TOOLS)/wasm2go
	$(STEP) -v 'Building core.wasm, a minute' $(TSX) scripts/core/main.ts

package: $(PACKAGE)

collector: $(COLLECTOR)

web: $(WEB)

lint: $(NODE_MODULES) $(TOOLS)/golangci-lint
	$(STEP) 'Types' sh -c 'for project in exporter/core . web; do npx tsc -p $$project/tsconfig.json || exit 1; done'
	$(STEP) 'Linters and formats of TypeScript' npx biome check --error-on-warnings
	@# With the outline of the generated engine: the whole of it takes minutes.
	$(STEP) 'Linters and formats of Go, 2 to 4 minutes at the first time' sh -c 'lint="$(TOOLS)/golangci-lint run --allow-parallel-runners --config $(CURDIR)/$(EXPORTER)/.golangci.yml"; \
		(cd $(EXPORTER) && $$lint --build-tags outline ./...) && (cd $(BENCH) && $$lint --build-tags outline ./...) && \
		(cd tools && $$lint ./...) && (cd tools/promrules && $$lint ./...)'

generate: $(NODE_MODULES) $(TOOLS)/mdatagen $(TOOLS)/builder $(TOOLS)/wasm2go
	@rm -rf exporter/core/generated
	@npx jco guest-types wit --world-name core --out-dir exporter/core/generated --quiet
	@cd $(EXPORTER) && PATH="$(TOOLS):$$PATH" go generate ./...
	@# What the exporter requires, the bench requires too.
	@cd $(BENCH) && go mod tidy
	@$(TSX) scripts/core/main.ts --check || $(TSX) scripts/core/main.ts
	@$(TSX) scripts/core/bindings.ts
	@$(MAKE) --no-print-directory $(COMPONENT)
	@$(TSX) scripts/notices/main.ts

fresh: $(NODE_MODULES) $(TOOLS)/mdatagen $(TOOLS)/builder $(TOOLS)/wasm2go $(COMPONENT)
	$(STEP) -v 'Generating all anew beside what is there, about 2 minutes' env PATH="$(TOOLS):$$PATH" scripts/fresh.sh

manifest: $(NODE_MODULES) $(TOOLS)/builder
	$(STEP) -v 'Building what is shipped, 5 minutes at the first time' $(TSX) scripts/check-manifest.ts $(MANIFEST_FLAGS)

image: $(NODE_MODULES)
	$(STEP) -v 'Building the image for two platforms, some minutes' scripts/image-test.sh

release: $(NODE_MODULES) $(COMPONENT) $(PACKAGE)
	$(STEP) -v 'A dry run of a release for four platforms, some minutes' scripts/release/check.sh

check-tools:
	@scripts/check-tools.sh

$(NODE_MODULES): package.json package-lock.json exporter/core/package.json exporter/core/create/package.json | check-tools
	$(STEP) 'Installing npm packages, half a minute' npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(PACKAGE): $(PACKAGE_SOURCES) | $(NODE_MODULES)
	$(STEP) 'Building the npm package' $(TSX) scripts/core/package.ts

$(WEB): $(WEB_SOURCES) package-lock.json | $(NODE_MODULES)
	$(STEP) 'Building the pages' sh -c 'for page in live playground; do \
		npx vite build web/$$page --config web/vite.config.ts --outDir ../../dist/web/$$page --logLevel warn || exit 1; \
	done'
	@touch $@

$(HOSTILE): $(CORE_SOURCES) scripts/core/main.ts $(CORE_WASM) package-lock.json | $(NODE_MODULES)
	$(STEP) 'Building the core that misbehaves in tests, a minute' $(TSX) scripts/core/main.ts --for-tests

# Made with the other. (make core makes it too, and that one not.)
$(COMPONENT): $(HOSTILE)
	@touch $@

$(COLLECTOR): builder-config.small.yaml $(GO_SOURCES) | $(TOOLS)/builder
	@mkdir -p dist
	$(STEP) 'Building the collector, up to 4 minutes and 2.5 GB of memory at the first time' \
		env CGO_ENABLED=0 $(TOOLS)/builder --config $<
	@# Moved into place, since one that runs cannot be written to.
	@cp build/collector/flagsmith-otel-collector $@.new && mv $@.new $@

$(TOOLS)/builder $(TOOLS)/mdatagen $(TOOLS)/gotestsum: tools/go.mod tools/go.sum | check-tools
	@mkdir -p $(TOOLS)
	$(STEP) 'Building tools of Go, a minute at the first time' go build -C tools -o $(TOOLS)/ tool
	@touch $(TOOLS)/builder $(TOOLS)/mdatagen $(TOOLS)/gotestsum

# A module of its own: what Prometheus requires would change the versions of the other tools.
$(TOOLS)/promrules: $(wildcard tools/promrules/*) | check-tools
	@mkdir -p $(TOOLS)
	$(STEP) 'Building the tool that tests Prometheus rules, a minute at the first time' go build -C tools/promrules -o $@ .

$(TOOLS)/golangci-lint: Makefile | check-tools
	$(STEP) 'Building golangci-lint, 2 minutes at the first time' env GOBIN=$(TOOLS) go install \
		github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@touch $@

# It needs Go 1.26, which the go command fetches where it is not there.
$(TOOLS)/wasm2go: Makefile | check-tools
	$(STEP) 'Building wasm2go' env GOBIN=$(TOOLS) go install github.com/ncruces/wasm2go@$(WASM2GO_VERSION)
	@touch $@
