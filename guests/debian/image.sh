# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Makes the Debian guest of the demo: its initrd, and the disk that is its root,
# an ext4 file system with Debian packages that nobody configured: what their
# maintainer scripts would do and the guest needs is done here by hand.

debian_source=$top/guests/debian

debian_packages=(
	base-files base-passwd usr-is-merged bash coreutils util-linux mount login bsdutils hostname grep
	sed findutils gzip tar dash diffutils debianutils dpkg mawk ncurses-bin ncurses-base
	perl-base libc-bin sysvinit-utils init-system-helpers systemd-sysv udev iproute2
	iputils-ping pciutils kmod busybox udhcpc less procps
)
# What Debian's initrd loads; udev loads the rest.
debian_boot_modules=(/nvme/host/nvme.ko /fs/ext4/ /crypto/crc32c /lib/crc)
debian_modules=("${debian_boot_modules[@]}" /intel/e1000/ /intel/e1000e/ /net/packet/af_packet)
debian_kernel=$build/packages/kernel-6.12-64k

# Units that wait for hardware the guest has not, or ask questions.
masked_units="getty-static getty@tty1 serial-getty@hvc0 systemd-firstboot systemd-hwdb-update
	systemd-journal-catalog-update systemd-update-done ldconfig
	systemd-timesyncd e2scrub_reap systemd-pstore"

# The folders and links that base-files' script makes.
make_folders()
{
	local dir=$1 name

	mkdir -p "$dir"/usr/{bin,sbin,lib,lib64,local/sbin} "$dir"/{root,srv,mnt,home,opt,media}
	for name in bin sbin lib lib64; do
		ln -s "usr/$name" "$dir/$name"
	done
}

make_etc()
{
	local dir=$1

	cp "$dir/usr/share/base-passwd/passwd.master" "$dir/etc/passwd"
	cp "$dir/usr/share/base-passwd/group.master" "$dir/etc/group"
	cp "$dir/usr/share/base-files/profile" "$dir/etc/profile"
	cp "$dir/usr/share/base-files/dot.bashrc" "$dir/root/.bashrc"
	: >"$dir/etc/machine-id"
	echo demo-guest >"$dir/etc/hostname"
	echo "/dev/nvme0n1 / ext4 defaults 0 0" >"$dir/etc/fstab"
	ln -sf mawk "$dir/usr/bin/awk"
}

make_units()
{
	local dir=$1 unit system=$1/etc/systemd/system

	for unit in $masked_units; do
		ln -sf /dev/null "$system/$unit.service"
	done
	ln -s /usr/lib/systemd/system/multi-user.target "$system/default.target"
	cp "$debian_source/tour" "$dir/usr/local/sbin/tour"
	cp "$debian_source/tour.service" "$system/tour.service"
	mkdir -p "$system/multi-user.target.wants"
	ln -s ../tour.service "$system/multi-user.target.wants/tour.service"
}

make_pattern()
{
	python3 - "$1" <<-'END'
	import random, sys
	source = random.Random("pvmm")
	with open(sys.argv[1], "wb") as file:
	    for _ in range(64):
	        file.write(source.randbytes(1 << 20))
	END
}

# A file system whose files belong to root, whoever makes it.
make_disk()
{
	local -a as=()

	if [ "$(id -u)" != 0 ] && unshare -r true 2>/dev/null; then
		as=(unshare -r)
	fi
	PATH=$PATH:/sbin:/usr/sbin "${as[@]}" mke2fs -q -t ext4 -L debian -d "$1" "$2" 768M >/dev/null
}

make_debian_root()
{
	local dir=$1

	make_folders "$dir"
	say "fetching Debian's packages for the guest (40 MB)"
	apt_open bookworm trixie
	apt_unpack_deep "$dir" "$apt_release" "${debian_packages[@]}"
	rm -rf "$dir"/usr/share/{doc,man,locale,info,lintian}
	make_etc "$dir"
	make_units "$dir"
	install_modules "$debian_kernel" "$dir" "${debian_modules[@]}"
	make_pattern "$dir/srv/pattern"
}

make_debian_initrd()
{
	local dir=$1 root=$1/root

	mkdir -p "$root/bin"
	cp "$build/packages/tools/bin/busybox" "$root/bin/busybox"
	install_modules "$debian_kernel" "$root" "${debian_boot_modules[@]}"
	module_closure "$debian_kernel" "${debian_boot_modules[@]}" |
		sed "s#^#/$(readlink "$debian_kernel/modules")/#; s/\.xz\$//" >"$root/modules.load"
	cp "$debian_source/init" "$root/init"
	make_cpio "$root" "$dir/initrd"
	rm -rf "$root"
}

# Everything the demo's host and guest need beside the lab, in folder $1.
make_demo()
{
	local dir=$1

	mkdir "$dir/root" "$dir/tftp"
	make_debian_root "$dir/root"
	say "making the guest's disk"
	sha256sum <"$dir/root/srv/pattern" >"$dir/tftp/sums"
	make_disk "$dir/root" "$dir/disk"
	rm -rf "$dir/root"
	make_debian_initrd "$dir"
}

demo_key()
{
	key_of 1 "$debian_source"/* "${debian_packages[@]}" "$debian_kernel/.key" \
		"$build/packages/tools/.key" "$top/tests/lab/lib/tree.sh"
}
