#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The guest starts another kernel in its place, by kexec and after a crash by
# kdump, and that one uses the same disk.
#
# usage: kexec.sh [full]
# A kdump kernel asks for each entry of each group's DMA window, which takes an
# emulated host two minutes: without "full" the crashing guest has no group.

. "$(dirname "$0")/lib/guests.sh"

# add_files INITRD NEW_INITRD DIR: the same with the files of DIR below /next.
add_files()
{
	cp "$lab_build/host-64k/guest/$1" "$2"
	(cd "$3" && find next | LC_ALL=C sort | cpio --quiet -o -H newc) >>"$2"
}

# What the guest runs, and what the kernel runs that it starts.
make_initrds()
{
	mkdir -p "$work"/{first,second}/next
	cat >"$work/second/next/run" <<-'END'
	cat /proc/cmdline
	! lspci | grep -q nvme || { lab-disk /dev/nvme0n1 && sha256sum /dev/nvme0n1; }
	[ ! -e /proc/vmcore ] || echo "vmcore: $(head -c 4 /proc/vmcore | hexdump -v)"
	END
	cat >"$work/first/next/run" <<-'END'
	line="console=hvc0 quiet second=yes reset_devices $1"
	echo first kernel
	kexec "$2" /next/vmlinux --initrd=/next/initrd --command-line="$line pvmm.run=\"sh /next/run\"" &&
		$3
	END
	cp "$lab_build/host-64k/guest/vmlinux" "$work/first/next/vmlinux"
	add_files initrd-kexec "$work/first/next/initrd" "$work/second"
	add_files initrd-kexec "$work/initrd" "$work/first"
}

crash='
said "first kernel" "sysrq triggered crash" "second=yes" "457f 464c"
said_times 2 "pvmm-guest: up"'

make_initrds
add_nvme n0 pcie.0 32
run_guests --timeout 900 --copy-in "$work/initrd" '
boot 0 "sh /next/run cpus=2 -l '"'kexec -e'"'" --initrd initrd --group $slot0 --memory 1G --cpus 2
said "first kernel" "second=yes" "'"$(sum_of "$work/n0.raw")"'"
said_times 2 "pvmm-guest: up"
append="quiet crashkernel=384M"
boot 0 "echo c >/tmp/c; sh /next/run maxcpus=1 -p '"'cp /tmp/c /proc/sysrq-trigger'"'" \
	--initrd initrd --memory 1536M --cpus 2 --timeout 600 '"${1:+--group $slot0}$crash"
if [ -n "${1:-}" ]; then
	expect_equal "$(grep -a -c "$(sum_of "$work/n0.raw")" "$out")" 2 "right checksums"
fi
