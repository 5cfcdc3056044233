# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For scenarios about the group driver: builds it for the host's kernel and runs
# a script in a host with the functions of devgroups-in-host.sh.

. "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"

devgroups_lib=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
devgroups_top=$devgroups_lib/../../../..

# Page size of the next host.
page_size=64k

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
	local last=$#

	"$devgroups_top/kernel/build" "$page_size"
	run_script --page-size "$page_size" \
		--copy-in "$devgroups_lib/in-host.sh" \
		--copy-in "$devgroups_lib/devgroups-in-host.sh" "${@:1:last-1}" \
		". /lab/in-host.sh; . /lab/devgroups-in-host.sh
		${!last}"
	expect_status 0
}
