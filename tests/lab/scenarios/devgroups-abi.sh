#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The calls of a group's file, one by one; what is left when its user is killed or its
# devices are unplugged; and quarantine.  Arguments select parts.

. "$(dirname "$0")/lib/devgroups.sh"
. "$(dirname "$0")/lib/devgroups-abi.sh"

set_up='
modprobe -a nvme ehci-pci
modprobe devgroups
nvme=$(group_of 0000:01:00.0) usb=$(group_of 0002:02:01.7)
n=${nvme##*/} u=${usb##*/}
master() { [ $((0x$(od -A n -t x1 -j 4 -N 1 $pci/$1/config | tr -d " ") & 4)) != 0 ]; }
hold()
{
	hold_by /lab/hold $n 0000:01:00.0
	is in-use $nvme
	grep -q -x "$holder hold" $nvme/owner || fail "owner: $(cat $nvme/owner)"
}
'

calls()
{
	two_groups
	run_abi --timeout 400 "$set_up"'
		if /lab/calls $n 0000:01:00.0 info 2>/dev/null; then fail "a free group was opened"; fi
		claim $nvme
		[ "$(ls -l /dev/devgroup/$n | cut -c 1-10)" = crw------- ] || fail "mode"
		/lab/calls $n 0000:01:00.0
		release $nvme
		within 20 test -e /dev/nvme0n1
		rmmod devgroups'
}

# The same with pages of 4K.
calls_4k()
{
	page_size=4k
	calls
	page_size=64k
}

killed()
{
	two_groups
	run_abi --timeout 400 "$set_up"'
		claim $nvme
		for round in $(seq '"${ROUNDS:-15}"'); do
			hold
			master 0000:01:00.0 || fail "the device is not master"
			usleep $((round * 3000))
			kill -9 $holder
			wait $holder || true
			within 20 is claimed $nvme
			if master 0000:01:00.0; then fail "the device is still master"; fi
			grep -q -v " hold" $nvme/owner || fail "owner: $(cat $nvme/owner)"
		done
		release $nvme
		within 20 test -e /dev/nvme0n1
		rmmod devgroups'
}

unplugged()
{
	two_groups
	run_abi --timeout 400 "$set_up"'
		for round in $(seq 5); do
			nvme=$(group_of 0000:01:00.0)
			n=${nvme##*/}
			claim $nvme
			hold
			echo 1 >$pci/0000:01:00.0/remove
			[ ! -e $nvme ] || fail "$nvme is still there"
			[ ! -e /dev/devgroup/$n ] || fail "/dev/devgroup/$n is still there"
			wait $holder || fail "$(cat /tmp/held)"
			grep -q gone /tmp/held || fail "$(cat /tmp/held)"
			echo 1 >/sys/bus/pci/rescan
			within 20 test -e $(group_of 0000:01:00.0)/devices/0000:01:00.0
		done
		dmesg | grep -q "removed while hold .* uses it" || fail "nothing in the log"
		within 20 test -e /dev/nvme0n1

		echo "-- one of three is unplugged, and comes back for the next"
		claim $usb
		exec 3<>/dev/devgroup/$u
		echo 1 >$pci/0002:02:01.1/remove
		is in-use $usb
		echo 1 >/sys/bus/pci/rescan
		within 20 holds devgroups 0002:02:01.1
		exec 3>&-
		is claimed $usb
		release $usb

		echo "-- while the others are reset, with their bus"
		claim $usb
		for round in $(seq 4); do
			rm -f /tmp/stop
			hold_by /lab/resets $u
			usleep $((round * 300000))
			echo 1 >$pci/0002:02:01.1/remove
			touch /tmp/stop
			wait $holder || fail "$(cat /tmp/held)"
			within 20 is claimed $usb
			# Not before: the kernel does not expect a device to come to a bus in reset.
			echo 1 >/sys/bus/pci/rescan
			within 20 holds devgroups 0002:02:01.1
		done
		if dmesg | grep -e "reset failed" -e "has no reset"; then fail "a reset failed"; fi
		release $usb
		rmmod devgroups'
}

# A KVM with the group's windows: whoever of the two ends first, and the device before both.
kvm()
{
	two_groups
	run_abi --timeout 400 "$set_up"'
		modprobe kvm-hv
		claim $nvme
		/lab/kvm $n 0000:01:00.0
		for round in 1 2 3; do
			hold_by /lab/kvm $n 0000:01:00.0 hold
			is in-use $nvme
			refused busy 0 $nvme/claim
			kill -9 $holder
			wait $holder || true
			within 20 is claimed $nvme
		done

		for how in gone asked; do
			echo "-- unplugged: $how"
			hold_by /lab/kvm $n 0000:01:00.0 $how
			echo 1 >$pci/0000:01:00.0/remove
			[ ! -e $nvme ] || fail "$nvme is still there"
			wait $holder || fail "$(cat /tmp/held)"
			grep -q gone /tmp/held || fail "$(cat /tmp/held)"
			echo 1 >/sys/bus/pci/rescan
			within 20 test -e $(group_of 0000:01:00.0)/devices/0000:01:00.0
			nvme=$(group_of 0000:01:00.0) n=${nvme##*/}
			claim $nvme
		done
		release $nvme

		echo "-- merged"
		put "$n $u" $groups/merge || fail "not merged"
		claim $nvme
		/lab/kvm $n 0000:01:00.0
		release $nvme
		put $n $groups/unmerge || fail "not unmerged"
		within 20 test -e /dev/nvme0n1
		rmmod devgroups'
}

# The same in an LPAR, whose tables are the hypervisor's.
kvm_lpar()
{
	new_host
	host_qemu -device spapr-pci-host-bridge,index=1,id=phb1
	add_nvme n0 phb1.0 8
	run_abi --machine pseries --append disable_ddw --timeout 300 '
		modprobe -a nvme devgroups kvm-hv
		address=$(basename $(readlink -f /sys/class/nvme/nvme0/device))
		nvme=$(group_of $address)
		claim $nvme
		/lab/kvm ${nvme##*/} $address arguments doors kvm outlived kept table_taken

		echo "-- unplugged and back, while a KVM has the window"
		hold_by /lab/kvm ${nvme##*/} $address left
		echo 1 >$pci/$address/remove
		echo 1 >/sys/bus/pci/rescan
		within 20 test -e $(group_of $address)/devices/$address
		nvme=$(group_of $address)
		claim $nvme
		/lab/kvm ${nvme##*/} $address busy
		touch /tmp/closed
		/lab/kvm ${nvme##*/} $address busy
		dmesg | grep -q "still has this DMA window" || fail "nothing in the log"
		touch /tmp/ended
		wait $holder || fail "$(cat /tmp/held)"
		/lab/kvm ${nvme##*/} $address kvm
		release $nvme
		within 20 test -e /dev/nvme0n1
		rmmod devgroups'
}

# Calls at random, a million and more, while an administrator freezes now and then.
random()
{
	two_groups
	run_abi --timeout 1400 "$set_up"'
		claim $nvme
		( while [ ! -e /tmp/stop ]; do
			for word in 1 mmio dma "mmio dma"; do
				put "$word" $nvme/freeze || true
				usleep 20000
			done
		done ) &
		/lab/random $n 0000:01:00.0 '"${CALLS:-1600000} ${SEED:-1}"' || fail "status $?"
		touch /tmp/stop
		wait
		is claimed $nvme
		/lab/calls $n 0000:01:00.0
		release $nvme
		within 20 test -e /dev/nvme0n1
		rmmod devgroups'
}

# Opens, closes, claims, releases, resets and unplugs at once.
races()
{
	two_groups
	run_abi --timeout 900 "$set_up"'
		again()
		{
			while [ ! -e /tmp/stop ]; do
				for device in $groups/*/devices/0000:01:00.0; do
					if [ -e $device ]; then "$@" ${device%/devices/*}; fi
				done
				usleep 1000
			done
		}
		flip()
		{
			put 1 $1/claim || true
			usleep $((RANDOM % 400000))
			put 0 $1/claim || true
		}
		reset()
		{
			put 1 $1/reset || true
			for word in 1 mmio dma; do put $word $1/freeze || true; done
			cat $1/* >/dev/null 2>&1 || true
		}
		use()
		{
			timeout -s KILL 0.$((RANDOM % 9 + 1)) /lab/hold ${2##*/} 0000:01:00.0 \
				>/tmp/use.$1 2>&1 || true
		}
		again flip &
		again reset &
		again use 1 &
		again use 2 &
		for round in $(seq '"${ROUNDS:-30}"'); do
			usleep $((round % 5 * 300000))
			if [ -e $pci/0000:01:00.0 ]; then echo 1 >$pci/0000:01:00.0/remove; fi
			echo 1 >/sys/bus/pci/rescan
		done
		touch /tmp/stop
		wait
		nvme=$(group_of 0000:01:00.0)
		within 20 test -e $nvme/devices/0000:01:00.0
		put 1 $nvme/claim || true
		within 20 is claimed $nvme
		/lab/calls ${nvme##*/} 0000:01:00.0
		release $nvme
		within 20 test -e /dev/nvme0n1
		rmmod devgroups'
}

# I/O ports, which a host has that is an LPAR.
io()
{
	new_host
	host_qemu -device "spapr-pci-host-bridge,index=1,id=phb1" \
		-device "ich9-usb-uhci1,bus=phb1.0,addr=2.0,multifunction=on" \
		-device "ich9-usb-uhci2,bus=phb1.0,addr=2.1,multifunction=on" \
		-device "e1000e,bus=phb1.0,addr=3.0,romfile="
	run_abi --machine pseries --timeout 300 '
		modprobe devgroups
		group=$(group_of 0001:00:02.0)
		n=${group##*/}
		claim $group
		/lab/io $n 0001:00:02.0 0001:00:02.1
		/lab/io $n 0001:00:03.0 0001:00:02.1 power
		/lab/io $n 0001:00:02.0 0001:00:02.1 unplug
		within 20 is claimed $group
		release $group
		rmmod devgroups'
}

# The same with pages of 4K.
io_4k()
{
	page_size=4k
	io
	page_size=64k
}

# Steps of opening a group, before the one that resets its device.
steps_to_reset=4

# Every step of an open, of a device, of a reset, and of closing fails once.
failing()
{
	two_groups
	run_abi --timeout 600 "$set_up"'
		claim $nvme
		quarantines=0
		# What a quarantine is like, and that it ends.
		quarantined()
		{
			quarantines=$((quarantines + 1))
			if cat /dev/devgroup/$n 2>/dev/null; then fail "quarantine can be opened"; fi
			refused busy 0 $nvme/claim
			fail_at '"$steps_to_reset"'
			refused "/output error" 1 $nvme/reset
			is quarantined $nvme
			put 1 $nvme/reset || fail "the reset fails again"
		}
		sweep()
		{
			for step in $(seq 100); do
				fail_at $step
				/lab/calls $n 0000:01:00.0 $1 >/tmp/calls 2>&1 || true
				if ! all_steps_done; then break; fi
				if [ "$(cat $nvme/state)" = quarantined ]; then quarantined; fi
				is claimed $nvme
			done
			fail_at 0
			echo "-- $1: $step steps, $quarantines quarantines"
			[ $step -gt 5 ] || fail "that is too few"
			[ $step -lt 100 ] || fail "the sweep has no end"
		}
		for test in open events device mapping reset freeze freeze_open freeze_admin configure; do
			sweep $test
		done
		[ $quarantines -gt 0 ] || fail "no reset failed"
		dmesg | grep -q "its reset failed.*: quarantined" || fail "nothing in the log"
		/lab/calls $n 0000:01:00.0
		release $nvme
		rmmod devgroups'
}

if [ $# = 0 ]; then
	set -- calls calls_4k kvm killed unplugged io io_4k failing random races
fi
for part in "$@"; do
	"$part"
done
