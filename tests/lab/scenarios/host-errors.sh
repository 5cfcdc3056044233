#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whatever is wrong on the host or with the options: pvmm says so, each thing in
# one line with what to do, ends with status 1, and leaves the host as it was.

. "$(dirname "$0")/lib/guests.sh"

# refused LINES PVMM_ARGUMENT...: LINES is all that is said.
functions='
echo nobody:x:65534:65534:nobody:/:/bin/sh >>/etc/passwd
user="" limit=unlimited wrong=0
nvme=0000:01:00.0
group=$(lab-group $nvme)
number=${group##*/}
name="$nvme, NVM Express controller (1b36:0010),"

# All that is wrong is shown, not only the first of it.
wrong()
{
	echo "WRONG: $*"
	wrong=$((wrong + 1))
}

run_pvmm()
{
	if [ -n "$user" ]; then
		(ulimit -l "$limit" && exec su -s /bin/sh "$user" -c "pvmm $*")
	else
		pvmm "$@"
	fi
}

refused()
{
	printf "%s\n" "$1" | sed "s/^/pvmm: /" >/tmp/expected
	shift
	echo "-- ${user:-root}: pvmm $*"
	host_state >/tmp/state
	status=0
	run_pvmm "$@" </dev/null >/tmp/stdout 2>/tmp/stderr || status=$?
	cat /tmp/stdout /tmp/stderr
	# How much room the kernel leaves depends on the kernel.
	sed -i "s/into the [0-9]* KiB/into the N KiB/" /tmp/stderr
	[ "$status" = 1 ] || wrong "status $status"
	if ! cmp -s /tmp/expected /tmp/stderr; then
		echo "expected this:"
		cat /tmp/expected
		wrong "pvmm says something else"
	fi
	[ ! -s /tmp/stdout ] || wrong "something on standard output"
	host_state | diff - /tmp/state || wrong "the host is not as it was"
}

with_guest()
{
	text=$1
	shift
	refused "$text" --kernel /guest/vmlinux --initrd /guest/initrd "$@"
}
cd /tmp'

options='
refused "no kernel; give one with --kernel FILE (\`pvmm --help\` lists all options)"
refused "--memory 12x: not a size; use a number with K, M, G or T, such as 512M" --memory 12x
refused "--memory 64M: too little; at least 256M" --kernel /guest/vmlinux --memory 64M
refused "--memory 2000G: too much; at most 1024G" --kernel /guest/vmlinux --memory 2000G
refused "--cpus 0: not a number of CPUs; use 1 to 256" --kernel /guest/vmlinux --cpus 0'

# All of these are there before KVM is.
files='
refused "none: there is no such file" --kernel none
refused "/guest: a folder; give a regular file" --kernel /guest
echo text >text
refused "text: cannot be the kernel: not an ELF file; give vmlinux or zImage" --kernel text
: >empty
refused "empty: cannot be the kernel: it is empty" --kernel empty
head -c 20 /guest/vmlinux >short
refused "short: cannot be the kernel: it ends within its ELF header; is the copy complete?" --kernel short
head -c 10000000 /guest/vmlinux >cut
refused "cut: ends before its segments do; is the copy complete?" --kernel cut
# e_machine of an x86-64 file.
{ head -c 18 /guest/vmlinux; printf "\076\0"; tail -c +21 /guest/vmlinux | head -c 100000; } >x86
refused "x86: for x86-64; give a kernel for 64-bit PowerPC" --kernel x86
refused "none: there is no such file" --kernel /guest/vmlinux --initrd none
refused "empty: is empty; give a complete file" --kernel /guest/vmlinux --initrd empty
truncate -s 300M big
refused "big: 307200 KiB do not fit into the N KiB left for it; give the guest more with --memory" --kernel /guest/vmlinux --initrd big --memory 256M'

modules='
with_guest "no /dev/kvm: load KVM first (modprobe kvm-hv)"
modprobe kvm-hv
with_guest "the host has no vfio-pci driver loaded; run: modprobe vfio-pci
cannot open /dev/vfio/vfio: No such file or directory; run: modprobe vfio_iommu_spapr_tce" --group $nvme
modprobe vfio-pci
with_guest "the host kernel has no sPAPR TCE IOMMU for VFIO loaded; run: modprobe vfio_iommu_spapr_tce" \
	--group $nvme
modprobe vfio_iommu_spapr_tce'

groups='
with_guest "/sys/kernel/iommu_groups/99: no such group; ls /sys/kernel/iommu_groups shows which groups there are" \
	--group /sys/kernel/iommu_groups/99
with_guest "/sys/kernel is not a device group; give /sys/devgroups/N, /sys/kernel/iommu_groups/N, or a PCI address" \
	--group /sys/kernel
with_guest "no PCI device 0000:09:00.0 on this host; lspci -D shows which there are" --group 0000:09:00.0
with_guest "--group 0000:01:00.9: not a group; give its folder, such as /sys/devgroups/2, or a PCI address, such as 0001:01:00.0" \
	--group 0000:01:00.9
with_guest "0000:00:00.0 is in no IOMMU group, so it cannot be isolated; check that the host'"'"'s IOMMU is on" \
	--group 0000:00:00.0
with_guest "place=0000:01:00.1: no such device in group $number" --group $nvme,place=0000:01:00.1@03.0
with_guest "group $number is named twice; leave one --group of it out" --group $nvme --group $group'

drivers='
modprobe -a nvme e1000e
lab-disk /dev/nvme0n1
held="$name is held by the host driver nvme; run again with --claim, or run: echo $nvme > /sys/bus/pci/devices/$nvme/driver/unbind"
with_guest "$held" --group $nvme
card=0001:01:00.0
with_guest "$held
$card, Ethernet controller (8086:10d3), is held by the host driver e1000e; run again with --claim, or run: echo $card > /sys/bus/pci/devices/$card/driver/unbind" \
	--group $nvme --group $card'

# Even what may be claimed is not touched when there is no guest to give it to.
bad_kernel='
refused "text: cannot be the kernel: not an ELF file; give vmlinux or zImage" --kernel text \
	--group $nvme --group $card --claim
refused "big: 307200 KiB do not fit into the N KiB left for it; give the guest more with --memory" \
	--kernel /guest/vmlinux --initrd big --memory 256M --group $nvme --claim'

uses='
# ext4 cannot ask for its checksums by itself: that takes /sbin/modprobe.
modprobe -a ext4 crc32c_generic
mke2fs -F /dev/nvme0n1 16384 >/dev/null
mkdir -p "/tmp/a disk"
mount -t ext4 /dev/nvme0n1 "/tmp/a disk"
used="$name has nvme0n1 mounted on /tmp/a disk; run: umount '"'/tmp/a disk'"'"
with_guest "$used" --group $nvme --claim
# It would get an address by itself, some time later.
echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6
ifconfig eth0 up
up="$card, Ethernet controller (8086:10d3), has the network interface eth0, which is up; run: ip link set eth0 down"
with_guest "$used
$up" --group $nvme --group $card --claim
umount "/tmp/a disk"
with_guest "$up" --group $nvme --group $card --claim
ifconfig eth0 down
mkswap /dev/nvme0n1 >/dev/null
swapon /dev/nvme0n1
with_guest "$name has swap on nvme0n1; run: swapoff /dev/nvme0n1" --group $nvme --claim
swapoff /dev/nvme0n1'

permissions='
user=nobody
with_guest "/dev/kvm: no permission; run as root or join its group"
chmod 666 /dev/kvm /dev/vfio/vfio
chmod 600 /dev/vfio/vfio
with_guest "no permission to open /dev/vfio/vfio; run as root, or run: chmod 666 /dev/vfio/vfio
$held
no permission to bind $nvme to vfio-pci; run as root" --group $nvme
chmod 666 /dev/vfio/vfio
lab-bind vfio-pci $nvme
with_guest "no permission to open /dev/vfio/$number; run as root, or run: chown 65534 /dev/vfio/$number" --group $nvme
chown 65534 /dev/vfio/$number
limit=64
with_guest "the limit for locked memory is 64 KiB, devices need 12544 KiB; run as root, or raise it before starting pvmm: ulimit -l 12544" \
	--group $nvme
with_guest "the limit for locked memory is 64 KiB, devices need 536832 KiB; run as root, or raise it before starting pvmm: ulimit -l 536832" \
	--group $nvme --dma all
# What the messages say is enough.
limit=536832
run_pvmm --kernel /guest/vmlinux --initrd /guest/initrd --group $nvme \
	"--append \"console=hvc0 quiet pvmm.run=\\\"lab-disk /dev/nvme0n1; head -c 1000 /dev/nvme0n1 | wc -c\\\"\"" </dev/null >/tmp/log 2>&1 ||
	fail "status $?: $(cat /tmp/log)"
grep -q "^1000" /tmp/log || fail "$(cat /tmp/log)"
user=""'

in_use='
launch "echo running; sleep 1000" --group $nvme
wait_for running
with_guest "group $number is in use by another process; stop it first (fuser -v /dev/vfio/$number shows which)" \
	--group $nvme --claim
holds vfio-pci $nvme
kill "$pvmm"
ended 2
[ "$wrong" = 0 ] || fail "$wrong times wrong"'

# By the group driver: without it, and with it.
devgroups='
modprobe kvm-hv
group=/sys/devgroups/$number
with_guest "$group: the group driver is not loaded; run: modprobe devgroups (or give the group as /sys/kernel/iommu_groups/N)" \
	--group $group
modprobe -a nvme e1000e devgroups
lab-disk /dev/nvme0n1
card=0001:01:00.0
with_guest "/sys/devgroups/99: no such group; ls /sys/devgroups shows which groups there are" \
	--group /sys/devgroups/99
with_guest "/sys/devgroups is not a device group; give /sys/devgroups/N, /sys/kernel/iommu_groups/N, or a PCI address" \
	--group /sys/devgroups
with_guest "group $number is named twice; leave one --group of it out" --group $nvme --group $group
: >text
with_guest "text: cannot be the kernel: it is empty" --group $nvme --kernel text'

devgroups_permissions='
user=nobody
chmod 666 /dev/kvm
with_guest "no permission to open /dev/devgroup/$number; run as root, or run: chown 65534 /dev/devgroup/$number
no permission to claim group $number; run as root, or have root run: pvmm group claim $number" --group $nvme
chown 65534 /dev/devgroup/$number
pvmm group claim $number
limit=64
with_guest "the limit for locked memory is 64 KiB, devices need 12544 KiB; run as root, or raise it before starting pvmm: ulimit -l 12544" \
	--group $nvme
with_guest "the limit for locked memory is 64 KiB, devices need 536832 KiB; run as root, or raise it before starting pvmm: ulimit -l 536832" \
	--group $nvme --dma all
# What the messages say is enough; and what the administrator claimed stays claimed.
limit=536832
run_pvmm --kernel /guest/vmlinux --initrd /guest/initrd --group $nvme \
	"--append \"console=hvc0 quiet pvmm.run=\\\"lab-disk /dev/nvme0n1; head -c 1000 /dev/nvme0n1 | wc -c\\\"\"" </dev/null >/tmp/log 2>&1 ||
	fail "status $?: $(cat /tmp/log)"
grep -q "^1000" /tmp/log || fail "$(cat /tmp/log)"
holds devgroups $nvme
pvmm group release $number
user=""'

devgroups_in_use='
launch "echo running; sleep 1000" --group $nvme
wait_for running
with_guest "group $number is in use by process $pvmm pvmm; run: kill $pvmm" --group $nvme
holds devgroups $nvme
kill "$pvmm"
ended 2
holds nvme $nvme
modprobe -a vfio-pci vfio_iommu_spapr_tce
launch "echo running; sleep 1000" --group /sys/kernel/iommu_groups/$number --claim
wait_for running
with_guest "group $number is in use by process $pvmm pvmm; run: kill $pvmm" --group $group
holds vfio-pci $nvme
kill "$pvmm"
ended 2
[ "$wrong" = 0 ] || fail "$wrong times wrong"'

case $backend in
vfio)
	parts=("$options" "$files" "$modules" "$groups" "$drivers" "$bad_kernel" "$uses"
		"$permissions" "$in_use") ;;
devgroups)
	build_group_driver
	parts=("$devgroups" "$uses" "$devgroups_permissions" "$devgroups_in_use") ;;
esac
add_nvme n0 pcie.0 32
add_card e0 e1000e pcie.1
run_script --timeout 900 --copy-in "$scenario_lib/in-host.sh" ". /lab/in-host.sh
$functions
$(printf '%s\n' "${parts[@]}")"
expect_status 0
