#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `pvmm group` on a host without the group driver and then with it: groups are
# listed as the host has them, what is in use is refused with a command that
# clears it, and what was claimed works again after its release.

. "$(dirname "$0")/lib/devgroups.sh"

functions='
nvme=0000:01:00.0 card=0001:01:00.0 usb=0002:02:01.7 share=0005:01:00.0
number_of() { basename "$(readlink "$pci/$1/iommu_group")"; }

run_group()
{
	echo "-- pvmm group $*"
	status=0
	pvmm group "$@" >/tmp/out 2>/tmp/err || status=$?
	cat /tmp/out /tmp/err
}
ok()
{
	run_group "$@"
	[ "$status" = 0 ] || fail "status $status"
	[ ! -s /tmp/err ] || fail "something on standard error"
}
# no TEXT COMMAND...: refused with TEXT, and the host is as it was.
no()
{
	text=$1
	shift
	host_state >/tmp/state
	run_group "$@"
	[ "$status" = 1 ] || fail "status $status"
	grep -q -F -e "$text" /tmp/out /tmp/err || fail "no: $text"
	host_state | diff - /tmp/state || fail "the host is not as it was"
}
has() { grep -q -e "$1" /tmp/out || fail "no: $1"; }
# What check says clears it, is run, once for each thing in the way but the driver.
clear_all()
{
	for round in 1 2 3; do
		pvmm group check "$1" >/tmp/out && return
		sed -n "s/^ *run: //p" /tmp/out | grep -v "^pvmm group claim" >/tmp/commands || return 0
		echo "-- $(cat /tmp/commands)"
		. /tmp/commands
	done
	fail "still in the way: $(cat /tmp/out)"
}
disk_works() { [ "$(dd if=/dev/nvme0n1 bs=1M count=1 2>/dev/null | sha256sum)" = "$sum" ]; }
save() { pvmm group "$@" --json >"/lab/json-$saved" || true; saved=$((saved + 1)); }
saved=0
modprobe -a nvme e1000e ehci-pci usb-storage sd_mod ext4 crc32c_generic vfio-pci vfio_iommu_spapr_tce
within 20 test -e /dev/nvme0n1
within 20 test -e /sys/class/net/eth0
before=$(device_state)
as_before() { [ "$(device_state)" = "$before" ] || { device_state; fail "not as before"; }; }'

# The same with the group driver and without.
both='
n=$(number_of $nvme) c=$(number_of $card) u=$(number_of $usb)
ok --help
ok list --help
ok list
for address in $nvme $card $usb $share; do
	has "^ *\([0-9]* *free *\)\?$address .*$(driver_of $address)$"
done
[ "$(grep -c "^[0-9]" /tmp/out)" = "$(ls /sys/kernel/iommu_groups | wc -l)" ] || fail "not all groups"
ok show $n
has "$nvme  NVM Express controller (1b36:0010), driver nvme"
save list
save show $usb

echo "-- nothing uses the disk"
sum=$(dd if=/dev/nvme0n1 bs=1M count=1 2>/dev/null | sha256sum)
no "is held by the host driver nvme" check $n
has "run: pvmm group claim $n"
for round in 1 2 3; do
	ok claim $n
	holds $taker $nvme
	[ ! -e /dev/nvme0n1 ] || fail "the disk is still there"
	ok check $n
	ok show $n
	has "^state: *claimed"
	has "goes back to nvme"
	no "group $n is claimed already" claim $n
	ok release $n
	as_before
	within 20 disk_works
done
no "group $n is not claimed" release $n

echo "-- a mounted disk"
mkdir -p "/tmp/a \"disk\""
mke2fs -F /dev/nvme0n1 16384 >/dev/null
mount -t ext4 /dev/nvme0n1 "/tmp/a \"disk\""
no "has nvme0n1 mounted on /tmp/a \"disk\"" check $n
save check $n
no "mounted on /tmp/a \"disk\"; run: umount" claim $n
no "pvmm group claim $n --force" claim $nvme
clear_all $n
no "is held by the host driver" check $n
grep -q mounted /tmp/out && fail "still mounted"
mount -t ext4 /dev/nvme0n1 "/tmp/a \"disk\""
ok claim $n --force
holds $taker $nvme
umount "/tmp/a \"disk\""
ok release $n
as_before
# The next command may want the disk under its first name.
within 20 test -e /dev/nvme0n1

echo "-- a network interface"
ip link set eth0 up
no "network interface eth0, which is up" claim $c
ip addr add 10.0.2.15/24 dev eth0
no "which is up with 10.0.2.15; run: " claim $c
ip link set eth0 down
no "which has 10.0.2.15; run: ip address flush dev eth0" claim $c
ip link set eth0 up
clear_all $c
[ -z "$(ip -o -4 addr show dev eth0)" ] || fail "the address is still there"
ok claim $c
ok release $c
within 20 test -e /sys/class/net/eth0
ip link set eth0 up
ok claim $c --force
ok release $c
as_before

echo "-- what the host itself stands on"
no "has share mounted on /lab" check $share
no "mounted on" claim $share

echo "-- several devices, by address"
run_group claim $usb
[ "$status" = 0 ] || fail "status $status"
grep -q "so 0002:02:01.0, UHCI USB controller (8086:2934), comes along" /tmp/err || fail "company"
holds $taker 0002:02:01.0 0002:02:01.1 $usb
save check $u
ok release $u
as_before

echo "-- apply"
mkdir -p /etc/devgroups.d
ok apply
cat >/etc/devgroups.d/10-bad.conf <<END
# a comment
frob $nvme
claim 12
claim 0009:01:00.0
END
cat >/etc/devgroups.d/20-good.conf <<END
claim $nvme	# the disk
claim $usb
END
run_group apply
[ "$status" = 1 ] || fail "status $status"
[ "$(wc -l </tmp/err)" = 3 ] || fail "not three lines"
for line in 2 3 4; do
	grep -q "^pvmm: /etc/devgroups.d/10-bad.conf:$line: " /tmp/err || fail "line $line"
done
holds $taker $nvme $usb
rm /etc/devgroups.d/10-bad.conf
taken=$(device_state)
ok apply
[ "$(device_state)" = "$taken" ] || fail "apply changed what was done already"
ok release $n
ok release $u
rm -r /etc/devgroups.d
as_before
'

without='
ok show $usb
has "not known without the group driver"
no "load it: modprobe devgroups" merge $n $c
no "load it: modprobe devgroups" unmerge $n

echo "-- a guest leaves what is claimed"
ok claim $n
lab-modules
pvmm --group $nvme --kernel /guest/vmlinux --initrd /guest/initrd --timeout 240 \
	--append "console=hvc0 quiet pvmm.run=\"echo guest-runs; sleep 1000\"" </dev/null >/tmp/guest 2>&1 &
guest=$!
within 120 grep -q -a guest-runs /tmp/guest
ok show $n
has "^state: *in-use"
has "^owner: *$guest pvmm"
no "in use by process $guest pvmm" claim $n
no "in use" release $n
no "kill $guest" check $n
kill $guest
wait $guest || true
holds vfio-pci $nvme
ok release $n
as_before'

with='
modprobe devgroups
taker=devgroups
'

with_more='
ok show $usb
has "behind bridge 0002:01:00.0"
has "^ *eeh$"
has "DMA windows: *default 0x0"
ok claim $n
[ "$(cat $groups/$n/state)" = claimed ] || fail "the driver does not know of it"
ok release $n
if [ -e $groups/merge ]; then
	ok merge $n $c
	ok show $card
	has "^group $n, "
	has "merged of: .*$c"
	ok claim $c
	holds devgroups $nvme $card
	no "release it first" unmerge $n
	ok release $n
	ok unmerge $n
	as_before
else
	no "cannot merge groups" merge $n $c
fi
rmmod devgroups'

add_nvme n0 pcie.0 32
# With IPv6 the card would get a further address sooner or later.
add_card c0 e1000e pcie.1 ,ipv6=off
add_usb_combo pcie.2
copies=()
for i in 0 1 2 3 4 5 6 7; do
	copies+=(--copy-out "json-$i")
done
run_devgroups --timeout 900 "${copies[@]}" "$functions
taker=vfio-pci
$both
$without
$with
$both
$with_more"

# What scripts read: valid, and in all of its parts what the host showed.
python3 - "$work" <<-'END' || fail "the JSON is wrong"
	import json, sys
	def read(n):
	    with open(f"{sys.argv[1]}/json-{n}", "rb") as file:
	        return json.loads(file.read().decode("utf-8"))
	for first, driver in (0, False), (4, True):
	    groups, usb, disk, claimed = (read(first + i) for i in range(4))
	    assert all(g["group_driver"] is driver for g in groups)
	    assert [g["group"] for g in groups] == sorted(g["group"] for g in groups)
	    names = {d["address"]: d for g in groups for d in g["devices"]}
	    assert names["0000:01:00.0"]["driver"] == "nvme", names
	    assert "NVM Express" in names["0000:01:00.0"]["name"]
	    assert usb["state"] == "free" and len(usb["devices"]) >= 3
	    assert (usb["reason"] is None) is not driver
	    mount = [b for b in disk["blockers"] if b["kind"] == "mount"]
	    assert disk["blocked"] and mount[0]["fix"] == "umount '/tmp/a \"disk\"'", disk
	    assert mount[0]["driver"] == "nvme" and mount[0]["address"] == "0000:01:00.0"
	    assert claimed["blocked"] is False and claimed["state"] == "claimed", claimed
END
