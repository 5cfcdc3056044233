#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The guest makes itself a 64-bit DMA window, and its disk works through it: mapped as needed,
# or all of memory at once if that is locked anyway.  Where no such windows are offered it
# makes none.
#
# usage: ddw.sh [GUEST]...

. "$(dirname "$0")/lib/guests.sh"

guests=${*:-6.12-64k}
pattern_file "$work/n0.raw" 32
add_nvme n0 pcie.0 32
run_guests --timeout 1500 '
# windows PVMM_OPTION...
windows()
{
	boot 0 "lab-disk /dev/nvme0n1
		dmesg | grep -F pe-dma-window
		dd if=/dev/nvme0n1 bs=256k iflag=direct | sha256sum
		dd if=/dev/nvme0n1 bs=256k iflag=direct | sha256sum" \
		--group $slot0 $claim --timeout 400 --verbose "$@"
}

for guest in '"$guests"'; do
	# In the new window KVM does it all, once memory is registered.
	windows --tce kvm
	said "returned 0 (liobn = 0x80000001 starting addr = 8000000 0)"
	said "has made a DMA window of 256 MiB at 0x800000000000000, 4 KiB pages"
	said_times 2 "TCEs: handled by KVM"
	calls=$(sed -n "s/.*TCEs: pvmm handled \([0-9]*\) calls, \([0-9]*\) of .*/\1 \2/p" "$log")
	[ "${calls% *}" = "${calls#* }" ] || fail "calls, and those that registered memory: $calls"
	windows --dma nowindow64
	not_said "ibm,query-pe-dma-window" "has made a DMA window"
done

# All of memory is locked, and Linux maps it once.
windows --dma all --tce kvm
said "100% of guest memory locked for DMA" "has made a DMA window of 512 MiB" \
	" calls, 0 of them to register memory"
'
expect_equal "$(grep -a -c "$(sum_of "$work/n0.raw")" "$out")" "$((4 * $(wc -w <<<"$guests") + 2))" "right checksums"
