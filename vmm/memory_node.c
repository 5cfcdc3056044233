/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which NUMA node memory comes from: the kernel's policy of the process, without libnuma. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/group/sysfs.h"
#include "vmm/memory_file.h"

#define NODE_LIST_SIZE 256
#define WORD_BITS (8 * sizeof(unsigned long))

/* Is @node in a list of ranges such as "0,2-3"? */
static bool has_node(const char *list, unsigned long node)
{
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list)
			return false;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (node >= first && node <= last)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}

static int set_policy(unsigned node)
{
	unsigned long mask[CONFIG_NODE_MAX / WORD_BITS + 1] = { 0 };

	mask[node / WORD_BITS] = 1UL << node % WORD_BITS;
	/* The kernel takes one bit less than it is told. */
	return syscall(SYS_set_mempolicy, MPOL_BIND, mask, 8 * sizeof(mask) + 1) ? -errno : 0;
}

int memory_node_bind(int node, const struct host_root *root, struct log *log)
{
	char list[NODE_LIST_SIZE];
	int error;

	if (sysfs_read(list, sizeof(list), "%s/devices/system/node/has_memory", root->sys)) {
		log_error(log, "--memory node=%d: this host's kernel has no NUMA nodes; leave "
			  "node= out", node);
		return -ENOENT;
	}
	if (!has_node(list, (unsigned long)node)) {
		log_error(log, "--memory node=%d: no node of this host that has memory; these "
			  "have: %s", node, list);
		return -ENOENT;
	}
	error = set_policy((unsigned)node);
	if (error)
		log_error(log, "--memory node=%d: %s%s", node, strerror(-error),
			  error == -EINVAL ? "; this process's cpuset may exclude it" : "");
	return error;
}
