#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Merged groups: one group to every user until they are unmerged, whatever is done to
# their devices meanwhile, and nothing changed when a step fails.  Arguments select parts.

. "$(dirname "$0")/lib/devgroups.sh"

set_up=$lspci_agrees'
modprobe -a nvme e1000e ehci-pci
modprobe devgroups
n=$(group_of 0000:01:00.0) c=$(group_of 0001:01:00.0) u=$(group_of 0002:02:01.7)
nvme=${n##*/} card=${c##*/} usb=${u##*/}
merge() { put "$*" $groups/merge || fail "cannot merge $*"; }
unmerge() { put "$1" $groups/unmerge || fail "cannot unmerge $1"; }
# All folders and files with what tells one grouping from another.
grouping()
{
	( cd $groups; find . | sort; grep . [0-9]*/members [0-9]*/reason [0-9]*/bus )
}
before=$(device_state)
apart=$(grouping)
as_before() { [ "$(device_state)" = "$before" ] || { device_state; fail "not as before: $1"; }; }
is_apart() { [ "$(grouping)" = "$apart" ] || { grouping; fail "other groups than before: $1"; }; }
has_members() { [ "$(cat $1/members)" = "$2" ] || fail "members of $1: $(cat $1/members)"; }
unplug() { echo 1 >$pci/$1/remove; }
rescan() { echo 1 >/sys/bus/pci/rescan; }
'

one_group()
{
	three_groups
	run_devgroups --timeout 400 "$set_up"'
		echo "-- to look at, a merged group is one group"
		has_members $n "$nvme"
		merge $nvme $card
		has_members $n "$nvme $card"
		is free $n
		[ ! -e $c ] || fail "$c is still there"
		[ "$(cat $n/bus)" = pci ] || fail bus
		[ "$(ls $n/devices)" = "$(printf "0000:01:00.0\n0001:01:00.0")" ] || fail devices
		cat >/tmp/reason <<-END
		merged by the administrator
		$nvme: isolated from all other devices
		$card: isolated from all other devices
		END
		diff /tmp/reason $n/reason || fail reason
		lspci -D -O sysfs.path=$n >/tmp/lspci
		cat /tmp/lspci
		grep -q "^0000:01:00.0 Non-Volatile" /tmp/lspci || fail "no disk"
		grep -q "^0001:01:00.0 Ethernet" /tmp/lspci || fail "no card"
		lspci_agrees $n
		grep -q -x "default 0x0 0x80000000" $n/dma_windows || fail dma_windows
		grep -q -x "page_sizes 0x40211000" $n/dma_windows || fail dma_windows
		grep -q -x eeh $n/capabilities || fail capabilities
		as_before "merged"

		echo "-- and to claim"
		for round in 1 2 3; do
			claim $n
			holds devgroups 0000:01:00.0 0001:01:00.0
			[ "$(cat $n/devices/0001:01:00.0/driver_before)" = e1000e ] || fail driver_before
			[ -e $n/devices/0001:01:00.0/resource0 ] || fail "no BARs"
			refused busy $nvme $groups/unmerge
			refused busy "$nvme $usb" $groups/merge
			refused busy "$usb $nvme" $groups/merge
			release $n
			as_before "round $round"
		done

		echo "-- more are added to it, and all come back"
		merge $nvme $usb
		has_members $n "$nvme $card $usb"
		grep -q "^$usb: behind bridge 0002:01:00.0" $n/reason || fail reason
		claim $n
		holds devgroups $(ls $n/devices)
		release $n
		unmerge $nvme
		is_apart "unmerged"
		as_before "unmerged"
		for group in $n $c $u; do
			claim $group
			release $group
		done
		merge $usb $card $nvme
		has_members $u "$usb $card $nvme"
		[ ! -e $n ] || fail "$n is still there"
		[ "$(cat /sys/block/nvme0n1/size)" = 16384 ] || fail "the disk is gone"
		unmerge $usb
		merge $nvme $card
		merge $usb $nvme
		has_members $u "$usb $nvme $card"

		echo "-- unloading undoes it"
		rmmod devgroups
		modprobe devgroups
		is_apart "loaded again"
		rmmod devgroups
		as_before "unloaded"'
}

what_is_refused()
{
	three_groups
	run_devgroups --timeout 300 "$set_up"'
		for text in "$nvme" "" "$nvme $nvme" "$nvme $card $nvme" "$nvme x" "x $nvme" \
				"$nvme -1" "$nvme $card,$usb" "$nvme 99999999999"; do
			refused nvalid "$text" $groups/merge
		done
		refused "No such file" "$nvme 99" $groups/merge
		refused "No such file" "99 $nvme" $groups/merge
		for text in "" x "$nvme $card" "$nvme"; do
			refused nvalid "$text" $groups/unmerge
		done
		refused "No such file" 99 $groups/unmerge
		claim $c
		refused busy "$nvme $card" $groups/merge
		refused busy "$card $nvme" $groups/merge
		refused busy "$nvme $usb $card" $groups/merge
		refused busy "$card" $groups/unmerge
		release $c
		is_apart "all refused"
		merge $nvme $card
		refused "No such file" "$usb $card" $groups/merge
		refused "No such file" "$card $usb" $groups/merge
		refused "No such file" "$card" $groups/unmerge
		if cat $groups/merge 2>/dev/null; then fail "merge can be read"; fi
		as_before "all refused"
		rmmod devgroups'
}

# VFIO takes members one by one, if it can.
next_to_vfio()
{
	three_groups
	run_devgroups --timeout 600 "$set_up"'
		lab-modules
		boots()
		{
			pvmm --kernel /guest/vmlinux --initrd /guest/initrd --timeout 300 \
				--group /sys/kernel/iommu_groups/$card \
				--append "console=hvc0 quiet pvmm.run=\"echo guest-runs; sleep 200\"" \
				</dev/null >/tmp/pvmm.log 2>&1
		}
		echo "-- not while the merged group is claimed"
		merge $nvme $card
		claim $n
		if boots; then fail "VFIO got a member of a claimed group"; fi
		grep -q guest-runs /tmp/pvmm.log && fail "VFIO got a member of a claimed group"
		holds devgroups 0000:01:00.0 0001:01:00.0
		release $n

		echo "-- VFIO has one member"
		lab-bind vfio-pci 0001:01:00.0
		is free $n
		bound=$(device_state)
		boots &
		within 60 grep -q guest-runs /tmp/pvmm.log
		is in-use $n
		refused busy 1 $n/claim
		refused busy $nvme $groups/unmerge
		refused busy "$nvme $usb" $groups/merge
		refused busy "$usb $nvme" $groups/merge
		is in-use $n
		[ "$(device_state)" = "$bound" ] || fail "a refused claim changed something"
		kill $(pidof pvmm)
		wait || true
		is free $n
		claim $n
		[ "$(cat $n/devices/0001:01:00.0/driver_before)" = vfio-pci ] || fail driver_before
		release $n
		[ "$(device_state)" = "$bound" ] || fail "not with vfio-pci again"
		unmerge $nvme
		is_apart "unmerged"
		rmmod devgroups'
}

# Members that lose devices, get some, leave for good, and come back as somebody else.
unplug_members()
{
	three_groups
	run_devgroups --timeout 600 "$set_up"'
		comes_back() { within 10 test -e $(group_of $1)/devices/$1; }
		for taken in no yes; do
			echo "-- claimed: $taken"
			state=free
			merge $nvme $usb $card
			if [ $taken = yes ]; then claim $n; state=claimed; fi
			unplug 0002:02:01.1
			has_members $n "$nvme $usb $card"
			rescan
			within 10 test -e $n/devices/0002:02:01.1
			has_members $n "$nvme $usb $card"
			is $state $n
			if [ $taken = yes ]; then within 10 holds devgroups 0002:02:01.1; fi

			# The member goes with its last device.
			unplug 0001:01:00.0
			has_members $n "$nvme $usb"
			is $state $n
			rescan
			comes_back 0001:01:00.0
			c=$(group_of 0001:01:00.0)
			has_members $c "${c##*/}"
			is free $c
			has_members $n "$nvme $usb"
			claim $c
			release $c

			# The group is named after the next one when the one that named it goes.
			unplug 0000:01:00.0
			[ ! -e $n ] || fail "$n is still there"
			has_members $u "$usb"
			is $state $u
			[ "$(ls $u/devices | wc -l)" = 3 ] || fail "$(ls $u/devices)"
			if [ $taken = yes ]; then
				refused busy $usb $groups/unmerge
			else
				refused nvalid $usb $groups/unmerge
			fi
			rescan
			comes_back 0000:01:00.0
			n=$(group_of 0000:01:00.0)
			is free $n
			has_members $n "${n##*/}"
			is $state $u
			if [ $taken = yes ]; then
				holds devgroups 0002:02:01.0 0002:02:01.1 0002:02:01.7
				release $u
			fi
			nvme=${n##*/} card=${c##*/}
			within 10 as_before "unplugged"
			is_apart "unplugged"
		done

		echo "-- the name stays when it cannot be changed, with the next member"
		merge $nvme $usb $card
		fail_at 1
		unplug 0000:01:00.0
		all_steps_done || fail "the group was renamed"
		has_members $n "$usb $card"
		unmerge $nvme
		has_members $n "$usb"
		has_members $c "$card"
		claim $n
		holds devgroups 0002:02:01.7
		release $n
		rmmod devgroups
		modprobe devgroups
		rescan
		comes_back 0000:01:00.0
		within 10 as_before "unmerged"
		is_apart "unmerged"

		echo "-- all leave"
		merge $nvme $card
		claim $n
		unplug 0000:01:00.0
		is claimed $c
		has_members $c "$card"
		unplug 0001:01:00.0
		[ ! -e $c ] || fail "$c is still there"
		rmmod devgroups
		modprobe devgroups
		rescan
		within 10 as_before "all came back"
		rmmod devgroups'
}

# The n-th step of a merge, a claim and an unmerge fails, for every n.
rollback()
{
	three_groups
	run_devgroups --timeout 600 "$set_up"'
		# sweep LEAST VALUE FILE: each failure leaves what "still" says.
		sweep()
		{
			for step in $(seq 200); do
				fail_at $step
				if put "$2" $3; then
					if all_steps_done; then fail "step $step failed, $3 did not"; fi
					break
				fi
				all_steps_done || fail "$3 failed without reason"
				still
				as_before "step $step failed"
			done
			fail_at 0
			echo "-- $3 can fail in $((step - 1)) ways"
			[ "$step" -gt "$1" ] || fail "that is too few"
		}
		still() { is_apart "step $step"; }
		sweep 15 "$nvme $card $usb" $groups/merge
		together=$(grouping)
		still() { is free $n; [ "$(grouping)" = "$together" ] || fail "step $step: other groups"; }
		sweep 15 1 $n/claim
		release $n
		sweep 15 $nvme $groups/unmerge
		is_apart "unmerged"
		as_before "unmerged"
		rmmod devgroups'
}

# Whatever is done at the same time.
races()
{
	three_groups
	run_devgroups --timeout 600 "$set_up"'
		again() { while [ ! -e /tmp/stop ]; do "$@"; done; }
		flip()
		{
			for group in $groups/[0-9]*; do
				[ ${group##*/} != "$lab" ] || continue
				put 1 $group/claim || true
				put 0 $group/claim || true
			done
		}
		lab=$(basename $(group_of 0005:01:00.0))
		knit()
		{
			put "$1" $groups/merge || true
			usleep 20000
			put ${1%% *} $groups/unmerge || true
		}
		look() { cat $groups/*/* $groups/*/devices/*/config >/dev/null 2>&1 || true; }
		again flip &
		again knit "$nvme $card" &
		again knit "$card $usb $nvme" &
		again knit "$usb $nvme" &
		again look &
		for round in $(seq '"${ROUNDS:-12}"'); do
			echo "-- round $round"
			for address in 0000:01:00.0 0002:02:01.1 0001:01:00.0; do
				if [ -e $pci/$address ]; then unplug $address; fi
			done
			usleep $((round * 40000))
			rescan
			usleep $((round * 40000))
			if rmmod devgroups 2>/dev/null; then modprobe devgroups; fi
		done
		touch /tmp/stop
		wait
		for group in $groups/[0-9]*; do
			put 0 $group/claim || true
			put ${group##*/} $groups/unmerge || true
		done
		within 10 test -e $(group_of 0000:01:00.0)/devices/0000:01:00.0
		within 10 test -e $(group_of 0001:01:00.0)/devices/0001:01:00.0
		[ "$(group_numbers | wc -l)" = 4 ] || fail "groups: $(ls $groups)"
		n=$(group_of 0000:01:00.0) c=$(group_of 0001:01:00.0)
		merge ${n##*/} ${c##*/} $usb
		claim $n
		release $n
		unmerge ${n##*/}
		within 20 as_before "after all"
		rmmod devgroups'
}

# The hypervisor gives each PE a table of its own.
lpar()
{
	new_host
	host_qemu -device spapr-pci-host-bridge,index=1,id=phb1
	add_nvme n0 phb1.0 8
	run_devgroups --machine pseries --timeout 300 '
		modprobe devgroups
		[ "$(group_numbers | wc -l)" = 2 ] || fail "groups: $(group_numbers)"
		refused "not supported" "0 1" $groups/merge
		[ "$(cat $groups/1/members)" = 1 ] || fail members
		rmmod devgroups'
}

if [ $# = 0 ]; then
	set -- one_group what_is_refused next_to_vfio unplug_members rollback races lpar
fi
for part in "$@"; do
	"$part"
done
