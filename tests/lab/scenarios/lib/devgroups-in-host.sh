# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Runs in an emulated host, sourced after in-host.sh by the scripts of scenarios
# about the group driver.

# insmod does not look for what a module needs.
modprobe vfio-pci-core

groups=/sys/devgroups
pci=/sys/bus/pci/devices

# group_of ADDRESS prints the folder of a device's group.
group_of()
{
	echo "$groups/$(basename "$(readlink "$pci/$1/iommu_group")")"
}

# group_numbers prints the names of the folders, without the files beside them.
group_numbers()
{
	for folder in "$groups"/[0-9]*; do
		echo "${folder##*/}"
	done
}

# is STATE GROUP
is()
{
	[ "$(cat "$2/state")" = "$1" ] || fail "$2 is $(cat "$2/state"), not $1"
}

# put VALUE FILE writes; status 1 and no message if the kernel refuses.
put()
{
	sh -c 'echo "$1" >"$2"' - "$1" "$2" 2>/dev/null
}

# refused WHY VALUE FILE: writing must fail with this message.
refused()
{
	message=$(sh -c 'echo "$1" >"$2"' - "$2" "$3" 2>&1) && fail "$3 took $2"
	case $message in
	*"$1"*)	;;
	*)	fail "writing $2 to $3: '$message', not '$1'" ;;
	esac
}

# claim GROUP, release GROUP: must succeed.
claim()
{
	put 1 "$1/claim" || fail "$1 cannot be claimed"
	is claimed "$1"
}

release()
{
	put 0 "$1/claim" || fail "$1 cannot be released"
	is free "$1"
}

# hold_by COMMAND... starts a group's user, $holder, and waits until it says that it holds it.
# shellcheck disable=SC2034
hold_by()
{
	rm -f /tmp/held	# what the last one said
	"$@" >/tmp/held 2>&1 &
	holder=$!
	within 20 grep -q held /tmp/held
}

# fail_at N: the N-th step from now on fails; 0: none does.
fail_at()
{
	echo "$1" >/sys/module/devgroups/parameters/fail_step
}

# all_steps_done: the step that was to fail has come.
all_steps_done()
{
	[ "$(cat /sys/module/devgroups/parameters/fail_step)" = 0 ]
}

# What claims must leave as it was: drivers and overrides of all devices.
device_state()
{
	for folder in "$pci"/*; do
		echo "${folder##*/} $(driver_of "${folder##*/}") $(cat "$folder/driver_override")"
	done
}

# The host's own card, on QEMU's user network: net_up sets it up, card_works if it is.
net_up()
{
	ip link set eth0 up && ip addr replace 10.0.2.15/24 dev eth0
}

card_works()
{
	[ "$(cat /sys/class/net/eth0/carrier)" = 1 ] && ping -c 1 -W 1 10.0.2.2
}
