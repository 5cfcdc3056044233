// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The process that takes groups and gives them back.
 */
#include <string.h>

#include "vmm/group/keeper.h"

/* What the process works on, in its own copy of memory. */
struct keeping {
	const struct host_root *root;
	const struct host_group *groups;
	bool take;
	struct log *log;
	unsigned nr_claims;
	struct claim *claims[CONFIG_GROUPS_MAX];
};

static void give_back(void *arg)
{
	struct keeping *keeping = arg;

	while (keeping->nr_claims--)
		claim_release(keeping->claims[keeping->nr_claims]);
}

static bool has_devices(const struct keeping *keeping)
{
	for (unsigned i = 0; i < keeping->nr_claims; i++) {
		if (claim_has_devices(keeping->claims[i]))
			return true;
	}
	return false;
}

static int take(void *arg)
{
	struct keeping *keeping = arg;
	unsigned nr_groups = keeping->nr_claims;
	int err = 0;

	for (keeping->nr_claims = 0; !err && keeping->nr_claims < nr_groups;) {
		err = claim_group(keeping->root, &keeping->groups[keeping->nr_claims], keeping->take,
				  keeping->log, &keeping->claims[keeping->nr_claims]);
		if (!err)
			keeping->nr_claims++;
	}
	if (!err && has_devices(keeping))
		return 0;
	give_back(keeping);
	return err ? err : WATCHER_DONE;
}

int keeper_start(struct keeper *keeper, const struct host_root *root,
		 const struct host_group *groups, unsigned nr_groups, bool take_from_drivers,
		 struct log *log)
{
	static const struct watcher_work work = { .begin = take, .gone = give_back };
	struct keeping keeping = {
		.root = root, .groups = groups, .take = take_from_drivers, .log = log,
		.nr_claims = nr_groups,
	};
	int ret;

	keeper->running = false;
	if (!nr_groups)
		return 0;
	ret = watcher_start(&keeper->watcher, "pvmm-keeper", &log->fd, 1, &work, &keeping);
	keeper->running = !ret;
	if (ret < 0 && !keeper->watcher.begun)
		log_error(log, "the process that claims groups and gives them back cannot be had: %s",
			  strerror(-ret));
	return ret < 0 ? ret : 0;
}

void keeper_stop(struct keeper *keeper, struct log *log)
{
	if (keeper->running && !watcher_stop(&keeper->watcher))
		log_error(log, "devices may not be back with their drivers; "
			  "the lines above say which command gives each back");
	keeper->running = false;
}
