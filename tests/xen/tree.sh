#!/bin/bash
# Packs what is tested: OUT/node.cpio (dom0: our programs, dnsmasq), OUT/guest.cpio (domUs: our libraries, unmodified programs),
# OUT/python.cpio (domUs: a Python), OUT/payload (the cases, their programs and
# certificates). Takes libraries from this machine, as ldd names them.
#
#   tree.sh BUILD OUT
set -euo pipefail
BUILD=$(realpath "$1"); mkdir -p "$2"; OUT=$(realpath "$2")
cd "$(dirname "$0")"
LIB=usr/lib/x86_64-linux-gnu
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT

libraries() { ldd "$@" 2>/dev/null | awk '$3 ~ /^\// { print $3 }' | sort -u; }
put() { # TREE FILE PLACE : without symbols
  install -D -m 755 "$2" "$1/$3"
  strip --strip-unneeded "$1/$3" 2>/dev/null || true
}
put_with_libraries() { # TREE FILE PLACE
  put "$@"
  local library
  # libc and what the images have already stays theirs: they are of the same Debian
  for library in $(libraries "$2"); do
    case $(basename "$library") in
      libc.so.* | libm.so.* | ld-linux* | libgcc_s* | libstdc++* | libxen*) continue ;;
    esac
    [ -e "$1/$LIB/$(basename "$library")" ] || put "$1" "$library" "$LIB/$(basename "$library")"
  done
}
pack() { (cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z | cpio --null -o -H newc --quiet -R 0:0) >"$2"; }

node=$WORK/node
for program in vsmgrd vsbackend vsctl; do put_with_libraries "$node" "$BUILD/bin/$program" "usr/bin/$program"; done
put_with_libraries "$node" /usr/sbin/dnsmasq usr/bin/dnsmasq
mkdir -p "$node/etc"
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$node/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$node/etc/group"
pack "$node" "$OUT/node.cpio"

guest=$WORK/guest
put "$guest" "$BUILD/lib/libvservice.so.1" "$LIB/libvservice.so.1"
put "$guest" "$BUILD/lib/libnss_vservice.so.2" "$LIB/libnss_vservice.so.2"
put "$guest" "$BUILD/bin/vservice-keeper" usr/bin/vservice-keeper
put "$guest" /usr/bin/getent usr/bin/getent
mkdir -p "$guest/etc"
printf 'hosts: files vservice [!UNAVAIL=return] dns\n' >"$guest/etc/nsswitch.conf"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$guest/etc/passwd"
printf '127.0.0.1 localhost\n' >"$guest/etc/hosts"
pack "$guest" "$OUT/guest.cpio"

python=$WORK/python
put_with_libraries "$python" "$(realpath /usr/bin/python3)" usr/bin/python3
standard=$(/usr/bin/python3 -c 'import os; print(os.path.dirname(os.__file__))')
for module in encodings collections importlib abc.py codecs.py io.py os.py posixpath.py genericpath.py stat.py site.py \
  _collections_abc.py _sitebuiltins.py functools.py operator.py keyword.py reprlib.py types.py heapq.py; do
  mkdir -p "$python$standard"
  cp -r "$standard/$module" "$python$standard/"
done
find "$python" -name __pycache__ -prune -exec rm -rf {} +
pack "$python" "$OUT/python.cpio"

mkdir -p "$OUT/payload/bin"
rm -rf "$OUT/payload/cases"; cp -r cases "$OUT/payload/cases"
# Of two nodes that hand domains to each other.
mkdir -p "$OUT/payload/certificates"
(
  cd "$OUT/payload/certificates"
  new_key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  openssl req -x509 "${new_key[@]}" -days 30 -subj /CN=nodes -keyout ca.key -out ca.pem
  for name in alpha beta; do
    openssl req -new "${new_key[@]}" -subj "/CN=$name" -addext "subjectAltName=DNS:$name,IP:127.0.0.1" -keyout $name.key -out $name.csr
    openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 7 -copy_extensions copy -out $name.pem
  done
) 2>"$OUT/certificates.log" || { cat "$OUT/certificates.log" >&2; exit 1; }

flags="-O2 -g0 -Wall -Wextra -Wno-unused-result -D_GNU_SOURCE -I../.."
build() { # PROGRAM LIBRARY...
  gcc $flags "src/$1.c" -o "$OUT/payload/bin/$1" "${@:2}"
}
build names -lxenstore
build pingpong -lxengnttab -lxenevtchn -lxenstore
build vchan_pp -lxenvchan
build stress
build evil -lxengnttab -lxenevtchn -lxenstore
build echo "$BUILD/lib/libvservice.so.1"
install -D "$BUILD/lib/libvservice.so.1" "$OUT/payload/lib/libvservice.so.1"
