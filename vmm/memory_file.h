/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What --memory says beyond a size: the file whose pages are the guest's memory, be it one that
 * the operator named or one of huge pages, and the NUMA node that memory comes from. Taken from
 * the host once, with every page or block reserved, so that a guest that runs never lacks one;
 * memory.h maps it for each boot.
 */
#ifndef PVMM_MEMORY_FILE_H
#define PVMM_MEMORY_FILE_H

#include "vmm/config.h"
#include "vmm/group/host.h"

struct memory_file {
	int fd;			/* -1: none; memory has ordinary pages of its own in each boot */
	unsigned page_shift;	/* of the pages that back it: 1 << this, bytes */
	bool used;		/* has what a guest left in it */
};

/*
 * Opens what @config asks for, config->memory bytes of it. 0, or a negative errno after one line
 * on @log that says what to do: -ENOMEM (too few huge pages), -ENOSPC (no room in the file
 * system), -EINVAL (a file that does not fit, or that devices cannot use), -EBUSY (another
 * guest's), -ENODEV (no such huge pages here), or what the file gave. A file that was made here
 * is removed again then.
 */
int memory_file_open(struct memory_file *file, const struct vm_config *config,
		     const struct host_root *root, struct log *log);
void memory_file_close(struct memory_file *file);

/*
 * Has this thread, and those it makes, take memory from NUMA node @node alone from now on. 0,
 * or a negative errno after one line on @log: -ENOENT (no such node, or one without memory).
 */
int memory_node_bind(int node, const struct host_root *root, struct log *log);

#endif
