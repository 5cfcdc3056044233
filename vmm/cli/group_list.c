// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `pvmm group list` and `pvmm group show`.
 */
#include <string.h>

#include "vmm/cli/group_parts.h"

#define REASON_UNKNOWN "not known without the group driver (modprobe devgroups)"

static const char *text_or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static void write_device(struct group_cli *cli, struct json *json, const struct group_info *info,
			 const struct host_device *device)
{
	char text[HOST_DEVICE_TEXT_SIZE], former[32];

	host_device_describe(device, text, sizeof(text));
	group_info_former_driver(cli->root, info, device, former, sizeof(former));
	json_open(json, NULL, '{');
	json_string(json, "address", device->name);
	json_string(json, "name", text);
	json_bool(json, "bridge", device->is_bridge);
	json_string(json, "driver", text_or_null(device->driver));
	json_string(json, "driver_before", text_or_null(former));
	if (device->is_pci) {
		json_number(json, "vendor", device->vendor);
		json_number(json, "device", device->device);
		json_number(json, "class", device->class_code);
	}
	json_close(json, '}');
}

static void write_members(struct json *json, const struct group_info *info)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", info->number);
	json_words(json, "members", info->members[0] ? info->members : number, " \n");
}

static void write_group(struct group_cli *cli, struct json *json, const struct group_info *info)
{
	json_open(json, NULL, '{');
	json_number(json, "group", info->number);
	json_string(json, "path", info->path);
	json_bool(json, "group_driver", info->by_driver);
	json_string(json, "state", info->state);
	json_string(json, "owner", text_or_null(info->owner));
	json_string(json, "reason", text_or_null(info->reason));
	if (!info->reason[0])
		json_string(json, "reason_missing", REASON_UNKNOWN);
	write_members(json, info);
	json_words(json, "capabilities", info->capabilities, " \n");
	json_words(json, "dma_windows", info->dma_windows, "\n");
	json_open(json, "devices", '[');
	for (unsigned i = 0; i < info->nr_devices; i++)
		write_device(cli, json, info, &info->devices[i]);
	json_close(json, ']');
	json_close(json, '}');
}

#define ROW "%-6s %-11s %-13s %-42s %s\n"

static void print_group(FILE *out, const struct group_info *info)
{
	char number[16], text[HOST_DEVICE_TEXT_SIZE];

	snprintf(number, sizeof(number), "%u", info->number);
	for (unsigned i = 0; i < info->nr_devices; i++) {
		const struct host_device *device = &info->devices[i];

		host_device_describe(device, text, sizeof(text));
		fprintf(out, ROW, i ? "" : number, i ? "" : info->state, device->name, text,
			device->driver[0] ? device->driver : "-");
	}
	fprintf(out, "%19swhy: %s\n", "", info->reason[0] ? info->reason : REASON_UNKNOWN);
}

int group_cli_list(struct group_cli *cli)
{
	struct json json = { .out = cli->out };
	struct group_list list;
	int ret = group_list_read(cli->root, &list, cli->log);

	if (!ret && cli->json) {
		json_open(&json, NULL, '[');
		for (unsigned i = 0; i < list.count; i++)
			write_group(cli, &json, &list.groups[i]);
		json_close(&json, ']');
	} else if (!ret && list.count) {
		fprintf(cli->out, ROW, "GROUP", "STATE", "DEVICE", "NAME", "DRIVER");
		for (unsigned i = 0; i < list.count; i++)
			print_group(cli->out, &list.groups[i]);
	} else if (!ret) {
		log_warn(cli->log, "no groups on this host; check that its IOMMU is on");
	}
	group_list_exit(&list);
	return ret;
}

/* A line for each line of @text. */
static void print_field(FILE *out, const char *name, const char *text)
{
	do {
		size_t length = strcspn(text, "\n");

		fprintf(out, "%-14s%.*s\n", name, (int)length, text);
		text += length + (text[length] == '\n');
		name = "";
	} while (*text);
}

static void print_device(struct group_cli *cli, const struct group_info *info,
			 const struct host_device *device)
{
	char text[HOST_DEVICE_TEXT_SIZE], former[32];

	host_device_describe(device, text, sizeof(text));
	group_info_former_driver(cli->root, info, device, former, sizeof(former));
	fprintf(cli->out, "  %s  %s, %s%s", device->name, text,
		device->driver[0] ? "driver " : "no driver", device->driver);
	if (former[0])
		fprintf(cli->out, ", goes back to %s", former);
	fputc('\n', cli->out);
}

static void print_info(struct group_cli *cli, const struct group_info *info)
{
	FILE *out = cli->out;

	fprintf(out, "group %u, %s\n", info->number, info->path);
	print_field(out, "state:", info->state);
	if (info->owner[0])
		print_field(out, "owner:", info->owner);
	print_field(out, "why:", info->reason[0] ? info->reason : REASON_UNKNOWN);
	if (group_info_count_members(info) > 1)
		print_field(out, "merged of:", info->members);
	if (info->capabilities[0])
		print_field(out, "capabilities:", info->capabilities);
	if (info->dma_windows[0])
		print_field(out, "DMA windows:", info->dma_windows);
	fprintf(out, "devices:\n");
	for (unsigned i = 0; i < info->nr_devices; i++)
		print_device(cli, info, &info->devices[i]);
}

int group_cli_show(struct group_cli *cli)
{
	struct json json = { .out = cli->out };
	struct group_info info;
	int ret = group_info_find(cli->root, cli->names[0], &info, cli->log);

	if (!ret && cli->json)
		write_group(cli, &json, &info);
	else if (!ret)
		print_info(cli, &info);
	group_info_exit(&info);
	return ret;
}
