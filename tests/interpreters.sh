#!/bin/sh
# Prints a command for each Python named as an argument (such as 3.12) that runs on this machine: on PATH or of pyenv.
# Those that don't are named on standard error.
for version in "$@"; do
  found=""
  for candidate in "python$version" "$HOME/.pyenv/versions/$version".*/bin/python; do
    if "$candidate" -c 'import venv' 2>/dev/null; then found=$candidate; break; fi
  done
  if [ -n "$found" ]; then echo "$found"; else echo "python$version is not here: its tests are not run" >&2; fi
done
