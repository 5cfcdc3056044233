// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `pvmm group check`: what is in the way, device by device, and what clears it.
 */
#include <string.h>

#include "vmm/cli/group_parts.h"

#define CHECK_ALL (GROUP_CHECK_STATE | GROUP_CHECK_USES | GROUP_CHECK_DRIVERS)

struct report {
	struct host_check check;
	struct group_cli *cli;
	struct json json;
	const struct host_device *device;	/* that the lines above are about */
};

static const char *const kind_names[] = {
	[HOST_BLOCKER_HOST] = "host",
	[HOST_BLOCKER_PERMISSION] = "permission",
	[HOST_BLOCKER_HOLDER] = "holder",
	[HOST_BLOCKER_DRIVER] = "driver",
	[HOST_BLOCKER_FUNCTIONS] = "virtual-functions",
	[HOST_BLOCKER_MOUNT] = "mount",
	[HOST_BLOCKER_SWAP] = "swap",
	[HOST_BLOCKER_STACKED] = "block-device",
	[HOST_BLOCKER_INTERFACE] = "interface",
};

static void print_blocker(struct host_check *check, const struct host_blocker *blocker)
{
	struct report *report = container_of(check, struct report, check);
	const struct host_device *device = blocker->device;
	FILE *out = report->cli->out;
	char text[HOST_DEVICE_TEXT_SIZE];

	if (device && device != report->device) {
		host_device_describe(device, text, sizeof(text));
		fprintf(out, "%s, %s, %s%s:\n", device->name, text,
			device->driver[0] ? "driver " : "no driver", device->driver);
		report->device = device;
	}
	fprintf(out, "%s%s\n", device ? "  " : "", blocker->text);
	if (blocker->command[0] && !blocker->advice[0])
		fprintf(out, "    run: %s\n", blocker->command);
	else
		fprintf(out, "    %s\n", blocker->advice);
}

static void write_blocker(struct host_check *check, const struct host_blocker *blocker)
{
	struct report *report = container_of(check, struct report, check);
	const struct host_device *device = blocker->device;
	struct json *json = &report->json;
	char text[HOST_DEVICE_TEXT_SIZE];

	json_open(json, NULL, '{');
	json_string(json, "kind", kind_names[blocker->kind]);
	json_string(json, "address", device ? device->name : NULL);
	if (device)
		host_device_describe(device, text, sizeof(text));
	json_string(json, "name", device ? text : NULL);
	json_string(json, "driver", device && device->driver[0] ? device->driver : NULL);
	json_string(json, "text", blocker->text);
	json_string(json, "fix", blocker->command[0] ? blocker->command : NULL);
	json_string(json, "advice", blocker->advice[0] ? blocker->advice : NULL);
	json_close(json, '}');
}

static void write_report(struct report *report, const struct group_info *info)
{
	struct json *json = &report->json;

	report->check.found = write_blocker;
	json_open(json, NULL, '{');
	json_number(json, "group", info->number);
	json_string(json, "path", info->path);
	json_string(json, "state", info->state);
	json_open(json, "blockers", '[');
	group_info_check(&report->check, info, CHECK_ALL);
	json_close(json, ']');
	json_bool(json, "blocked", report->check.count != 0);
	json_close(json, '}');
}

static void print_report(struct report *report, const struct group_info *info)
{
	report->check.found = print_blocker;
	group_info_check(&report->check, info, CHECK_ALL);
	if (!report->check.count)
		fprintf(report->cli->out, "group %u is %s; nothing is in the way\n", info->number,
			info->state);
}

int group_cli_check(struct group_cli *cli)
{
	struct report report = {
		.check = {.root = cli->root, .log = cli->log}, .cli = cli,
		.json = {.out = cli->out},
	};
	struct group_info info;
	int ret = group_info_find(cli->root, cli->names[0], &info, cli->log);

	if (!ret && cli->json)
		write_report(&report, &info);
	else if (!ret)
		print_report(&report, &info);
	group_info_exit(&info);
	return ret ? ret : report.check.count != 0;
}
