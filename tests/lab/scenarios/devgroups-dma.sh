#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# DMA of an open group: every call with right and wrong arguments, a disk that writes
# where it is told and nowhere else, and nothing left afterwards.  Arguments select parts.

. "$(dirname "$0")/lib/devgroups.sh"
. "$(dirname "$0")/lib/devgroups-abi.sh"

set_up='
modprobe nvme
modprobe devgroups
'

# use_disk ADDRESS [TEST...], with $other claimed if there is one: all pages that were pinned are free again in the end.
use_disk='
use_disk()
{
	disk=$(group_of $1)
	claim $disk
	if [ -n "$other" ]; then
		claim $other
		export OTHER_GROUP=${other##*/}
	fi
	before=$(pins)
	/lab/dma ${disk##*/} "$@"
	within 20 pinned_as $before
	release $disk
	if [ -n "$other" ]; then release $other; fi
	within 20 test -e /dev/nvme0n1
	[ "$(dd if=/dev/nvme0n1 bs=1M count=1 2>/dev/null | sha256sum)" = "$sum" ] || fail "the disk"
}
sum=$(dd if=/dev/nvme0n1 bs=1M count=1 2>/dev/null | sha256sum)
'

powernv()
{
	new_host
	add_nvme n0 pcie.0 8
	add_usb_combo pcie.2
	run_abi --timeout 300 "$set_up$use_disk"'
		other=$(group_of 0002:02:01.7)
		use_disk 0000:01:00.0 '"${TESTS:-}"'
		rmmod devgroups'
}

on_64k()
{
	page_size=${PAGE_SIZE:-64k} powernv
}

on_4k()
{
	page_size=4k powernv
}

lpar()
{
	new_host
	host_qemu -device spapr-pci-host-bridge,index=1,id=phb1
	add_nvme n0 phb1.0 8
	run_abi --machine pseries --append disable_ddw --timeout 300 "$set_up$use_disk"'
		other=
		address=$(basename $(readlink -f /sys/class/nvme/nvme0/device))
		use_disk $address '"${TESTS:-}"'
		rmmod devgroups'
}

# A merged group has its windows in the IOMMU of each member: all or none, whichever step fails. Each
# page that is mapped is a step, so the further on, the more of them are left out.
merged()
{
	new_host
	add_nvme n0 pcie.0 8
	add_card c0 e1000e pcie.1
	run_abi --timeout 3600 "$set_up"'
		disk=$(group_of 0000:01:00.0) card=$(group_of 0001:01:00.0)
		number=${disk##*/}
		put "$number ${card##*/}" $groups/merge || fail "cannot merge"
		claim $disk
		before=$(pins)
		for test in info windows memory map list disk windows_blocked; do
			/lab/dma $number 0000:01:00.0 $test
			within 20 pinned_as $before
			step=1
			until [ $step -gt 100000 ]; do
				fail_at $step
				/lab/dma $number 0000:01:00.0 $test >/tmp/dma 2>&1 || true
				if ! all_steps_done; then break; fi
				within 20 pinned_as $before
				within 20 is claimed $disk
				step=$((step + 1 + step / 16))
			done
			fail_at 0
			echo "-- $test: $step steps"
			[ $step -gt 5 ] || fail "that is too few"
			[ $step -le 100000 ] || fail "the sweep has no end"
		done
		grep -q "^memory 0 kB" $disk/dma_pinned || fail "$(cat $disk/dma_pinned)"
		grep -q "^tables 0 kB" $disk/dma_pinned || fail "$(cat $disk/dma_pinned)"
		release $disk
		put $number $groups/unmerge || fail "cannot unmerge"
		rmmod devgroups'
}

if [ $# = 0 ]; then
	set -- on_64k on_4k lpar merged
fi
for part in "$@"; do
	"$part"
done
