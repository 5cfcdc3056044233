#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A group whose member is a platform device, the test device of tests/lab/platform: listed,
# claimed and released like any other, used through its file, unplugged, and handed to a
# guest.  Arguments select parts.

. "$(dirname "$0")/lib/devgroups.sh"
. "$(dirname "$0")/lib/devgroups-abi.sh"

# run_platform [OPTION]... SCRIPT: like run_abi, with the test device's module in /lab.
run_platform()
{
	"$devgroups_top/tests/lab/platform/build" "$page_size"
	run_abi --copy-in "$devgroups_top/build/kernel/platform-$page_size/lab_platform.ko" "$@"
}

set_up='
modprobe devgroups
insmod /lab/lab_platform.ko
name=lab-platform.0
device=/sys/bus/platform/devices/$name
parameters=/sys/module/lab_platform/parameters
plug() { echo $1 >$parameters/present; }
find_group() { echo $groups/$(basename $(readlink $device/iommu_group)); }
listed() { [ -e $(find_group)/devices/$name ]; }
bound() { [ "$(basename "$(readlink $device/driver)")" = $1 ]; }
within 10 listed
group=$(find_group) n=${group##*/}
'

claimed()
{
	new_host
	run_platform --timeout 300 "$set_up"'
		echo "-- what a free group shows"
		is free $group
		[ "$(cat $group/bus)" = platform ] || fail "bus: $(cat $group/bus)"
		[ "$(cat $group/reason)" = "isolated from all other devices" ] || fail "$(cat $group/reason)"
		grep -q "^default 0x0 0x40000000$" $group/dma_windows || fail "$(cat $group/dma_windows)"
		folder=$group/devices/$name
		# A page of the host.
		read -r start end flags <$folder/resource
		page=$(awk "/KernelPageSize/ { print \$2 * 1024; exit }" /proc/self/smaps)
		[ $((end - start + 1)) = "$page" ] && [ $((flags)) = $((0x200)) ] ||
			fail "$(cat $folder/resource)"
		grep -q "^[1-9][0-9]*$" $folder/irq || fail "irq: $(cat $folder/irq)"
		[ "$(cat $folder/name)" = lab-platform ] || fail "name: $(cat $folder/name)"
		[ "$(readlink -f $folder/host_device)" = "$(readlink -f $device)" ] || fail "host_device"
		[ -z "$(cat $folder/driver_before)" ] || fail "driver_before"
		[ ! -e $folder/config ] || fail "it has config space"
		bound lab-platform || fail "the host has no driver"
		if /lab/platform $n $name info 2>/dev/null; then fail "a free group was opened"; fi

		echo "-- claim and release"
		claim $group
		bound devgroups || fail "not claimed"
		[ "$(cat $folder/driver_before)" = lab-platform ] || fail "$(cat $folder/driver_before)"
		[ "$(cat $device/driver_override)" = devgroups ] || fail "$(cat $device/driver_override)"
		refused busy 1 $group/claim
		put 1 $group/reset || fail "a reset"
		is claimed $group
		release $group
		bound lab-platform || fail "not given back"
		[ "$(cat $device/driver_override)" = "(null)" ] || fail "$(cat $device/driver_override)"
		echo $name >/sys/bus/platform/drivers/lab-platform/unbind
		claim $group
		release $group
		[ ! -e $device/driver ] || fail "it has a driver that it did not have"
		echo $name >/sys/bus/platform/drivers/lab-platform/bind

		echo "-- each step of a claim fails"
		for step in $(seq 100); do
			fail_at $step
			if put 1 $group/claim; then break; fi
			is free $group
			bound lab-platform || fail "step $step: not given back"
		done
		fail_at 0
		[ $step -gt 5 ] || fail "only $step steps"
		release $group

		echo "-- it leaves while claimed, and comes back"
		for round in $(seq 5); do
			claim $group
			exec 3<$group/state 4<$group/devices/$name/resource
			plug 0
			[ ! -e $group ] || fail "$group is still there"
			if cat <&3 2>/dev/null; then fail "state of nothing"; fi
			if cat <&4 2>/dev/null; then fail "resources of nothing"; fi
			exec 3<&- 4<&-
			plug 1
			within 10 listed
			group=$(find_group)
			is free $group
			bound lab-platform || fail "the host has no driver"
		done
		plug 0
		rmmod lab_platform
		rmmod devgroups'
}

claimed_4k()
{
	page_size=4k claimed
}

used()
{
	new_host
	run_platform --timeout 400 "$set_up"'
		claim $group
		/lab/platform $n $name
		is claimed $group

		echo "-- its user is killed, or it is unplugged"
		hold()
		{
			hold_by /lab/platform $n $name hold
			is in-use $group
		}
		for round in $(seq 5); do
			hold
			kill -9 $holder
			wait $holder || true
			within 20 is claimed $group
			/lab/platform $n $name registers >/dev/null
		done
		for round in $(seq 3); do
			hold
			plug 0
			wait $holder || fail "$(cat /tmp/held)"
			grep -q gone /tmp/held || fail "$(cat /tmp/held)"
			[ ! -e $group ] || fail "$group is still there"
			plug 1
			within 10 listed
			group=$(find_group) n=${group##*/}
			claim $group
		done
		dmesg | grep -q "removed while platform .* uses it" || fail "nothing in the log"

		echo "-- a reset fails"
		hold
		echo 1 >$parameters/fail_reset
		kill -9 $holder
		wait $holder || true
		within 20 is quarantined $group
		refused busy 0 $group/claim
		refused "/output error" 1 $group/reset
		echo 0 >$parameters/fail_reset
		put 1 $group/reset || fail "the reset fails again"
		is claimed $group

		echo "-- each step of its use fails"
		for test in info level irq_calls dma freeze freeze_open reset next_user; do
			for step in $(seq 100); do
				fail_at $step
				/lab/platform $n $name $test >/dev/null 2>&1 || true
				if ! all_steps_done; then break; fi
				if [ "$(cat $group/state)" = quarantined ]; then put 1 $group/reset; fi
				is claimed $group
			done
			fail_at 0
			[ $step -gt 5 ] && [ $step -lt 100 ] || fail "$test: $step steps"
		done
		/lab/platform $n $name >/dev/null
		release $group
		plug 0
		rmmod lab_platform
		rmmod devgroups'
}

used_4k()
{
	page_size=4k used
}

# What the test guest's initrd gets in addition: the guest's driver of the device.
make_guest_driver()
{
	"$devgroups_top/tests/lab/platform/build" 64k
	mkdir -p "$work/more"
	cp "$devgroups_top/build/kernel/platform-64k/lab_guest.ko" "$work/more"
	(cd "$work/more" && echo lab_guest.ko | cpio --quiet -o -H newc) >"$work/more.cpio"
}

# A guest finds the device in its tree, and drives it.
guest()
{
	new_host
	make_guest_driver
	run_platform --copy-in "$work/more.cpio" --timeout 500 "$set_up"'
		modprobe kvm-hv
		cat /guest/initrd-6.12-64k /lab/more.cpio >/guest/platform-6.12-64k
		initrd=platform
		try="insmod /lab_guest.ko; dmesg | grep lab-guest; cat /proc/interrupts"

		echo "-- pvmm group"
		pvmm group list | tee /tmp/list
		grep -q "^$n  *free  *$name  *platform device  *lab-platform$" /tmp/list || fail "list"
		pvmm group show $n | tee /tmp/show
		grep -q "$name  platform device, driver lab-platform" /tmp/show || fail "show"
		if pvmm group check $n >/tmp/check; then fail "nothing is in the way"; fi
		grep -q "is held by the host driver lab-platform" /tmp/check || fail "$(cat /tmp/check)"
		pvmm group claim $n
		is claimed $group
		pvmm group check $n
		pvmm group show $n | grep -q "goes back to lab-platform" || fail "show, claimed"

		echo "-- a guest"
		boot 0 "devmem 0x200000000000 32; $try" --group $group --dump-dtb /tmp/dtb
		said 0x4C414231 "scratch is 0" "registers work" "interrupts work" "nothing is mapped" \
			"DMA works"
		not_said failed
		counted lab-platform
		is claimed $group

		echo "-- another one finds the device as after power-on, with the other controller"
		boot 0 "$try" --group $group --irqchip xics
		said "scratch is 0" "interrupts work" "DMA works"
		counted lab-platform

		echo "-- a guest that reboots"
		boot 3 "$try; reboot -f" --group $group --no-reboot
		said "DMA works"

		echo "-- killed, and claimed by pvmm alone"
		launch "$try; sleep 1000" --group $group
		wait_for "DMA works"
		is in-use $group
		kill -9 $pvmm
		wait $pvmm || true
		within 20 is claimed $group
		pvmm group release $n
		is free $group
		bound lab-platform || fail "not given back"
		boot 0 "$try" --group $group
		said "scratch is 0" "DMA works"
		within 20 is free $group
		bound lab-platform || fail "not given back"

		echo "-- by VFIO it cannot be passed"
		if pvmm --group /sys/kernel/iommu_groups/$n --kernel /guest/vmlinux 2>/tmp/refused; then
			fail "it was passed"
		fi
		grep -q "is not a PCI device; load the group driver" /tmp/refused ||
			fail "$(cat /tmp/refused)"
		plug 0
		rmmod lab_platform
		rmmod devgroups'
}

if [ $# = 0 ]; then
	set -- claimed claimed_4k used used_4k guest
fi
for part in "$@"; do
	"$part"
done
