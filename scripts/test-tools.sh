#!/bin/sh
# Installs the real servers and clients that some tests need and that npm does not bring: Redis, NATS, nginx, promtool, grpcurl …
# Into .cache/tools/bin, or by apt-get where Debian has them. Run again, it installs only what is missing. Arguments choose:
#   scripts/test-tools.sh redis nats        Without arguments: everything that CI needs.
set -eu
cd "$(dirname "$0")/.."
tools="$PWD/.cache/tools"
mkdir -p "$tools/bin"
PATH="$tools/bin:$PATH"
export GOBIN="$tools/bin"

has() { command -v "$1" >/dev/null 2>&1; }

# debian PROGRAM PACKAGE…
debian() {
  program="$1"; shift
  has "$program" && return
  has apt-get || { echo "Install $program, and run this again." >&2; exit 1; }
  as_root=""
  [ "$(id -u)" = 0 ] || as_root=sudo
  [ -e "$tools/apt-updated" ] || { $as_root apt-get update -q; touch "$tools/apt-updated"; }
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -q -y --no-install-recommends "$@"
}

# go_tool PROGRAM MODULE@VERSION
go_tool() {
  has "$1" && return
  has go || { echo "Install Go, which builds $1, and run this again." >&2; exit 1; }
  go install "$2"
}

install_tool() {
  case "$1" in
    chromium) [ -n "${CHROMIUM:-}" ] || debian chromium chromium fonts-liberation ;;
    redis) debian redis-server redis-server ;;
    nats) go_tool nats-server github.com/nats-io/nats-server/v2@v2.15.2 ;;
    nginx) debian nginx nginx-light ;;
    promtool) debian promtool prometheus ;;
    grpcurl) go_tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3 ;;
    protoc-gen-go) go_tool protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.10
      go_tool protoc-gen-go-grpc google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.0 ;;
    python-grpc) [ -x "$tools/python/bin/python" ] || python3 -m venv "$tools/python"
      "$tools/python/bin/pip" install --quiet --disable-pip-version-check grpcio==1.76.0 grpcio-tools==1.76.0
      printf '#!/bin/sh\nexec "%s/python/bin/python" "$@"\n' "$tools" >"$tools/bin/python-grpc"
      chmod +x "$tools/bin/python-grpc" ;;
    buf) go_tool buf github.com/bufbuild/buf/cmd/buf@v1.59.0 ;;
    spectral) [ -x "$tools/bin/spectral" ] || {
      npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tools/spectral" @stoplight/spectral-cli@6.16.3
      printf '#!/bin/sh\nexec node "%s/spectral/node_modules/@stoplight/spectral-cli/dist/index.js" "$@"\n' "$tools" >"$tools/bin/spectral"
      chmod +x "$tools/bin/spectral"
    } ;;
    openapi-go) go_tool oapi-codegen github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2
      # What generated code imports, so that a test can build it without the network.
      [ -e "$tools/openapi-go/go.sum" ] || {
        mkdir -p "$tools/openapi-go"
        cd "$tools/openapi-go"
        printf 'module example.org/usher\n\ngo 1.24\n\nrequire github.com/oapi-codegen/runtime v1.8.0\n' >go.mod
        printf 'package usher\n\nimport _ "github.com/oapi-codegen/runtime"\nimport _ "github.com/oapi-codegen/runtime/types"\n' >usher.go
        go mod tidy
        go build ./...
        cd - >/dev/null
      } ;;
    openapi-python) [ -x "$tools/openapi-python/bin/python" ] || python3 -m venv "$tools/openapi-python"
      "$tools/openapi-python/bin/pip" install --quiet --disable-pip-version-check openapi-python-client==0.29.1
      printf '#!/bin/sh\nexec "%s/openapi-python/bin/python" "$@"\n' "$tools" >"$tools/bin/openapi-python"
      chmod +x "$tools/bin/openapi-python" ;;
    # For `npm run bench -- peers` only. It takes minutes to build.
    centrifugo) go_tool centrifugo github.com/centrifugal/centrifugo/v6@v6.9.1 ;;
    websocat) has websocat || cargo install --quiet --locked --root "$tools" websocat@1.14.1 ;;
    *) echo "$1 is not a tool that this script knows." >&2; exit 1 ;;
  esac
}

[ $# -gt 0 ] || set -- chromium redis nats nginx promtool grpcurl protoc-gen-go buf python-grpc spectral openapi-go openapi-python websocat
for tool in "$@"; do install_tool "$tool"; done
