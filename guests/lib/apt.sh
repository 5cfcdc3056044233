# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Packages of another architecture or release than the machine's: apt roots of our
# own, one per Debian release and architecture, below $build/cache/apt.  They use the mirror, proxy and keys that
# the system's apt is configured with, and change nothing on the system.

# The Debian mirror that the system's apt uses.  Before its first update apt does
# not know whose mirror it has: then the first one will do.
apt_mirror()
{
	apt-get indextargets --format '$(SITE)|$(ORIGIN)|$(RELEASE)' 'Created-By: Packages' |
		awk -F'|' '/security/ { next }
			$2 == "Debian" && !debian { debian = $1 }
			$2 == "" && !unknown { unknown = $1 }
			END { print debian ? debian : unknown }'
}

apt_keyring()
{
	local file

	for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
		if [ -e "$file" ]; then
			echo "$file"
			return 0
		fi
	done
	die "no Debian archive keyring; install the package debian-archive-keyring"
}

# The architecture that the next apt_open is about.
apt_arch=ppc64el

# The suites of a release that we use.
apt_suites()
{
	case $1 in
	bookworm)	echo bookworm bookworm-backports ;;
	*)		echo "$1" ;;
	esac
}

# Sets apt_options so that apt-get and apt-cache work in the root of release $1.
apt_use()
{
	local root=$build/cache/apt/$1-$apt_arch

	mkdir -p "$root/lists/partial" "$build/cache/debs/partial"
	: >"$root/status"
	apt_options=(
		-q
		-o "APT::Architecture=$apt_arch"
		-o "APT::Architectures=$apt_arch"
		-o APT::Sandbox::User=
		-o APT::Install-Recommends=false
		-o Acquire::Languages=none
		-o Dir::State::Lists="$root/lists"
		-o Dir::State::status="$root/status"
		-o Dir::Cache="$root"
		-o Dir::Cache::archives="$build/cache/debs"
		-o Dir::Cache::pkgcache=
		-o Dir::Cache::srcpkgcache=
		-o Dir::Etc::SourceList="$root/sources.list"
		-o Dir::Etc::SourceParts=/dev/null
		-o Dir::Etc::Preferences=/dev/null
		-o Dir::Etc::PreferencesParts=/dev/null
	)
}

# apt_open RELEASE... makes the first release that the mirror serves the
# current one: $apt_release, with package lists of the last half hour.
apt_open()
{
	local mirror keyring release suite root

	for release in "$@"; do
		if [ -n "$(find "$build/cache/apt/$release-$apt_arch/fresh" -mmin -30 2>/dev/null)" ]; then
			apt_use "$release"
			apt_release=$release
			return 0
		fi
	done
	mirror=$(apt_mirror)
	[ -n "$mirror" ] || die "apt has no Debian mirror configured; add one to /etc/apt/sources.list"
	keyring=$(apt_keyring)
	for release in "$@"; do
		apt_use "$release"
		root=$build/cache/apt/$release-$apt_arch
		for suite in $(apt_suites "$release"); do
			echo "deb [signed-by=$keyring] $mirror $suite main"
		done >"$root/sources.list"
		say "reading the package lists of $release for $apt_arch (10 MB)"
		if apt-get "${apt_options[@]}" update --error-on=any >"$root/log" 2>&1; then
			touch "$root/fresh"
			apt_release=$release
			return 0
		fi
		say "the lists of $release cannot be used: $(grep -m 1 '^E:' "$root/log")"
	done
	die "no package lists for $apt_arch; details in $build/cache/apt/*/log"
}

# The newest suite of the current release that has package $1.
apt_suite_of()
{
	local suite found=

	for suite in $(apt_suites "$apt_release"); do
		if apt-cache "${apt_options[@]}" show "$1/$suite" >/dev/null 2>&1; then
			found=$suite
		fi
	done
	[ -n "$found" ] || die "$apt_release has no package $1 for $apt_arch"
	echo "$found"
}

# The package that meta-package $1 of suite $2 stands for.
apt_behind()
{
	apt-cache "${apt_options[@]}" show "$1/$2" |
		sed -n 's/^Depends: \([^ ,]*\).*/\1/p;T;q'
}

# apt_unpack DIR PACKAGE[/SUITE]... downloads and unpacks just these packages.
apt_unpack()
{
	local dir=$1 debs
	shift

	debs=$(mktemp -d "$build/cache/debs/get.XXXXXX")
	(cd "$debs" && apt-get "${apt_options[@]}" download "$@" >"$debs/log" 2>&1) ||
		die "download failed: $(tail -n 3 "$debs/log")"
	unpack_all "$dir" "$debs"
	rm -rf "$debs"
}

# apt_unpack_deep DIR SUITE PACKAGE... also takes all that they depend on.
apt_unpack_deep()
{
	local dir=$1 suite=$2 debs
	shift 2

	debs=$(mktemp -d "$build/cache/debs/get.XXXXXX")
	mkdir "$debs/partial"
	apt-get "${apt_options[@]}" -o Dir::Cache::archives="$debs" -t "$suite" \
		install -y --download-only "$@" >"$debs/log" 2>&1 ||
		die "download failed: $(tail -n 3 "$debs/log")"
	unpack_all "$dir" "$debs"
	rm -rf "$debs"
}

unpack_all()
{
	local deb

	for deb in "$2"/*.deb; do
		dpkg -x "$deb" "$1"
	done
}
