// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The process that gives claimed devices back.
 */
#include <string.h>

#include "vmm/group/keeper.h"

/* What the process works on, in its own copy of memory. */
struct keeping {
	struct claim **claims;
	unsigned nr_claims;
};

static void give_back(void *arg)
{
	struct keeping *keeping = arg;

	while (keeping->nr_claims--)
		claim_release(keeping->claims[keeping->nr_claims]);
}

static unsigned collect_files(struct claim **claims, unsigned nr_claims, struct log *log,
			      int *files)
{
	unsigned count = 0;

	files[count++] = log->fd;
	for (unsigned i = 0; i < nr_claims; i++)
		count += claim_files(claims[i], files + count, WATCHER_KEEP_MAX - count);
	return count;
}

int keeper_start(struct keeper *keeper, struct claim **claims, unsigned nr_claims, struct log *log)
{
	struct keeping keeping = { .claims = claims, .nr_claims = nr_claims };
	int files[WATCHER_KEEP_MAX];
	unsigned nr_files = collect_files(claims, nr_claims, log, files);
	int ret;

	keeper->running = false;
	if (nr_files == 1)
		return 0;	/* nothing was claimed */
	ret = watcher_start(&keeper->watcher, "pvmm-keeper", files, nr_files, give_back, &keeping);
	if (ret) {
		log_error(log, "cannot start the process that gives devices back: %s",
			  strerror(-ret));
		return ret;
	}
	keeper->running = true;
	for (unsigned i = 0; i < nr_claims; i++) {
		claim_forget(claims[i]);
		claims[i] = NULL;
	}
	return 0;
}

void keeper_stop(struct keeper *keeper, struct log *log)
{
	if (keeper->running && !watcher_stop(&keeper->watcher))
		log_error(log, "devices may not be back with their drivers; "
			  "the lines above say which command gives each back");
	keeper->running = false;
}
