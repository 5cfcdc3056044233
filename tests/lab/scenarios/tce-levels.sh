#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who handles the guest's DMA mappings: KVM, which leaves hardly a call to pvmm, with lists or without; pvmm; or
# KVM the single ones, pvmm the lists.  Either way the disk's contents are right, and nothing stays pinned.

. "$(dirname "$0")/lib/guests.sh"

build_hostile_guest
pattern_file "$work/n0.raw" 64
truncate -s 128M "$work/n0.raw"
add_nvme n0 pcie.0 128
run_guests --timeout 900 --copy-in "$work/hostile" '
modprobe nvme

# copies LEVEL: past the guest page cache, so that each read and write is mapped anew.
copies()
{
	before=$(pins)
	boot 0 "lab-disk /dev/nvme0n1
		dd if=/dev/nvme0n1 bs=256k count=256 iflag=direct | sha256sum
		dd if=/dev/nvme0n1 of=/dev/nvme0n1 bs=256k count=64 seek=256 iflag=direct oflag=direct" \
		--group $slot0 $claim --timeout 400 --verbose --tce "$1"
	calls=$(sed -n "s/.*TCEs: pvmm handled \([0-9]*\) calls, \([0-9]*\) of .*/\1 \2/p" "$log")
	first=${calls#* } calls=${calls% *}
	within 5 pinned_as "$before"
}

# No more than one for each piece of memory: 2 MiB of 512 MiB.
hardly_a_call()
{
	[ "$calls" -gt 0 ] || fail "the first call into memory must come to pvmm"
	[ "$calls" = "$first" ] || fail "$calls calls came to pvmm, $first of them to register memory"
	[ "$calls" -le 256 ] || fail "$calls calls came to pvmm"
}

copies kvm
said "TCEs: handled by KVM"
hardly_a_call

copies single
said "TCEs: single ones handled by KVM, lists by pvmm"
hardly_a_call

copies auto
said "TCEs: single ones handled by KVM, lists by pvmm"
[ "$calls" -gt 320 ] || fail "only $calls calls came to pvmm: KVM has lists"

copies pvmm
case $taker in
vfio-pci)	said "TCEs: handled by pvmm, each run of neighbours in a call: --tce pvmm" ;;
devgroups)	said "TCEs: handled by pvmm, a list in one call: --tce pvmm" ;;
esac
# 80 MiB in pieces of 256 KiB, at least.
[ "$calls" -gt 320 ] || fail "only $calls calls came to pvmm"

# hostile MODE WORD LEVEL: what no kernel asks for has its status, and changes nothing.
hostile()
{
	echo "-- hostile $1, --tce $3"
	pvmm --kernel /lab/hostile --append "$1" --group $slot0 $claim --timeout 100 \
		--tce "$3" </dev/null >"$log" 2>&1 || fail "status $?: $(cat "$log")"
	said "$2"
	not_said "another status"
	within 5 pinned_as 0
}
hostile t asked kvm
hostile t asked pvmm
hostile u listed pvmm
hostile u listed auto
hostile u listed single
holds nvme $slot0'
expect_output "$(sum_of "$work/n0.raw" 0 64)"
expect_equal "$(sum_of "$work/n0.raw" 64 16)" "$(sum_of "$work/n0.raw" 0 16)" "what the guest wrote"
