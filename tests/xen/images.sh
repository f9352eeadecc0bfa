#!/bin/bash
# Makes what is booted, from Debian packages alone: OUT/{xen,vmlinux,dom0.cpio,domu.cpio,MANIFEST}. Nothing is installed.
#
#   images.sh CACHE OUT     downloaded packages stay in CACHE; images that were made from the same inputs are kept
set -euo pipefail
CACHE=$1; OUT=$2
mkdir -p "$CACHE" "$OUT"; CACHE=$(realpath "$CACHE"); OUT=$(realpath "$OUT")
cd "$(dirname "$0")"
STAMP=$(cat images.sh $(find rootfs -type f | LC_ALL=C sort) | sha256sum | cut -d' ' -f1)
if [ "$(cat "$OUT/stamp" 2>/dev/null)" = "$STAMP" ]; then exit 0; fi
WORK=$CACHE/work; DEBS=$CACHE/debs
mkdir -p "$DEBS" "$OUT"; rm -rf "$WORK"; mkdir -p "$WORK"
export PATH=$PATH:/usr/sbin:/sbin
t0=$(date +%s)
say(){ printf 'images: [%3ds] %s\n' $(( $(date +%s)-t0 )) "$*"; }

KPKG=${VS_XEN_KERNEL:-$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-/{print $2; exit}')}
XENVER=4.17
PK_BOOT="xen-hypervisor-$XENVER-amd64 $KPKG"
PK_BASE="busybox-static libc6 libgcc-s1 libstdc++6 zlib1g liblzma5 libzstd1 libuuid1 libyajl2 libbz2-1.0 libtinfo6 libncurses6"
PK_XENLIB="libxenmisc$XENVER libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1 libxenhypfs1 libxenstore4 libxentoolcore1 libxentoollog1"
PK_XEN="xen-utils-$XENVER xen-utils-common xenstore-utils"
ALL="$PK_BOOT $PK_BASE $PK_XENLIB $PK_XEN"

need=""
for p in $ALL; do ls "$DEBS/${p}_"*.deb >/dev/null 2>&1 || need="$need $p"; done
if [ -n "$need" ]; then say "apt-get download:$need"; (cd "$DEBS" && apt-get download -q $need 2>&1 | grep -vE '^(W:|Get:|Fetched)' || true); fi
deb(){ ls "$DEBS/${1}_"*.deb 2>/dev/null | tail -1; }
: > "$OUT/MANIFEST"
for p in $ALL; do f=$(deb "$p"); [ -n "$f" ] || { echo "images: package $p missing" >&2; exit 1; }
  printf '%s %s %s\n' "$(sha256sum "$f" | cut -d' ' -f1)" "$(stat -c %s "$f")" "$(basename "$f")" >> "$OUT/MANIFEST"; done
say "packages: $(wc -l < "$OUT/MANIFEST"), $(awk '{s+=$2} END{printf "%.1f MB", s/1e6}' "$OUT/MANIFEST")"

# --- 1. hypervisor: plain ELF; qemu -kernel loads it as multiboot
mkdir -p "$WORK/boot"
dpkg-deb --fsys-tarfile "$(deb xen-hypervisor-$XENVER-amd64)" | tar -xO ./boot/xen-$XENVER-amd64.gz | zcat > "$OUT/xen"

# --- 2. kernel: extract the ELF vmlinux out of the xz bzImage (decompressing xz in the emulated machine is slow)
mkdir -p "$WORK/kern"; dpkg-deb --fsys-tarfile "$(deb "$KPKG")" | tar -x -C "$WORK/kern" --wildcards './boot/*' './lib/modules/*'
KVER=$(ls "$WORK/kern/lib/modules")
python3 - "$WORK/kern/boot/vmlinuz-$KVER" "$OUT/vmlinux" <<'PY'
import sys,lzma,gzip,struct
d=open(sys.argv[1],'rb').read(); ss=d[0x1f1] or 4
po,pl=struct.unpack_from('<II',d,0x248); p=d[(ss+1)*512+po:(ss+1)*512+po+pl]   # payload_offset/length, boot protocol 2.08+
if p[:6]==b'\xfd7zXZ\0': o=lzma.LZMADecompressor().decompress(p)
elif p[:2]==b'\x1f\x8b': o=gzip.decompress(p[:-4])
else: raise SystemExit('unknown kernel compression '+p[:8].hex())
assert o[:4]==b'\x7fELF'; open(sys.argv[2],'wb').write(o)
PY
cp "$WORK/kern/boot/config-$KVER" "$OUT/kernel-config"
say "xen $(stat -c %s "$OUT/xen") B, vmlinux $(stat -c %s "$OUT/vmlinux") B ($KVER)"
depmod -b "$WORK/kern" "$KVER"

mods(){ # tree modname... : copy modules with their dependencies
  local tree=$1 m f; shift
  for m in "$@"; do
    modprobe -d "$WORK/kern" -S "$KVER" --show-depends "$m" 2>/dev/null | awk '$1=="insmod"{print $2}' || true
  done | sort -u | while read -r f; do
    rel=lib/modules/${f##*/lib/modules/}; mkdir -p "$tree/usr/$(dirname "$rel")"; cp "$WORK/kern/$rel" "$tree/usr/$rel"; done
  cp "$WORK/kern/lib/modules/$KVER"/modules.{order,builtin} "$tree/usr/lib/modules/$KVER/"
  cp "$WORK/kern/lib/modules/$KVER"/modules.builtin.modinfo "$tree/usr/lib/modules/$KVER/" 2>/dev/null || true
  depmod -b "$tree/usr" "$KVER"
}
skel(){ # merged-usr skeleton
  mkdir -p "$1"/usr/{bin,sbin,lib,lib64} "$1"/{dev,proc,sys,run,tmp,etc,root,mnt,payload,out,images,var/log/xen/console,var/lib/xen/dump}
  ln -s usr/bin "$1/bin"; ln -s usr/sbin "$1/sbin"; ln -s usr/lib "$1/lib"; ln -s usr/lib64 "$1/lib64"; ln -s ../run "$1/var/run"
}
unpack(){ dpkg-deb --fsys-tarfile "$(deb "$2")" | tar -x --keep-directory-symlink -C "$1"; }
slim(){ ( cd "$1"; rm -rf usr/share usr/lib/x86_64-linux-gnu/gconv usr/lib/python3* usr/lib/udev usr/lib/systemd usr/lib/tmpfiles.d etc/init.d etc/default/xen* var/lib/dpkg usr/include usr/lib/debug
  rm -rf usr/lib/xen-$XENVER/lib usr/lib/xen-common/lib etc/logrotate.d etc/bash_completion.d etc/ld.so.conf.d/fakeroot* ) ; }
pack(){ ( cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio --null -o -H newc --quiet --reproducible -R 0:0 ) > "$2"; }

# The guest's modules and no driver of a network device: what its services need must do.
XENMODS="xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs 9pnet_xen 9p fuse cuse"

# --- 3. dom0 initramfs
D=$WORK/dom0; skel "$D"
for p in $PK_BASE $PK_XENLIB $PK_XEN; do unpack "$D" "$p"; done
mkdir -p "$D/lib/modules/$KVER"
mods "$D" $XENMODS 9pnet_virtio virtio_pci xen-netback xen-blkback loop bridge tun virtio_console vsock
slim "$D"
rm -f "$D"/usr/lib/xen-$XENVER/boot/xen-shim "$D"/usr/lib/xen-$XENVER/bin/{xen-access,xen-kdd,xentop,xenpaging,test-*,convert-legacy-stream,verify-stream-v2,pygrub,xenpvnetboot,depriv-fd-checker,xenmon.py}
cp -a rootfs/dom0/. "$D/"; chmod +x "$D/init"
# tools live in a version directory; /usr/sbin wrappers of xen-utils-common are shell scripts that pick the version by
# parsing /sys/hypervisor; go straight to the binaries instead.
for b in "$D"/usr/lib/xen-$XENVER/bin/*; do n=$(basename "$b"); ln -sf "/usr/lib/xen-$XENVER/bin/$n" "$D/usr/sbin/$n"; done
ln -sfn xen-$XENVER "$D/usr/lib/xen"
# --- 4. domU initramfs (same libc/xen libs, no toolstack)
U=$WORK/domu; skel "$U"
for p in $PK_BASE $PK_XENLIB xenstore-utils; do unpack "$U" "$p"; done
mkdir -p "$U/lib/modules/$KVER"; mods "$U" $XENMODS
slim "$U"; ( cd "$U/usr/lib/x86_64-linux-gnu"; rm -f libxenlight* libxlutil* libxenguest* libxenstat* libncurses* libstdc++.so.6.0.30-gdb* )
mkdir -p "$U/usr/lib/xen-$XENVER/bin"
cp -a rootfs/domu/. "$U/"; chmod +x "$U/init"

# every dynamic dependency must be satisfied inside the tree itself
chk(){ local t=$1; shift; local b; for b in "$@"; do
  "$t/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$t/usr/lib/x86_64-linux-gnu" --list "$b" > "$WORK/ldd.out" 2>&1 || { echo "images: unresolved in $b"; cat "$WORK/ldd.out"; exit 1; }
  if grep -q 'not found' "$WORK/ldd.out"; then cat "$WORK/ldd.out"; exit 1; fi; done; }
chk "$D" "$D"/usr/lib/xen-$XENVER/bin/{xl,xenstored,oxenstored,xenconsoled,xen-init-dom0,libxl-save-helper,vchan-socket-proxy} "$D"/usr/bin/xenstore-ls
chk "$U" "$U"/usr/bin/xenstore-ls

pack "$D" "$OUT/dom0.cpio"; pack "$U" "$OUT/domu.cpio"
say "dom0.cpio $(stat -c %s "$OUT/dom0.cpio") B, domu.cpio $(stat -c %s "$OUT/domu.cpio") B"
rm -rf "$WORK"; echo "$STAMP" >"$OUT/stamp"
say "done: $(du -sh "$OUT" | cut -f1) in $OUT/"
