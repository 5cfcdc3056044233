#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# EHCI with two UHCI companions behind a PCIe-to-PCI bridge: one group of three
# functions, which keep their places, have no MSI, and whose INTx must be level
# triggered and never get stuck, with either interrupt controller.  The host has no
# I/O space, so the guest sees no I/O BARs.

. "$(dirname "$0")/lib/guests.sh"

add_usb_combo pcie.0
run_guests --timeout 900 '
check()
{
	boot 0 "lspci; echo ports: \$(grep -c 0000:00 /proc/ioports)
		modprobe -a usb-storage sd_mod
		lab-disk /dev/sda && dd if=/dev/sda bs=256k iflag=direct | sha256sum; cat /proc/interrupts" \
		--group 0000:02:01.7 "$@"
	said "0000:00:01.0 0c03: 8086:2934" "0000:00:01.1 0c03: 8086:2935" \
		"0000:00:01.7 0c03: 8086:293a ehci-pci" "comes along" "ports: 0"
	counted ehci_hcd
	tr -d "\r" <"$log" | grep ehci_hcd | grep -q Level || fail "INTx is not level triggered"
	not_said "nobody cared"
	holds none 0000:02:01.0 0000:02:01.1 0000:02:01.7
}
check --irqchip xive
check --irqchip xics --cpus 2'
expect_equal "$(grep -a -c "$(sum_of "$work/stick.raw")" "$out")" 2 "right checksums"
