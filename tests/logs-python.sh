#!/bin/sh
# Installs what the applications of tests/logs/apps run on (SQLAlchemy, Django, the drivers) into a cache outside the
# source tree, and prints the path of a Python that has it.
#
#   tests/logs-python.sh
#
# The packages come from PyPI at the versions and checksums of tests/logs/apps/requirements.txt. What is in the cache
# already is not fetched again. Needs Python 3.10 to 3.14 with pip, or with venv and ensurepip (Debian: python3-venv);
# PYTHON names another one than python3.
#
# The cache is $PGASSAY_PYTHON, or ${XDG_CACHE_HOME:-~/.cache}/pgassay/python, or for root /var/cache/pgassay/python.
set -eu
umask 022

die() {
    echo "logs-python.sh: $*" >&2
    exit 1
}

requirements=$(cd "$(dirname "$0")" && pwd -P)/logs/apps/requirements.txt
python=${PYTHON:-python3}
if [ -n "${PGASSAY_PYTHON:-}" ]; then
    cache=$PGASSAY_PYTHON
elif [ "$(id -u)" -eq 0 ]; then
    cache=/var/cache/pgassay/python
else
    cache=${XDG_CACHE_HOME:-${HOME:?logs-python.sh: set HOME or PGASSAY_PYTHON}/.cache}/pgassay/python
fi

command -v "$python" >/dev/null || die "$python is not installed (Debian: apt-get install python3-venv)"
# the program itself: a shim of a version manager answers otherwise in another directory
found=$("$python" -c 'import sys; print("%d.%d %s" % (sys.version_info[0], sys.version_info[1], sys.executable))') ||
    die "$python does not run"
version=${found%% *} python=${found#* }
case $version in
3.1[0-4]) ;;
*) die "$python is Python $version; the pinned packages are for 3.10 to 3.14 (name another one with PYTHON)" ;;
esac

home=$cache/$version
stamp="$python $(cksum <"$requirements")"
if [ "$(cat "$home/.stamp" 2>/dev/null)" = "$stamp" ] && "$home/bin/python" -c 'pass' 2>/dev/null; then
    echo "$home/bin/python"
    exit 0
fi

mkdir -p "$cache" || die "cannot write to $cache; set PGASSAY_PYTHON to a directory that is yours"
cache=$(cd "$cache" && pwd -P)
home=$cache/$version
work=$(mktemp -d "$cache/.install.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

pip_options="--quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: --require-hashes"
# With pip or without it, the packages go to a directory of their own and a small program puts them in the path: it is
# the same everywhere, and unlike a virtual environment it can be moved to its place when it is complete.
if "$python" -m pip --version >/dev/null 2>&1; then
    pip=$python
elif "$python" -m venv "$work/venv" >"$work/venv.log" 2>&1; then
    pip=$work/venv/bin/python
else
    die "$python has neither pip nor ensurepip (Debian: apt-get install python3-venv): $(tail -n 1 "$work/venv.log")"
fi
mkdir -p "$work/home/bin"
# shellcheck disable=SC2086 # options are words
PIP_ROOT_USER_ACTION=ignore "$pip" -m pip install $pip_options --target "$work/home/packages" -r "$requirements" >&2 ||
    die "pip cannot install the packages of $requirements"
cat >"$work/home/bin/python" <<EOF
#!/bin/sh
PYTHONPATH=$home/packages PYTHONNOUSERSITE=1 exec "$python" "\$@"
EOF
chmod 755 "$work/home/bin/python"
PYTHONPATH=$work/home/packages PYTHONNOUSERSITE=1 "$python" -c 'import django, psycopg, psycopg2, sqlalchemy' ||
    die "the installed packages do not load"
echo "$stamp" >"$work/home/.stamp"
chmod -R a+rX "$work/home"
rm -rf "$home"
mv "$work/home" "$home"
echo "$home/bin/python"
