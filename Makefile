# What people and CI do here. `make test` needs nothing but Go.

# The race detector needs a C compiler; CI sees to it that there is one.
CC_THERE := $(shell command -v gcc || command -v clang || command -v cc)
RACE     := $(if $(CC_THERE),-race,)
# Reports of drills on real servers are kept here.
ARTIFACTS := $(CURDIR)/artifacts
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build test integration lint bench run

build: ## the binary, here
	go build -o aether ./cmd/aether

test: lint ## vet, staticcheck and all tests
	go test $(RACE) ./...

lint:
	go vet ./...
	go run $(STATICCHECK) ./...

integration: ## the built program and real servers (.ci/real installs them): drills that must fail, signals, exit codes
	go vet -tags integration ./cmd/aether ./internal/realworld ./monitoring
	go test -tags integration -count=1 -timeout 10m ./internal/realworld ./monitoring
	go test -tags integration -count=1 -timeout 20m -run 'Integration|Sabotage' ./cmd/aether
	mkdir -p $(ARTIFACTS)
	AETHER_ARTIFACTS=$(ARTIFACTS) go test -tags integration -count=1 -timeout 30m -parallel 8 -v -run Real ./cmd/aether

bench: ## loads of a fixed length; each runs once
	go test -run '^$$' -bench . -benchtime 1x -timeout 20m ./bridge ./drill/...

run: ## a rehearsal, nothing else needed
	go run ./cmd/aether drill run
