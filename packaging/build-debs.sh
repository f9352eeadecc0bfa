#!/usr/bin/env bash
# Builds the Debian packages into DIRECTORY (default build/debs): vservices, vservices-guest, libvservice-dev.
#
#   packaging/build-debs.sh [DIRECTORY]
#
# The tree is copied beside the packages first, and what was compiled there is kept: a second run builds what changed.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in -h | --help) sed -n '2,/^set /p' "$0" | sed -e '/^set /d' -e 's/^# \{0,1\}//'; exit 0 ;; esac
out=${1-build/debs}
mkdir -p "$out/source"
out=$(cd "$out" && pwd)

# Only what is newer, so that what was compiled before still counts; and nothing that is gone.
git ls-files -co --exclude-standard >"$out/files"
(cd "$out/source" && find . -path ./build -prune -o -path ./debian -prune -o -type f -printf '%P\n') |
  grep -vxFf "$out/files" | (cd "$out/source" && xargs -r -d '\n' rm -f) || true
xargs -d '\n' cp -pu --parents -t "$out/source" <"$out/files"
rm -rf "$out/source/debian"
cp -a packaging/debian "$out/source/debian"
rm -f "$out"/*.deb "$out"/*.changes "$out"/*.buildinfo

cd "$out/source"
DEB_BUILD_OPTIONS="parallel=$(nproc) nocheck ${DEB_BUILD_OPTIONS-}" \
  dpkg-buildpackage --build=binary --no-sign --no-pre-clean >"$out/build.log" 2>&1 || { tail -n 40 "$out/build.log" >&2; exit 1; }
ls "$out"/*.deb
