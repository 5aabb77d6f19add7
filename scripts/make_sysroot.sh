#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Unpacks a C library of 2020 (Debian 11: glibc 2.31, libgomp and libstdc++ of GCC 10), each package by
# its SHA-256, to compile and link against with the g++ of today: what comes of it asks for no symbol
# younger than manylinux_2_28 allows. The few functions that libstdc++ has gained since are linked in.
#
# usage: DEBIAN_MIRROR=URL scripts/make_sysroot.sh DIRECTORY
#   then: source DIRECTORY/environment; build as ever. The mirror must still have Debian 11.
set -euo pipefail
: "${DEBIAN_MIRROR:?expected the address of a Debian archive that has Debian 11}"
mkdir -p "$1"
root=$(realpath "$1")
version=$("${CXX:-g++}" -dumpversion)
libraries=usr/lib/x86_64-linux-gnu

mkdir -p "$root/dpkg/info" "$root/dpkg/updates"
: >"$root/dpkg/status"

fetch() { # SHA-256, path in the pool
  local file
  file=$root/${2##*/}
  curl --silent --show-error --fail --location --output "$file" "$DEBIAN_MIRROR/pool/main/$2"
  echo "$1  $file" | sha256sum --check --quiet
  dpkg-deb --extract "$file" "$root"
  # As if installed: auditwheel asks dpkg which package a library is of, for its bill of materials.
  local name
  name=$(dpkg-deb --field "$file" Package)
  dpkg-deb --fsys-tarfile "$file" | tar --list | sed "s|^\.|$root|; s|/$||" >"$root/dpkg/info/$name.list"
  printf 'Package: %s\nStatus: install ok installed\n%s\n\n' "$name" \
    "$(dpkg-deb --field "$file" Version Architecture Maintainer Description)" >>"$root/dpkg/status"
  rm "$file"
}
fetch 05f7264da867b37f4c5ce49266b558ea1e81e05a9464f623152fca70f3550282 g/glibc/libc6_2.31-13+deb11u11_amd64.deb
fetch e7f7b45d9c5cfcf37609f0b6efd3c645272c812144703af89dfd32218fcb0fd3 g/glibc/libc6-dev_2.31-13+deb11u11_amd64.deb
fetch e3be603bd12377bb90fcfb0f2048ca3a81c886e49d6f09945b82159d1c54f7b2 l/linux/linux-libc-dev_5.10.223-1_amd64.deb
fetch 4530c95aefa48e33fd8cf4acbe5c4b559dbe7bdf4c56469986c83a203982cef1 g/gcc-10/libgomp1_10.2.1-6_amd64.deb
fetch 5c155c58935870bf3b4bfe769116841c0d286a74f59eccfd5645693ac23f06b1 g/gcc-10/libstdc++6_10.2.1-6_amd64.deb
fetch e478f2709d8474165bb664de42e16950c391f30eaa55bc9b3573281d83a29daf g/gcc-10/libgcc-s1_10.2.1-6_amd64.deb
find "$root" -type l -lname '/*' | while read -r link; do   # to these libraries, not the machine's
  ln -sf "$root$(readlink "$link")" "$link"
done

# The compiler's own headers, which it looks for under the system root.
ln -sfn "/usr/include/c++" "$root/usr/include/c++"
ln -sfn "/usr/include/x86_64-linux-gnu/c++" "$root/usr/include/x86_64-linux-gnu/c++"
mkdir -p "$root/link"
system=/lib/x86_64-linux-gnu   # paths in linker scripts are under $root
echo "GROUP ( $system/libgcc_s.so.1 -lgcc )" >"$root/link/libgcc_s.so"
echo "INPUT ( /$libraries/libgomp.so.1 $system/libpthread.so.0 $system/libdl.so.2 )" >"$root/link/libgomp.so"
cp "$("${CXX:-g++}" -print-file-name=libstdc++.a)" "$root/link"
echo "INPUT ( /$libraries/libstdc++.so.6 /link/libstdc++.a )" >"$root/link/libstdc++.so"

cat >"$root/environment" <<EOF
export CFLAGS="--sysroot=$root" CXXFLAGS="--sysroot=$root"
export LDFLAGS="--sysroot=$root -B$root/$libraries -L$root/link -L$root/$libraries -Wl,--exclude-libs,ALL"
export AUDITWHEEL_LD_LIBRARY_PATH="$root/$libraries:$root/lib/x86_64-linux-gnu"
export DPKG_ADMINDIR="$root/dpkg"
EOF
echo "make_sysroot: g++ $version with glibc 2.31 in $root"
