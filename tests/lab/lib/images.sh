# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Makes what an emulated host boots and serves: its root tree and initramfs, and
# the guest kernels and test initrds that it finds under /guest.

lab=$build/lab
lab_source=$top/tests/lab

# What can be loaded in the host, beside all that these need.
host_modules=(
	/arch/powerpc/ /arch/x86/kvm/ /drivers/vfio/ /drivers/nvme/ /drivers/usb/host/ /drivers/usb/storage/
	/intel/e1000 /intel/e1000e /intel/igb /net/virtio_net /net/tun.ko /net/veth.ko
	/block/zram /block/loop /block/brd /block/nbd /block/virtio_blk
	/scsi/sd_mod /scsi/virtio_scsi /ata/ahci
	/fs/9p /fs/ext4 /fs/overlayfs /fs/fuse /fs/squashfs /fs/fat /fs/nls
	/net/9p/ /net/bridge/bridge.ko /crypto/crc32c /crypto/lzo /crypto/zstd /lib/crc
)
# What the host needs to reach its root tree.
boot_modules=(/net/9p/9pnet_virtio /fs/9p/9p /fs/overlayfs/overlay)
# What the test guest loads for the devices that it is given.
guest_modules=(/nvme/host/nvme.ko /intel/e1000/ /intel/e1000e/ /intel/igb/
	/usb/host/[eoux]hci /usb/storage/usb-storage.ko /scsi/sd_mod)

guest_kernels="6.1 6.12-4k 6.12-64k"
default_guest=6.12-64k

# Kernel $1's modules and our init make the test guest's initrd.
make_guest_initrd()
{
	local dir=$1 kernel=$build/packages/kernel-$2 root

	say "making the test guest's initrd for $2"
	root=$dir/root
	mkdir -p "$root"/{proc,sys,dev,tmp,lib,root,sbin,etc/udhcpc}
	install_busybox "$root" "$build/packages/tools"
	install_modules "$kernel" "$root" "${guest_modules[@]}"
	cp "$lab_source/guest/init" "$root/init"
	cp "$lab_source/guest/udhcpc" "$root/etc/udhcpc/default.script"
	cp "$lab_source/guest/"{lspci,lab-disk} "$root/bin/"
	make_cpio "$root" "$dir/initrd"
	mkdir -p "$root/lib64" "$root/usr/sbin"
	add_kexec "$root"
	make_cpio "$root" "$dir/initrd-kexec"
	rm -rf "$root"
}

# kexec is not static: it brings the C library along.
add_kexec()
{
	local tools=$build/packages/tools triplet=powerpc64le-linux-gnu

	mkdir -p "$1/lib/$triplet"
	cp "$tools/sbin/kexec" "$1/sbin/kexec"
	cp -L "$tools/lib/$triplet/libc.so.6" "$1/lib/$triplet/libc.so.6"
	cp -L "$tools/lib/$triplet/ld64.so.2" "$1/lib64/ld64.so.2"
}

guest_key()
{
	key_of 1 "$lab_source"/guest/* "$lab_source"/lib/{tree,images}.sh \
		"$build/packages/kernel-$1/.key" "$build/packages/tools/.key"
}

# Links rather than copies: a kernel has 45 MB.
install_guests()
{
	local dir=$1 name

	mkdir -p "$dir"
	for name in $guest_kernels; do
		ln "$(readlink -f "$build/packages/kernel-$name/vmlinux")" "$dir/vmlinux-$name"
		ln "$lab/guest-$name/initrd" "$dir/initrd-$name"
		ln "$lab/guest-$name/initrd-kexec" "$dir/initrd-kexec-$name"
	done
	for name in vmlinux initrd initrd-kexec; do
		ln -s "$name-$default_guest" "$dir/$name"
		ln -s "$name-$default_guest" "$dir/$name-6.12"
	done
}

# The folder of packages with the tools for hosts of flavour $1.
tools_of()
{
	case $1 in
	4k|64k|debug)	echo "$build/packages/tools" ;;
	*)		echo "$build/packages/tools-$1" ;;
	esac
}

# A flavour is a page size on POWER, or debug, and an architecture elsewhere.
make_host_tree()
{
	local dir=$1 kernel=$build/packages/kernel-6.12-$2 tools

	tools=$(tools_of "$2")
	say "making the host's file tree ($2)"
	cp -a "$tools/." "$dir"
	rm -f "$dir/.key"
	mkdir -p "$dir"/{proc,sys,dev,tmp,run,root,sbin,lab,share,etc,usr/local/bin}
	install_busybox "$dir" "$tools"
	install_modules "$kernel" "$dir" "${host_modules[@]}"
	case $2 in
	4k|64k|debug)	install_guests "$dir/guest" ;;
	esac
	cp "$lab_source/host-init" "$dir/sbin/lab-init"
	cp "$lab_source"/host-bin/* "$lab_source/guest/lab-disk" "$dir/usr/local/bin/"
	echo root:x:0:0:root:/root:/bin/sh >"$dir/etc/passwd"
	echo root:x:0: >"$dir/etc/group"
	# udhcpc's default script, for a card of the host itself.
	mkdir -p "$dir/etc/udhcpc"
	cp "$lab_source/guest/udhcpc" "$dir/etc/udhcpc/default.script"
}

make_host_initramfs()
{
	local dir=$1 kernel=$build/packages/kernel-6.12-$2 root=$1/root

	mkdir -p "$root"/{proc,sys,dev,layer,bin}
	cp "$(tools_of "$2")/bin/busybox" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	install_modules "$kernel" "$root" "${boot_modules[@]}"
	module_closure "$kernel" "${boot_modules[@]}" |
		sed "s#^#/$(readlink "$kernel/modules")/#; s/\.xz\$//" >"$root/modules.load"
	cp "$lab_source/host-initramfs" "$root/init"
	make_cpio "$root" "$dir/initramfs"
	rm -rf "$root"
}

host_key()
{
	key_of 2 "$lab_source"/host-{init,initramfs,bin/*} "$lab_source"/guest/{udhcpc,lab-disk} \
		"$lab_source"/lib/{tree,images}.sh "$build/packages/kernel-6.12-$1/.key" \
		"$(tools_of "$1")/.key" "$lab"/guest-*/.key
}

make_guests()
{
	local name

	"$top/guests/fetch" kernel-6.1 kernel-6.12-4k kernel-6.12-64k tools
	for name in $guest_kernels; do
		step "lab/guest-$name" "$(guest_key "$name")" make_guest_initrd "$name"
	done
}

# make_lab_images FLAVOUR makes everything that hosts of that flavour use.
make_lab_images()
{
	mkdir -p "$lab"
	case $1 in
	4k|64k|debug)	make_guests ;;
	*)		"$top/guests/fetch" "kernel-6.12-$1" "tools-$1" ;;
	esac
	step "lab/host-$1" "$(host_key "$1")" make_host_tree "$1"
	step "lab/boot-$1" "$(host_key "$1")" make_host_initramfs "$1"
}
