#!/bin/sh
# Installs what building and testing need and this machine lacks: a C compiler with the C library's headers and libclang
# (pg_query compiles PostgreSQL's parser and generates its bindings), PostgreSQL server programs with contrib, PgBouncer,
# and Python for the applications whose logs are tested (tests/logs-python.sh fetches their packages).
# The Rust toolchain and make are yours to bring. Looks for the things themselves, not for packages, and is done in no
# time when nothing is missing.
#
#   .ci/deps.sh              install what is missing
#   .ci/deps.sh --check      only say what is missing; exit code 1 when something is
#   .ci/deps.sh --dry-run    print the commands that would be run
#   … --all                  with one of the above: as if nothing were there
#
# It installs, and starts nothing: no service, and no database cluster is made.
# apt-get (Debian, Ubuntu) is tested; dnf (Fedora, RHEL) and brew (macOS) are written and UNTESTED.
# shellcheck disable=SC2086 # lists of packages, and a prefix that may be empty, are words on purpose
set -eu

die() {
    echo "deps.sh: $*" >&2
    exit 1
}

mode=install
all=
for argument in "$@"; do
    case $argument in
    --check) mode=check ;;
    --dry-run) mode=dry ;;
    --all) all=yes ;;
    *) die "$argument is not an option; there are --check, --dry-run and --all" ;;
    esac
done

# ---------------------------------------------------------------------------------------------------- what is there

exists() {
    for path in "$@"; do
        [ -e "$path" ] && return 0
    done
    return 1
}

has_compiler() { command -v cc >/dev/null; }

has_headers() { has_compiler && echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1; }

# The library that bindgen loads, and the compiler's own headers (stddef.h) that come in another package.
has_libclang() {
    if [ "$(uname -s)" = Darwin ]; then
        exists "${LIBCLANG_PATH:-/nonexistent}"/libclang.dylib \
            /Library/Developer/CommandLineTools/usr/lib/libclang.dylib \
            /Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib/libclang.dylib
        return
    fi
    exists "${LIBCLANG_PATH:-/nonexistent}"/libclang*.so* \
        /usr/lib/llvm*/lib/libclang.so* /usr/lib/llvm*/lib/libclang-*.so* /usr/lib64/libclang.so* \
        /usr/lib64/llvm*/lib*/libclang.so* /usr/lib/*-linux-gnu*/libclang-*.so* /usr/local/lib/libclang.so* &&
        exists "${LIBCLANG_PATH:-/nonexistent}"/clang/*/include/stddef.h \
            /usr/lib/llvm*/lib/clang/*/include/stddef.h /usr/lib/clang/*/include/stddef.h \
            /usr/lib64/clang/*/include/stddef.h /usr/local/lib/clang/*/include/stddef.h
}

# A server of a supported major (14 or newer) with contrib.
has_postgresql() {
    for postgres in /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres \
        /opt/homebrew/opt/postgresql@*/bin/postgres /usr/local/opt/postgresql@*/bin/postgres \
        /Applications/Postgres.app/Contents/Versions/*/bin/postgres "$(command -v postgres || true)"; do
        [ -x "$postgres" ] || continue
        major=$("$postgres" --version 2>/dev/null | sed -n 's/^postgres (PostgreSQL) \([0-9]*\).*/\1/p')
        [ "${major:-0}" -ge 14 ] || continue
        # through a link in PATH to the installation
        home=$(dirname "$(dirname "$(readlink -f "$postgres" 2>/dev/null || echo "$postgres")")")
        exists "$home"/lib/pg_stat_statements.* "$home"/lib/postgresql/pg_stat_statements.* \
            "$home"/lib64/pgsql/pg_stat_statements.* "$home"/lib/pgsql/pg_stat_statements.* && return 0
    done
    return 1
}

has_pgbouncer() { command -v pgbouncer >/dev/null || exists /usr/sbin/pgbouncer /opt/homebrew/bin/pgbouncer /usr/local/bin/pgbouncer; }

# What tests/logs-python.sh needs: 3.10 to 3.14, with pip or with what makes one.
has_python() {
    command -v python3 >/dev/null || return 1
    python3 -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null &&
        { python3 -c 'import pip' 2>/dev/null || python3 -c 'import ensurepip, venv' 2>/dev/null; }
}

missing=
for thing in compiler headers libclang postgresql pgbouncer python; do
    if [ -n "$all" ] || ! "has_$thing"; then
        missing="$missing $thing"
    fi
done
[ -n "$missing" ] || exit 0
if [ "$mode" = check ]; then
    echo "missing:$missing"
    exit 1
fi

lacks() {
    case " $missing " in
    *" $1 "*) return 0 ;;
    *) return 1 ;;
    esac
}

# ------------------------------------------------------------------------------------------------------- installing

# Runs a command, or prints it.
run() {
    if [ "$mode" = dry ]; then
        echo "$*"
    else
        echo "+ $*" >&2
        "$@"
    fi
}

# The packages of this system for what is missing: words as "thing=package package".
packages() {
    chosen=
    for pair in "$@"; do
        if lacks "${pair%%=*}"; then
            chosen="$chosen ${pair#*=}"
        fi
    done
    echo "$chosen"
}

sudo=
need_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || [ "$mode" = dry ] ||
        die "installing needs root and there is no sudo; have somebody run: $*"
    sudo=sudo
    [ "$mode" = dry ] || sudo true || die "installing needs root and sudo refused; have somebody run: $*"
}

policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/pgassay.conf
undo_policy=
undo_cluster=
undo() {
    [ -z "$undo_policy" ] || $sudo rm -f "$policy"
    [ -z "$undo_cluster" ] || $sudo rm -f "$cluster"
    undo_policy=
    undo_cluster=
}
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Debian's packages make a cluster and start services when they are installed for the first time. Two files keep them
# from it while this runs and are taken away again; a file of the same name that is there already is left as it is.
hold_services() {
    if [ "$mode" = dry ]; then
        echo "(while installing: $policy refuses to start services, $cluster makes no cluster)"
        return
    fi
    if ! [ -e "$policy" ]; then
        undo_policy=yes
        printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
        $sudo chmod 755 "$policy"
    fi
    if lacks postgresql && ! [ -e "$cluster" ]; then
        undo_cluster=yes
        $sudo mkdir -p "$(dirname "$cluster")"
        echo "create_main_cluster = false" | $sudo tee "$cluster" >/dev/null
    fi
}

with_apt() {
    wanted=$(packages compiler=gcc headers=libc6-dev libclang=libclang-dev postgresql=postgresql pgbouncer=pgbouncer \
        python=python3-venv)
    need_root "apt-get install$wanted"
    if lacks postgresql || lacks pgbouncer; then
        hold_services
    fi
    apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get"
    # A fresh container has no package lists, an old machine has stale ones.
    lists=/var/lib/apt/lists
    if ! exists "$lists"/*Packages*; then
        run $apt update -q || die "apt-get update failed; check the network and /etc/apt/sources.list"
    fi
    run $apt install -q -y --no-install-recommends $wanted ||
        { run $apt update -q && run $apt install -q -y --no-install-recommends $wanted; } ||
        die "apt-get could not install$wanted"
    undo
    # Nothing was started now, and nothing shall be at the next boot. (Without a cluster PostgreSQL has nothing to start.)
    if lacks pgbouncer && command -v systemctl >/dev/null; then
        run $sudo systemctl disable --quiet pgbouncer || true
    fi
}

# UNTESTED. Fedora's and RHEL's packages neither make a cluster nor start anything.
with_dnf() {
    wanted=$(packages compiler=gcc headers=glibc-devel libclang=clang-devel \
        "postgresql=postgresql-server postgresql-contrib" pgbouncer=pgbouncer "python=python3 python3-pip")
    need_root "dnf install$wanted"
    run $sudo dnf install -y $wanted || die "dnf could not install$wanted"
}

# UNTESTED. Compiler, headers and libclang are Apple's; Homebrew starts services only when told to.
with_brew() {
    if lacks compiler || lacks headers || lacks libclang; then
        run xcode-select --install || die "install Apple's command line tools: xcode-select --install"
    fi
    wanted=$(packages postgresql=postgresql@17 pgbouncer=pgbouncer python=python@3.13)
    [ -z "$wanted" ] || run brew install $wanted || die "brew could not install$wanted"
}

echo "missing:$missing" >&2
if command -v apt-get >/dev/null; then
    with_apt
elif command -v dnf >/dev/null; then
    with_dnf
elif command -v brew >/dev/null; then
    with_brew
else
    die "no apt-get, dnf or brew here; install by hand:$missing (see the top of .ci/deps.sh)"
fi
[ "$mode" = install ] || exit 0
hash -r
for thing in $missing; do
    "has_$thing" && continue
    if [ "$thing" = python ]; then
        die "python3 is none of 3.10 to 3.14 with pip; put one in PATH in front of it"
    fi
    if [ "$thing" = postgresql ]; then
        die "the system's PostgreSQL is older than 14; install a newer one (https://www.postgresql.org/download/), or run tests/servers.sh"
    fi
    die "$thing is still missing after the installation"
done
