#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Claiming and releasing groups: again and again with the devices working after
# each, all or nothing when any step fails, one of several at once, and never a
# group that VFIO has.  Arguments select parts.

. "$(dirname "$0")/lib/devgroups.sh"

set_up='
modprobe -a nvme e1000e ehci-pci usb-storage sd_mod
modprobe devgroups
nvme=$(group_of 0000:01:00.0) card=$(group_of 0001:01:00.0) usb=$(group_of 0002:02:01.7)
before=$(device_state)
as_before() { [ "$(device_state)" = "$before" ] || { device_state; fail "not as before: $1"; }; }
disk_works() { [ "$(dd if=/dev/nvme0n1 bs=1M count=1 2>/dev/null | sha256sum)" = "$disk_sum" ]; }
# The interface is a new one each time, without an address.
net_up() { ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0; }
stick_works() { [ "$(cat /dev/sd? | dd bs=64k count=1 2>/dev/null | sha256sum)" = "$stick_sum" ]; }
'

repeatedly()
{
	three_groups
	run_devgroups --timeout 1800 "$set_up"'
		disk_sum=$(dd if=/dev/nvme0n1 bs=1M count=1 2>/dev/null | sha256sum)
		lab-disk /dev/sda
		stick_sum=$(dd if=/dev/sda bs=64k count=1 2>/dev/null | sha256sum)
		[ "$disk_sum" != "$stick_sum" ] || fail "nothing to compare"
		for round in $(seq '"${ROUNDS:-20}"'); do
			echo "-- round $round"
			for group in $nvme $card $usb; do
				claim $group
				holds devgroups $(ls $group/devices)
				grep -q -x "[0-9]* sh" $group/owner || fail "owner: $(cat $group/owner)"
			done
			[ "$(cat $usb/devices/0002:02:01.7/driver_before)" = ehci-pci ] || fail driver_before
			[ -z "$(cat $usb/devices/0002:02:01.0/driver_before)" ] || fail driver_before
			[ ! -e /dev/nvme0n1 ] || fail "the disk of a claimed group is there"
			for group in $nvme $card $usb; do
				release $group
			done
			as_before "round $round"
			net_up
			within 20 disk_works
			within 20 card_works
			within 40 stick_works
		done'
}

# The n-th step fails, for every n until a claim needs fewer.
rollback()
{
	three_groups
	run_devgroups --timeout 600 "$set_up"'
		sweep()
		{
			for n in $(seq 100); do
				fail_at $n
				if put 1 $1/claim; then
					if all_steps_done; then fail "step $n failed, the claim did not"; fi
					break
				fi
				all_steps_done || fail "the claim failed without reason"
				is free $1
				as_before "step $n failed"
				[ -z "$(cat $1/devices/*/driver_before)" ] || fail "driver_before is left"
			done
			echo "-- $1 can fail in $((n - 1)) ways"
			[ "$n" -gt "$2" ] || fail "that is too few"
			# The steps of a release: it is refused as a whole, and can be repeated.
			fail_at 1
			refused "memory" 0 $1/claim
			is claimed $1
			holds devgroups $(ls $1/devices)
			release $1
			as_before "released"
		}
		sweep $nvme 7
		sweep $usb 13
		rmmod devgroups
		# Listing: what cannot be listed is left out, the rest is there.
		for n in $(seq 100); do
			modprobe devgroups fail_step=$n
			all_steps_done || break
			rmmod devgroups
		done
		echo "-- listing can fail in $((n - 1)) ways"
		[ "$n" -gt 20 ] || fail "that is too few"
		[ "$n" -lt 100 ] || fail "the sweep has no end"
		rmmod devgroups
		as_before "listed"'
}

# Several at once, somebody with a mounted disk, unloading.
together()
{
	three_groups
	add_nvme n1 pcie.3 32
	run_devgroups --timeout 600 "$set_up"'
		for round in $(seq 10); do
			rm -f /tmp/won.*
			for writer in 1 2 3 4; do
				( if put 1 $usb/claim; then touch /tmp/won.$writer; fi ) &
			done
			wait
			[ "$(ls /tmp/won.* | wc -l)" = 1 ] || fail "won: $(ls /tmp/won.*)"
			refused busy 1 $usb/claim
			release $usb
			refused "nvalid" 0 $usb/claim
		done
		as_before "one of four"
		for writer in 1 2 3 4; do
			( for i in $(seq 15); do
				put $((i % 2)) $nvme/claim || true
				put $((writer % 2)) $usb/claim || true
			done ) &
		done
		wait
		put 0 $nvme/claim || true
		put 0 $usb/claim || true
		is free $nvme
		is free $usb
		as_before "claims and releases at once"
		refused "nvalid" 2 $nvme/claim

		echo "-- a claimed group keeps the module"
		claim $card
		if rmmod devgroups 2>/dev/null; then fail "unloaded while a group is claimed"; fi
		# No way around the claim: the driver has no bind and unbind, and binds nothing by itself.
		[ ! -e $pci/0001:01:00.0/driver/unbind ] || fail "can be unbound"
		echo devgroups >$pci/0000:01:00.0/driver_override
		echo 0000:01:00.0 >$pci/0000:01:00.0/driver/unbind
		put 0000:01:00.0 /sys/bus/pci/drivers_probe || true
		holds none 0000:01:00.0
		echo >$pci/0000:01:00.0/driver_override
		echo 0000:01:00.0 >/sys/bus/pci/drivers_probe
		release $card

		echo "-- the driver has gone in the meantime"
		claim $card
		rmmod e1000e
		refused "rror" 0 $card/claim
		is free $card
		holds none 0001:01:00.0
		modprobe e1000e
		as_before "e1000e is loaded again"

		echo "-- a mounted disk"
		other=$(group_of 0003:01:00.0)
		# Known by its size: the name changes while the old disk is mounted.
		disk() { basename "$(dirname "$(grep -l -x 65536 /sys/block/nvme*/size)")"; }
		modprobe -a crc32c_generic ext4
		mke2fs /dev/$(disk) >/dev/null
		mkdir -p /tmp/mounted
		mount -t ext4 /dev/$(disk) /tmp/mounted
		echo kept >/tmp/mounted/file
		sync
		claim $other
		holds devgroups 0003:01:00.0
		release $other
		holds nvme 0003:01:00.0
		umount /tmp/mounted
		within 20 grep -l -x 65536 /sys/block/nvme*/size
		mount -t ext4 /dev/$(disk) /tmp/mounted
		[ "$(cat /tmp/mounted/file)" = kept ] || fail "the file is gone"
		umount /tmp/mounted

		rmmod devgroups
		[ ! -e $groups ] || fail "$groups is still there"
		modprobe devgroups
		claim $nvme
		release $nvme
		rmmod devgroups'
}

# Neither takes a group that the other has.
next_to_vfio()
{
	three_groups
	run_devgroups --timeout 600 "$set_up"'
		lab-modules
		vfio=/sys/kernel/iommu_groups/${usb##*/}
		claim $usb
		boots()
		{
			pvmm --kernel /guest/vmlinux --initrd /guest/initrd --timeout 300 --group $vfio \
				--append "console=hvc0 quiet pvmm.run=\"echo guest-runs; sleep 200\"" \
				</dev/null >/tmp/pvmm.log 2>&1
		}
		if boots; then fail "VFIO got a claimed group"; fi
		grep -q guest-runs /tmp/pvmm.log && fail "VFIO got a claimed group"
		is claimed $usb
		holds devgroups $(ls $usb/devices)
		release $usb

		echo "-- VFIO has it"
		lab-bind vfio-pci 0002:02:01.0 0002:02:01.1 0002:02:01.7
		is free $usb
		bound=$(device_state)
		boots &
		within 60 grep -q guest-runs /tmp/pvmm.log
		is in-use $usb
		refused busy 1 $usb/claim
		is in-use $usb
		[ "$(device_state)" = "$bound" ] || fail "a refused claim changed something"
		kill $(pidof pvmm)
		wait || true
		is free $usb

		echo "-- vfio-pci holds it, nobody uses it"
		claim $usb
		[ "$(cat $usb/devices/0002:02:01.1/driver_before)" = vfio-pci ] || fail driver_before
		release $usb
		[ "$(device_state)" = "$bound" ] || fail "not with vfio-pci again"
		rmmod devgroups'
}

if [ $# = 0 ]; then
	set -- repeatedly rollback together next_to_vfio
fi
for part in "$@"; do
	"$part"
done
