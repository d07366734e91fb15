# Sourced by the other scripts. `use_venv GROUP` makes .venv in the checkout, installs the project with a
# dependency group of pyproject.toml, and sets $python. It repeats nothing that is up to date.

# Some images tell Python to keep no bytecode. The tests start hundreds of processes, and each would compile what it imports.
unset PYTHONDONTWRITEBYTECODE

stop() {
  echo "error: $1" >&2
  exit 69
}

# Answer --help with the comment at the top of the script, from the checkout's folder, before anything is installed.
help_asked() {
  local word
  for word in "$@"; do
    case $word in
      --help | -h)
        sed -n '2,/^set/s/^# //p' "scripts/$(basename "$0")"
        exit 0
        ;;
    esac
  done
}

find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      echo "$name"
      return
    fi
  done
  return 1
}

# What an installation depends on: pyproject.toml, the group, where the checkout is, and the Python.
digest() {
  "$python" -c 'import hashlib, pathlib, sys
of = [pathlib.Path("pyproject.toml").read_text(encoding="utf-8"), sys.argv[1], sys.argv[2], sys.version]
print(hashlib.sha256("\n".join(of).encode()).hexdigest())' "$1" "$PWD" 2>/dev/null
}

make_venv() {
  local found
  found=$(find_python) || stop "expected Python 3.11 or newer on the PATH, found none; install one from python.org or your system's packages"
  "$found" -c 'import ensurepip, venv' 2>/dev/null || stop "$found has no module venv; install it (Debian, Ubuntu: apt install python3-venv)"
  echo "making .venv with $("$found" --version)" >&2
  "$found" -m venv --clear .venv || stop "$found could not make .venv in $PWD"
}

install() {
  echo "installing sparkscale[spark,sail] and the group '$1' into .venv (once; some minutes, about 1.3 GB)" >&2
  local pip=("$python" -m pip --quiet --disable-pip-version-check install)
  # To compile all that is installed takes half a minute on two cores; what is imported, Python compiles.
  { "${pip[@]}" --upgrade 'pip>=25.1' && "${pip[@]}" --no-compile --editable '.[spark,sail]' --group quickstart; } || no_install
  engines_installed
  [ "$1" = quickstart ] || "${pip[@]}" --no-compile --group "$1" || no_install
}

no_install() {
  stop "the installation failed, pip's reason is above; is there a network? The same call goes on where it stopped"
}

# Called when both engines are installed and the rest of a group is not: a script can begin there what needs no more.
engines_installed() {
  :
}

use_venv() {
  local group=$1 wanted stamp
  python=$PWD/.venv/bin/python
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || make_venv
  wanted=$(digest "$group")
  stamp=.venv/sparkscale-$group
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  install "$group"
  echo "$wanted" >"$stamp"
}
