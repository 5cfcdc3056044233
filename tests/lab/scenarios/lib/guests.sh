# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For scenarios about pvmm itself: runs a script in a host with the functions of
# in-host.sh at hand.

. "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"

scenario_lib=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

# run_guests [OPTION]... SCRIPT: like run_script; a check of the script that does
# not hold fails the scenario.
run_guests()
{
	local last=$#

	run_script --copy-in "$scenario_lib/in-host.sh" "${@:1:last-1}" \
		". /lab/in-host.sh; lab-modules
		${!last}"
	expect_status 0
}
