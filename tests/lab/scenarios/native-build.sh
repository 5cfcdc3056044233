#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# native-build.sh [COMPILER]
#
# Builds pvmm on a POWER host, natively, as README.md says: with the packages that its
# command installs and the commands that follow it; with the compiler that Meson finds, or
# with COMPILER.  Boots a guest with what was built, then, unless told a compiler, builds
# and runs the unit tests there.

. "$(dirname "$0")/../lib/scenario.sh"

top=$(cd "$lab_dir/../.." && pwd)
commands=$(sed -n 's/^    \(meson setup .*\)/\1/p' "$top/README.md")
[ -n "$commands" ] || fail "README.md does not say how to build"
compiler=${1:-}

tar -C "$top" --exclude=./build --exclude=./build-* --exclude=./.git -cf "$work/pvmm.tar" .
run_script --with-native --timeout "${TIMEOUT:-6000}" --copy-in "$work/pvmm.tar" '
	[ "$(gcc -dumpmachine)" = powerpc64le-linux-gnu ]
	mkdir /root/pvmm
	cd /root/pvmm
	tar xf /lab/pvmm.tar
	started=$(date +%s)
	'"${compiler:+export CC=$compiler}"'
	'"$commands"'
	echo "-- built in $(($(date +%s) - started)) s"
	rm /share/bin/pvmm
	PATH=$PWD/build/release/vmm:$PATH
	pvmm --help | grep -q -e --group
	lab-modules
	pvmm --kernel /guest/vmlinux --initrd /guest/initrd --timeout 600 \
		--append "console=hvc0 quiet pvmm.run=\"echo guest-runs\"" </dev/null
	if [ -z "'"$compiler"'" ]; then
		# A busy machine that emulates this one must not look like a test that hangs.
		meson test -C build/release --suite unit --print-errorlogs -t 4
		echo "-- built and tested in $(($(date +%s) - started)) s"
	fi'
expect_status 0
expect_output 'guest-runs'
if [ -n "$compiler" ]; then
	expect_output "C compiler for the host machine: $compiler"
else
	expect_output '-- built and tested'
	expect_no_output 'Fail:               1'
fi
