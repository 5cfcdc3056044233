#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# /sys/devgroups lists exactly the host's IOMMU groups with their devices, says why
# they are groups, and shows unmodified lspci what the host's own files show.

. "$(dirname "$0")/lib/devgroups.sh"

bare_metal()
{
	new_host
	add_nvme n0 pcie.0 8
	add_card c0 e1000e pcie.1
	add_usb_combo pcie.2
	run_devgroups --timeout 300 "$same_lists"'
		nvme=$(group_of 0000:01:00.0) usb=$(group_of 0002:02:01.7)
		reads_as $nvme reason "isolated from all other devices"
		reads_as $usb reason "behind bridge 0002:01:00.0, whose requester id stands .*"
		reads_as "$(group_of 0005:01:00.0)" reason "all functions on bus 0005:01, which .*"
		reads_as $nvme capabilities eeh
		reads_as $nvme capabilities msix-table-guarded
		reads_as $nvme capabilities ddw
		reads_as $nvme dma_windows "default 0x0 0x80000000"
		reads_as $nvme dma_windows "page_sizes 0x40211000"
		# Nothing of a free group lets anyone at the device.
		[ ! -e $nvme/devices/0000:01:00.0/resource0 ] || fail "BARs of a free group"
		refused "ermission denied" 0 $nvme/devices/0000:01:00.0/config
		rmmod devgroups
		[ ! -e $groups ] || fail "$groups is still there"'
}

lpar()
{
	new_host
	host_qemu -device spapr-pci-host-bridge,index=1,id=phb1
	add_nvme n0 phb1.0 8
	add_card c0 e1000e phb1.0
	run_devgroups --machine pseries --timeout 300 "$same_lists"'
		modprobe -a nvme e1000e
		group=$(group_of 0001:00:01.0)
		reads_as $group reason "all devices of PCI host bridge 0001, which the hypervisor .*"
		before=$(device_state)
		claim $group
		holds devgroups $(ls $group/devices)
		release $group
		[ "$(device_state)" = "$before" ] || fail "the drivers are not back"
		rmmod devgroups'
}

bare_metal
page_size=4k
bare_metal
page_size=64k
lpar
