/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A getifaddrs() for the whole program: the host's interfaces have the addresses that a test
 * says, and none of the machine that it runs on. For one file of a program only.
 */
#ifndef PVMM_TESTS_FAKE_ADDRESSES_H
#define PVMM_TESTS_FAKE_ADDRESSES_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#define FAKE_ADDRESSES_MAX 8

static struct {
	struct ifaddrs list[FAKE_ADDRESSES_MAX];
	struct sockaddr_in6 addresses[FAKE_ADDRESSES_MAX];	/* large enough for IPv4, too */
	char names[FAKE_ADDRESSES_MAX][16];
	unsigned count;
	bool broken;	/* the kernel does not say */
} fake_addresses;

static inline void fake_address(const char *interface, const char *text)
{
	unsigned i = fake_addresses.count++;
	struct sockaddr_in6 *in6 = &fake_addresses.addresses[i];
	struct sockaddr_in *in = (void *)in6;

	ck_assert_uint_lt(i, FAKE_ADDRESSES_MAX);
	strcpy(fake_addresses.names[i], interface);
	fake_addresses.list[i] = (struct ifaddrs){.ifa_name = fake_addresses.names[i]};
	if (!text)
		return;
	fake_addresses.list[i].ifa_addr = (void *)in6;
	in6->sin6_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	ck_assert_int_eq(inet_pton(in6->sin6_family, text, in6->sin6_family == AF_INET ?
				   (void *)&in->sin_addr : (void *)&in6->sin6_addr), 1);
}

int getifaddrs(struct ifaddrs **list)
{
	unsigned i;

	if (fake_addresses.broken) {
		errno = ENOBUFS;
		return -1;
	}
	for (i = 1; i < fake_addresses.count; i++)
		fake_addresses.list[i - 1].ifa_next = &fake_addresses.list[i];
	*list = fake_addresses.count ? fake_addresses.list : NULL;
	return 0;
}

void freeifaddrs(struct ifaddrs *list)
{
	ck_assert(list == (fake_addresses.count ? fake_addresses.list : NULL));
}

#endif
