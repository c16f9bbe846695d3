#!/usr/bin/env bash
# Installs what the tests need, builds, and runs every test. Ends with "N passed, N failed".
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

as_root() { if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi; }

install_packages() {
  local missing=()
  [[ -x /usr/sbin/rabbitmq-server ]] || missing+=(rabbitmq-server)
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
  command -v curl >/dev/null || missing+=(curl)
  [[ -x /usr/bin/prometheus ]] || missing+=(prometheus)
  command -v chromium >/dev/null || missing+=(chromium)
  [[ -e /usr/share/zoneinfo/Europe/Berlin ]] || missing+=(tzdata)
  [[ ${#missing[@]} -eq 0 ]] && return
  echo "Installing ${missing[*]} …"
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The npm clients of tests/Conformance, exactly as locked; their install scripts are not run, for everything they need is in the packages.
install_clients() {
  local lock=tests/Clients/package-lock.json installed=tests/Clients/node_modules/.package-lock.json
  [[ $installed -nt $lock ]] && return
  echo "Installing the npm clients of tests/Clients (about 1 GB) …"
  for _ in 1 2 3; do
    npm ci --prefix tests/Clients --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=5 >/dev/null && touch "$installed" && return
  done
  return 1
}

install_packages || { echo "The packages above could not be installed." >&2; exit 1; }
install_clients || { echo "The clients in tests/Clients/package.json could not be installed." >&2; exit 1; }
results="$(mktemp -d)"
trap 'rm -rf "$results"' EXIT

dotnet build CCGate.sln --configuration Release --nologo --verbosity quiet -clp:ErrorsOnly || { echo "0 passed, 1 failed"; exit 1; }
dotnet test CCGate.sln --configuration Release --no-build --nologo --logger "console;verbosity=minimal" --logger trx --results-directory "$results" "$@"
status=$?

count() { { grep -ho "<Counters [^>]*" "$results"/*.trx 2>/dev/null || true; } | { grep -o " $1=\"[0-9]*\"" || true; } | tr -dc '0-9\n' | awk '{ sum += $1 } END { print sum + 0 }'; }
passed="$(count passed)"
failed="$(count failed)"
# A crashed test process writes no result: that is a failure too.
[[ $status -ne 0 && $failed -eq 0 ]] && failed=1
echo "$passed passed, $failed failed"
[[ $failed -eq 0 && $passed -gt 0 ]]
