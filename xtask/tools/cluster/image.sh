#!/usr/bin/env bash
# image.sh NAME:TAG PROGRAM ARCHIVE: an image of one static program and nothing else, as an archive of `docker save`.
#
# An image is a tar of files, a description of it, and a list of both; that takes no builder and no base image. The same
# program gives the same bytes, so that an image that did not change keeps its digest.
set -euo pipefail
name=$1 program=$2 archive=$3

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
same=(--sort=name --mtime=@946684800 --owner=0 --group=0 --numeric-owner --format=ustar)

file=$(basename "$program")
tar "${same[@]}" --mode=0755 -cf "$folder/layer.tar" -C "$(dirname "$program")" "$file"
layer=$(sha256sum "$folder/layer.tar" | cut -d ' ' -f 1)
case $(uname -m) in
    x86_64) architecture=amd64 ;;
    aarch64) architecture=arm64 ;;
    *) echo "no name for the architecture of $(uname -m)" >&2; exit 1 ;;
esac
cat >"$folder/config.json" <<JSON
{"os": "linux", "architecture": "$architecture", "created": "2000-01-01T00:00:00Z",
 "config": {"Entrypoint": ["/$file"], "User": "10001:10001"},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]}}
JSON
echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"$name\"], \"Layers\": [\"layer.tar\"]}]" >"$folder/manifest.json"
tar "${same[@]}" -cf "$archive" -C "$folder" manifest.json config.json layer.tar
