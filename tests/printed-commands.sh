#!/bin/sh
# Runs every command that our documents print, unchanged, against a server that was just started, and prints for each:
# PASS, FAIL, or SKIPPED with the reason. Ends with 1 when one failed.
#
#   sh tests/printed-commands.sh
#
# HTTP_PORT, METRICS_PORT and GRPC_PORT stand in for the printed ports where those are taken. Without DATABASE_URL the server has
# its own database in a folder that is removed at the end. A command's output is shown when it fails.
cd "$(dirname "$0")/.." || exit 1
: "${HTTP_PORT:=3003}" "${METRICS_PORT:=9057}" "${GRPC_PORT:=50057}"
export HTTP_PORT METRICS_PORT GRPC_PORT
export GRPC_HOST=127.0.0.1 LOG_LEVEL=warn
PATH="$PWD/.cache/tools/bin:$PWD/node_modules/.bin:/usr/local/go/bin:$PATH"
work=$(mktemp -d)
chmod 755 "$work"
export DATA_DIR="$work/data"
failed=0

# ours TEXT: the printed command with the ports of this run
ours() { printf '%s' "$1" | sed "s/:3003/:$HTTP_PORT/g; s/:9057/:$METRICS_PORT/g; s/:50057/:$GRPC_PORT/g"; }

# wait_for PATTERN: until the current command has printed it, 10 seconds at most
wait_for() { for _ in $(seq 1 100); do grep -qE -- "$1" "$work/out" && return; sleep 0.1; done; }

# try PROGRAM PATTERN COMMAND [INPUT]: passes when the command ends with 0 and its output matches the pattern (grep -E)
try() {
  command -v "$1" >/dev/null || { skip "$3" "there is no $1 here (sh scripts/test-tools.sh $1)"; return; }
  if [ -n "$4" ]; then
    # A person types after the greeting, and disconnects after the reply.
    : >"$work/out"
    { wait_for 'system:connected'; printf '%s\n' "$4" | sed 's/  */ /g' | while IFS= read -r line; do echo "$line"; sleep 0.3; done
      wait_for "$2"; } |
      timeout 20 sh -c "$(ours "$3")" >"$work/out" 2>&1
  else
    timeout 120 sh -c "$(ours "$3")" >"$work/out" 2>&1 </dev/null
  fi
  code=$?
  shown=$(printf '%s' "$3" | sed "s/$token/TOKEN/")
  if [ "$code" = 0 ] && grep -qE -- "$2" "$work/out"; then
    echo "PASS     $shown"
  else
    failed=1
    echo "FAIL     $shown"
    echo "         (ended with $code; wanted: $2)"
    sed 's/^/         | /' "$work/out" | cut -c1-300 | head -20
  fi
}

skip() { echo "SKIPPED  $1: $2"; }

start() {
  sh scripts/usher.sh src/main.ts >"$work/log" 2>&1 &
  server=$!
  for _ in $(seq 1 3000); do
    curl -fs "http://localhost:$HTTP_PORT/ready" >/dev/null && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/log"
  echo "FAIL     the server did not start"
  exit 1
}

stop() {
  [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
  server=""
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

token="none-yet"
start
token=$(curl -s "http://localhost:$HTTP_PORT/api/v1/auth/register" -H 'content-type: application/json' \
  -d '{"email":"printed@example.org","username":"printed","password":"correct horse"}' |
  sed 's/.*"access_token":"\([^"]*\)".*/\1/')

try wscat '"type":"room:joined".*"event:123"' \
  "wscat -c \"ws://localhost:3003/ws?token=$token\"" \
  '{"type":"system:ping"}
{"type":"room:join","payload":{"room":"event:123"}}'
try websocat '"type":"system:pong"' \
  "websocat -H=\"Authorization: Bearer $token\" ws://localhost:3003/v1/ws/" '{"type":"system:ping"}'
try curl '"status":"healthy"' 'curl http://localhost:3003/health'
try curl '"status":"ready"' 'curl http://localhost:3003/ready'
try curl 'realtime_grpc_requests_total' 'curl http://localhost:9057/metrics'
try curl '"status":"success"' 'curl -s http://localhost:3003/register -H "content-type: application/json" -d "{\"username\":\"first\",\"email\":\"first@example.org\",\"password\":\"correct horse\"}"'
try curl '"status":"success"' "curl -s http://localhost:3003/channel -H 'Authorization: Bearer $token'"
try curl '"status":"success"' "curl -s http://localhost:3003/user/channel -H 'Authorization: Bearer $token'"
try curl 'have no UUIDs here' "curl -s 'http://localhost:3003/message?channel_id=0f8fad5b-d9cb-469f-a165-70867728950e' -H 'Authorization: Bearer $token'"
try grpcurl '^realtime.RealtimeService$' 'grpcurl -plaintext localhost:50057 list'
try grpcurl '"status": "SERVING"' 'grpcurl -plaintext localhost:50057 grpc.health.v1.Health/Check'
try grpcurl '"uptimeSeconds"' 'grpcurl -plaintext localhost:50057 realtime.RealtimeService/GetConnectionStats'
try grpcurl '"stored": true' "grpcurl -plaintext -d '{\"user_id\":\"user-uuid\",\"booking_id\":\"booking-uuid\",\"success\":true,\"message\":\"Booking confirmed\"}' localhost:50057 realtime.RealtimeService/NotifyBookingResult"

try npm 'applied' 'npm run migrate -- status'
try npm 'up to date' 'npm run migrate -- up'
# In a copy: the files that these create would be seen by other tests of the same checkout.
mkdir "$work/copy"
cp -R package.json package-lock.json scripts src sdk protocol tests db "$work/copy"
ln -s "$PWD/node_modules" "$work/copy/node_modules"
try npm 'db/migrations/' "cd '$work/copy' && npm run migrate -- create printed_command"
try npm 'db/seeds/' "cd '$work/copy' && npm run seed -- create printed_command"
try npm '' 'npm run seed -- up'
try npm '' 'npm run seed -- status'
try npm '50 people' 'npm run seed -- demo'
stop
try npm 'undone' 'npm run migrate -- down 1'
try npm 'applied' 'npm run migrate -- up'

for target in help test coverage run migrate-up migrate-down migrate-status migrate-create run-migrate seed build lint clean; do
  try make 'npm' "make -n $target"
done
for target in clean-test install-goose docker-run docker-run-dependency; do
  try make 'npm' "make $target"
done

skip "nats sub 'message.*'" "NATS carries wake-ups, not messages; webhooks and GET /api/v1/changes have these (docs/server-api.md)"
skip "k6 run k6/loadtest.js" "the load test comes with a later issue"
if [ "$failed" = 1 ]; then
  echo "The server's log:"
  tail -20 "$work/log" | cut -c1-300
fi
exit $failed
