#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The test guest, shown with the peer: it runs pvmm.run and powers off, it has the
# driver of an NVMe disk that was passed through, and it panics after a failure.

. "$(dirname "$0")/../lib/scenario.sh"

add_nvme n0 pcie.0 8
run_script --timeout 300 --with-peer '
	lab-modules
	lab-bind vfio-pci 0000:01:00.0
	ls -l "$(lab-group 0000:01:00.0)/devices"
	lab-peer -m 512 -kernel /guest/vmlinux -initrd /guest/initrd \
		-append "console=hvc0 quiet pvmm.run=\"lspci; lab-disk /dev/nvme0n1; sha256sum </dev/nvme0n1; echo done\"" \
		-device vfio-pci,host=0000:01:00.0
	echo "first guest: $?"
	lab-peer -m 512 -kernel /guest/vmlinux-6.1 -initrd /guest/initrd-6.1 \
		-append "console=hvc0 quiet pvmm.run=\"echo one; false\""'
expect_status 0
expect_output '0108: 1b36:0010 nvme' "$(sum_of "$work/n0.raw")" 'first guest: 0' \
	'the command failed with status 1' 'sysrq triggered crash'
