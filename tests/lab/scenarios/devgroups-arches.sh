#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The group driver on arm64 with a SMMUv3 and on amd64 with VT-d: lists the kernel's groups,
# takes and gives back a group of one device and one of two, all or nothing.  Arguments
# select architectures.

. "$(dirname "$0")/lib/devgroups.sh"

# What differs: Linux turns ACS on only where firmware describes the machine by ACPI, so that
# without it, on arm64, a root port is in one group with what is behind it.
declare -A disk_reason=(
	[amd64]="isolated from all other devices"
	[arm64]="traffic can turn around at 0000:00:.*, whose ACS is not on, without passing the IOMMU"
) pair_reason=(
	[amd64]="functions of one device, 0000:03:00, with nothing (no ACS) to keep them apart"
	[arm64]="traffic can turn around at 0000:00:.*, whose ACS is not on, without passing the IOMMU"
)

# With drivers first: before, devices on arm64 are in no group.
set_up='
modprobe -a nvme e1000e
lab-disk /dev/nvme0n1 /dev/nvme1n1
'

groups_of='
disk=$(group_of 0000:01:00.0) pair=$(group_of 0000:03:00.1)
before=$(device_state)
as_before() { [ "$(device_state)" = "$before" ] || { device_state; fail "not as before: $1"; }; }
sum_of_disks() { for i in /dev/nvme*n1; do dd if=$i bs=64k count=4 2>/dev/null | sha256sum; done | sort; }
disks_work() { [ "$(sum_of_disks)" = "$sums" ]; }
sums=$(sum_of_disks)
'

# Interrupt remapping or an ITS: both keep interrupts of other devices out.
lists='
reads_as $disk reason "$disk_reason"
reads_as $pair reason "$pair_reason"
for group in $disk $pair; do
	reads_as $group capabilities msix-table-guarded
	[ -z "$(cat $group/dma_windows)" ] || fail "there are no windows: $(cat $group/dma_windows)"
done
[ "$disk" != "$pair" ] || fail "one group"
# A port stays with the host.
refused "not supported" 1 $(group_of 0000:00:14.0)/claim
'

claims='
for round in 1 2 3; do
	echo "-- round $round"
	claim $disk
	claim $pair
	holds devgroups 0000:01:00.0 0000:03:00.0 0000:03:00.1
	if [ -e /dev/nvme0n1 ] || [ -e /dev/nvme1n1 ]; then fail "a claimed disk is there"; fi
	if rmmod devgroups 2>/dev/null; then fail "unloaded while groups are claimed"; fi
	release $disk
	release $pair
	as_before "round $round"
	net_up
	within 20 disks_work
	within 20 card_works
done
'

# The n-th step fails, for every n until a claim needs fewer.
rollback='
for n in $(seq 100); do
	fail_at $n
	put 1 $pair/claim && break
	all_steps_done || fail "the claim failed without reason"
	is free $pair
	as_before "step $n failed"
done
fail_at 0
echo "-- a claim can fail in $((n - 1)) ways"
[ "$n" -gt 10 ] || fail "that is too few"
[ "$n" -lt 100 ] || fail "the sweep has no end"
release $pair
as_before "the sweep"
'

next_to_vfio='
lab-modules
lab-bind vfio-pci 0000:01:00.0
[ -e /dev/vfio/${disk##*/} ] || fail "VFIO does not have the group"
is free $disk
claim $disk
[ ! -e /dev/vfio/${disk##*/} ] || fail "VFIO has a claimed group"
release $disk
holds vfio-pci 0000:01:00.0
lab-bind nvme 0000:01:00.0
echo >$pci/0000:01:00.0/driver_override
within 20 disks_work
as_before "VFIO"
'

unplug='
claim $pair
echo 1 >$pci/0000:03:00.1/remove
[ ! -e $pair/devices/0000:03:00.1 ] || fail "$(ls $pair/devices)"
is claimed $pair
release $pair
echo 1 >/sys/bus/pci/rescan
within 10 test -e $pair/devices/0000:03:00.1
is free $pair
within 10 as_before "unplugged"
net_up
within 20 disks_work
within 20 card_works
# One that comes to a claimed group belongs to the host afterwards, its DMA included.
claim $pair
echo 1 >$pci/0000:03:00.1/remove
echo 1 >/sys/bus/pci/rescan
within 10 holds devgroups 0000:03:00.1
release $pair
within 10 as_before "replaced"
net_up
within 20 card_works
claim $pair
release $pair
rmmod devgroups
[ ! -e $groups ] || fail "$groups is still there"'

# One disk in a slot, another that shares its slot with a card.  The card has to say, too, that
# it is one of several functions, or Linux gives it a group of its own when it comes back.
on()
{
	echo "== on $1"
	new_host
	add_nvme n0 pcie.0 8
	add_nvme n1 pcie.2,addr=0.0,multifunction=on 8
	add_card c0 e1000e pcie.2,addr=0.1,multifunction=on
	run_devgroups --timeout 600 "
		disk_reason='${disk_reason[$1]}' pair_reason='${pair_reason[$1]}'
		$set_up$same_lists$groups_of$lists$claims$rollback$next_to_vfio$unplug"
}

if [ $# = 0 ]; then
	set -- arm64 amd64
fi
for architecture in "$@"; do
	on "$architecture"
done
