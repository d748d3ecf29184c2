#!/bin/bash
# Installs what is missing, builds, and runs every test. Arguments go to ctest: ./test.sh -R storage
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
scripts/install-packages run build test
cmake --preset dev > /dev/null
cmake --build --preset dev -j "$(nproc)"
exec ctest --test-dir build/dev --output-on-failure "$@"
