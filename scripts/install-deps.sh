#!/usr/bin/env bash
# Installs what building and testing need on Debian 12. Silent and quick when nothing is missing.
set -euo pipefail

packages=(
    # Building: GCC 12 by default; Clang 19 for the sanitizers, the fuzzers and lint.
    g++-12 clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev llvm-19 cmake ninja-build ccache make git
    pkg-config libboost1.81-dev libboost-json1.81-dev librocksdb-dev prometheus-cpp-dev libspdlog-dev
    libfmt-dev libjemalloc-dev libcli11-dev libxxhash-dev libpq-dev zlib1g-dev
    # Testing and measuring.
    libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev
    postgresql-15 postgresql-contrib redis-server wrk jq curl python3 python3-yaml
)

installed=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
    grep -qx "$package installed" <<<"$installed" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    exit 0
fi

as_root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null || {
        echo "install-deps: missing ${missing[*]}; run this as root, or install sudo" >&2
        exit 1
    }
    as_root=(sudo)
fi

# The tests start servers of their own: no cluster is created and no service started by installing the packages.
if ! [[ -e /etc/postgresql-common/createcluster.conf ]]; then
    "${as_root[@]}" mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
policy=/usr/sbin/policy-rc.d
if ! [[ -e $policy ]]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi

echo "install-deps: installing ${missing[*]}"
log=$(mktemp)
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold "$@" >>"$log" 2>&1 </dev/null || {
        cat "$log" >&2
        echo "install-deps: apt-get $1 failed; the output above says why" >&2
        exit 1
    }
}
apt update
apt install --no-install-recommends "${missing[@]}"
rm -f "$log"
