# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For scenarios about the group driver: builds it for the host's kernel and runs
# a script in a host with the functions of devgroups-in-host.sh.

. "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"

devgroups_lib=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
devgroups_top=$devgroups_lib/../../../..

# The next host: its page size if it is a POWER host (PAGE_SIZE, which may be debug), or arm64
# or amd64.
page_size=${PAGE_SIZE:-64k} architecture=power

# lspci_agrees GROUP: lspci shows the group's devices and nothing else, and the same as of the host's.
lspci_agrees='
plain() { grep -v -e "Kernel driver in use:" -e "IOMMU group:" -e "Physical Slot:"; }
lspci_agrees()
{
	lspci -D -O sysfs.path=$1 -vvv -xxxx | plain >/tmp/group
	for address in $(ls $1/devices); do
		lspci -D -vvv -xxxx -s $address
	done | plain >/tmp/host
	[ -s /tmp/group ] || fail "lspci shows nothing of $1"
	diff /tmp/host /tmp/group || fail "lspci shows something else of $1"
}
'

# Loads the driver and compares it with what the kernel says and lspci shows, without
# what a group does not show: the host's driver, IOMMU group and slots.
# shellcheck disable=SC2034
same_lists=$lspci_agrees'
modprobe devgroups
[ "$(group_numbers)" = "$(ls /sys/kernel/iommu_groups)" ] || fail "other groups than the kernel has"
for group in $groups/[0-9]*; do
	n=${group##*/}
	echo "-- group $n: $(cat $group/reason)"
	[ "$(ls $group/devices)" = "$(ls /sys/kernel/iommu_groups/$n/devices)" ] ||
		fail "other devices in group $n"
	is free $group
	[ "$(cat $group/bus)" = pci ] || fail "bus is $(cat $group/bus)"
	[ -z "$(cat $group/owner)" ] || fail "a free group has an owner"
	lspci_agrees $group
done
# reads_as GROUP FILE LINE: one of the lines of the file.
reads_as() { grep -q -x -e "$3" $1/$2 || fail "$1/$2: $(cat $1/$2), no $3"; }'

# A host with an NVMe disk, a card, and a USB combo, each a group of its own.
three_groups()
{
	new_host
	add_nvme n0 pcie.0 8
	add_card c0 e1000e pcie.1
	add_usb_combo pcie.2
}

# run_devgroups [OPTION]... SCRIPT: like run_script; a check of the script that
# does not hold fails the scenario.
run_devgroups()
{
	local last=$# target=$page_size
	local -a options=(--page-size "$page_size")

	if [ "$architecture" != power ]; then
		target=$architecture options=(--machine "$architecture")
	fi
	"$devgroups_top/kernel/build" "$target"
	run_script "${options[@]}" \
		--copy-in "$devgroups_lib/in-host.sh" \
		--copy-in "$devgroups_lib/devgroups-in-host.sh" "${@:1:last-1}" \
		". /lab/in-host.sh; . /lab/devgroups-in-host.sh
		${!last}"
	expect_status 0
}
