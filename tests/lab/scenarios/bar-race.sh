#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One CPU of a guest reads a BAR all the time while another switches decoding, or the power
# state, off and on, or resets the function, and while the host freezes the group: a read gives what
# is there, or all ones.

. "$(dirname "$0")/lib/guests.sh"

build_for_guest lab-bar-race

# A guest with EEH has its group frozen by the first read that nobody answers (eeh.sh).
set_up='
enrich /lab/lab-bar-race
append="quiet pvmm.drivers=no eeh=off"
'

add_nvme n0 pcie.0 16
add_card e0 e1000e pcie.1
# On bare metal QEMU crashes now and then, or gives the host a machine check, when one CPU of the host is at a device
# that another one switches or resets.
cpus=1
if [ "$machine" = pseries ]; then
	cpus=2
fi
run_guests --cpus "$cpus" --timeout 900 --copy-in "$work/lab-bar-race" "$set_up"'
disk="--group $slot0" card="--group $slot1"

# The version and the admin queue sizes of the disk, the VLAN type of the card: what is in them stays.
boot 0 "lab-bar-race 0000:00:00.0 8 6 && lab-bar-race 0000:00:00.0 0x24 6 store &&
	lab-bar-race 0000:00:00.0 8 4 power" $disk $claim --cpus 2
said_times 3 " 0 others"
not_said "KVM_RUN failed"
boot 0 "lab-bar-race 0000:00:00.0 8 6 reset" $disk $claim --cpus 2
said " 0 others"
not_said "KVM_RUN failed"
boot 0 "lab-bar-race 0000:00:00.0 0x38 6 && lab-bar-race 0000:00:00.0 0x38 6 store power" \
	$card $claim --cpus 2
said_times 2 " 0 others"
not_said "KVM_RUN failed"
holds none $slot0 $slot1'

if [ "$backend" = devgroups ]; then
	new_host
	add_nvme n0 pcie.0 16
	run_guests --cpus 1 --timeout 900 --copy-in "$work/lab-bar-race" "$set_up"'
	group=$(folder_of $slot0)
	launch "lab-bar-race 0000:00:00.0 8 20; true" --group $slot0 --cpus 2
	wait_for "it is"
	for n in 1 2 3; do
		echo 1 >"$group/freeze"
		sleep 1
		echo "mmio dma" >"$group/freeze"
		sleep 1
	done
	ended 0
	said " 0 others"
	not_said "KVM_RUN failed"
	holds none $slot0'
fi
