// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which IP addresses a network interface of the host has. The kernel shows those of an interface
 * that is down by netlink only.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "vmm/group/host_check.h"

/* The part of @address that is text; NULL: no address that somebody gave to the interface. */
static const void *given_address(const struct sockaddr *address)
{
	const struct sockaddr_in6 *in6 = (const void *)address;

	if (!address)
		return NULL;
	if (address->sa_family == AF_INET)
		return &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	if (address->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
		return &in6->sin6_addr;
	return NULL;
}

void host_interface_addresses(const char *name, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN];
	struct ifaddrs *all, *one;
	size_t length = 0;

	text[0] = '\0';
	if (getifaddrs(&all))
		return;
	for (one = all; one; one = one->ifa_next) {
		const void *given = strcmp(one->ifa_name, name) ? NULL :
				    given_address(one->ifa_addr);

		if (!given || !inet_ntop(one->ifa_addr->sa_family, given, address, sizeof(address)) ||
		    length + strlen(address) + 3 > size)
			continue;
		length += (size_t)sprintf(text + length, "%s%s", length ? ", " : "", address);
	}
	freeifaddrs(all);
}
