# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The build machine's own packages: finds out what is missing without asking
# apt, and has apt install exactly that.

# A line per need: the command or file that shows it is there, its package.
build_needs="
gcc			gcc
/usr/include/stdio.h	libc6-dev
meson			meson
ninja			ninja-build
pkg-config		pkgconf
/usr/include/libfdt.h	libfdt-dev
/usr/include/seccomp.h	libseccomp-dev
/usr/include/cap-ng.h	libcap-ng-dev
/usr/include/check.h	check
dtc			device-tree-compiler
python3			python3-minimal
powerpc64le-linux-gnu-gcc	gcc-powerpc64le-linux-gnu
clang			clang
/usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer*.a	libclang-rt-dev
"

lab_needs="
qemu-system-ppc64	qemu-system-ppc
depmod			kmod
mke2fs			e2fsprogs
cpio			cpio
xz			xz-utils
"

# To build the group driver for all targets and check it.  objtool needs libelf.
# shellcheck disable=SC2034
kernel_needs="
make			make
aarch64-linux-gnu-gcc	gcc-aarch64-linux-gnu
sparse			sparse
/usr/lib/*/libelf.so.1	libelf-dev
"

missing_packages()
{
	local probe package

	while read -r probe package; do
		case $probe in
		'')	;;
		/*)	compgen -G "$probe" >/dev/null || echo "$package" ;;
		*)	command -v "$probe" >/dev/null ||
				[ -x "/sbin/$probe" ] || [ -x "/usr/sbin/$probe" ] ||
				echo "$package" ;;
		esac
	done <<<"$needs"
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "not root, and no sudo; as root, run: $*"
	fi
}

# To emulate hosts of other architectures.
# shellcheck disable=SC2034
arm64_needs="
qemu-system-aarch64	qemu-system-arm
" amd64_needs="
qemu-system-x86_64	qemu-system-x86
"

# What this script needs: one that needs more adds it.
needs=$build_needs$lab_needs

ensure_packages()
{
	if [ -n "$(missing_packages)" ]; then
		with_setup_lock install_packages
	fi
}

# Looks again, as another run may have installed them meanwhile.
install_packages()
{
	local missing

	mapfile -t missing < <(missing_packages)
	if [ ${#missing[@]} = 0 ]; then
		return 0
	fi
	say "installing what is missing on this machine (a few minutes at most): ${missing[*]}"
	as_root apt-get update -q >&2
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
		--no-install-recommends "${missing[@]}" >&2
}
