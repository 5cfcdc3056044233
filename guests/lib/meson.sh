# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The Meson that builds pvmm, and the folders that it builds in.  Sourced after
# common.sh and packages.sh.

# The first version that reads meson.options.
meson_needed=1.1.0

# Sets $meson: the machine's, or as Debian 12's is 1.0.1, that of its backports.
find_meson()
{
	meson=meson
	if ! printf '%s\n' "$meson_needed" "$(meson --version)" | sort -C -V; then
		"$top/guests/fetch" meson
		meson=$build/packages/meson/meson
	fi
}

# True if folder $1 was configured, to the end, by the Meson that we use: another would
# be started again when a meson.build has changed.
is_configured()
{
	[ -e "$1/build.ninja" ] &&
		grep -q "\"full\": \"$("$meson" --version)\"" "$1/meson-info/meson-info.json"
}

# configure FOLDER OPTION... makes a build folder unless it is there already.
configure()
{
	local dir=$1
	shift

	find_meson
	if ! is_configured "$dir"; then
		rm -rf "$dir"
		"$meson" setup "$dir" "$top" "$@"
	fi
}
