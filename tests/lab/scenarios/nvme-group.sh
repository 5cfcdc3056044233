#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An NVMe disk as a group, claimed from the host's driver: the guest reads 1 GiB
# of it and writes a part of it elsewhere; the host and the disk's own file then
# have that, and the host has its driver back.

. "$(dirname "$0")/lib/guests.sh"

pattern_file "$work/n0.raw" 1024
truncate -s 1280M "$work/n0.raw"
add_nvme n0 pcie.0 2048
run_guests --timeout 900 '
modprobe nvme
holds nvme $slot0
boot 0 "lab-disk /dev/nvme0n1
	dd if=/dev/nvme0n1 bs=1M count=1024 | sha256sum
	dd if=/dev/nvme0n1 bs=1M skip=512 count=256 | dd of=/dev/nvme0n1 bs=1M seek=1024 conv=fsync
	cat /proc/interrupts" --group $slot0 $claim --timeout 800
counted nvme0q1
holds nvme $slot0
lab-disk /dev/nvme0n1
echo "host: $(dd if=/dev/nvme0n1 bs=1M skip=1248 count=32 | sha256sum)"'
expect_output "$(sum_of "$work/n0.raw" 0 1024)" "host: $(sum_of "$work/n0.raw" 736 32)"
expect_equal "$(sum_of "$work/n0.raw" 1024 256)" "$(sum_of "$work/n0.raw" 512 256)" "what the guest wrote"
