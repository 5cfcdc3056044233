// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Binding a group's devices to vfio-pci and giving them back; for a group of the group driver,
 * claim_devgroup.c does it. A record is written before anything is done, and deleted after all
 * is undone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/group/claim.h"
#include "vmm/group/claim_devgroup.h"
#include "vmm/group/sysfs.h"

#define VFIO_DRIVER "vfio-pci"

/* What is taken in one piece: a device from its driver, or a group by the group driver. */
struct claimed_device {
	char bdf[PCI_ADDRESS_TEXT_SIZE];	/* "": the group as a whole */
	struct claim_record record;
};

struct claim {
	const struct host_root *root;
	struct log *log;
	bool keep;	/* until somebody releases it, not until this process ends */
	unsigned number;	/* of the group */
	unsigned nr_devices;
	struct claimed_device devices[HOST_GROUP_MAX_DEVICES];
};

/* "" when it has none. */
static int read_driver(const struct host_root *root, const char *bdf, char *driver)
{
	int ret = sysfs_link_name(driver, CLAIM_NAME_SIZE, "%s/bus/pci/devices/%s/driver",
				  root->sys, bdf);

	if (ret != -ENOENT)
		return ret;
	driver[0] = '\0';
	return 0;
}

/* The kernel shows "(null)" when there is none. */
static int read_override(const struct host_root *root, const char *bdf, char *override)
{
	int ret = sysfs_read(override, CLAIM_NAME_SIZE, "%s/bus/pci/devices/%s/driver_override",
			     root->sys, bdf);

	if (!ret && strcmp(override, "(null)") == 0)
		override[0] = '\0';
	return ret;
}

static int write_override(const struct host_root *root, const char *bdf, const char *override)
{
	return sysfs_write(override[0] ? override : "\n",
			   "%s/bus/pci/devices/%s/driver_override", root->sys, bdf);
}

/* The override comes first: once unbound, no other driver may match. */
static int bind_vfio(const struct host_root *root, const char *bdf, const char *driver)
{
	char now[CLAIM_NAME_SIZE];
	int ret;

	ret = write_override(root, bdf, VFIO_DRIVER);
	if (!ret && driver[0])
		ret = sysfs_write(bdf, "%s/bus/pci/devices/%s/driver/unbind", root->sys, bdf);
	if (!ret)
		ret = sysfs_write(bdf, "%s/bus/pci/drivers_probe", root->sys);
	if (!ret)
		ret = read_driver(root, bdf, now);
	if (!ret && strcmp(now, VFIO_DRIVER) != 0)
		ret = -ENODEV;
	return ret;
}

static int unbind_vfio(const struct host_root *root, const char *bdf)
{
	char driver[CLAIM_NAME_SIZE];
	int ret;

	ret = write_override(root, bdf, "");
	if (!ret)
		ret = read_driver(root, bdf, driver);
	if (!ret && strcmp(driver, VFIO_DRIVER) == 0)
		ret = sysfs_write(bdf, "%s/bus/pci/drivers/" VFIO_DRIVER "/unbind", root->sys);
	return ret;
}

/* An override that was there before goes back last: it may name vfio-pci. */
static int rebind(const struct host_root *root, const char *bdf,
		  const struct claim_record *record)
{
	char driver[CLAIM_NAME_SIZE];
	int ret;

	ret = read_driver(root, bdf, driver);
	if (!ret && record->driver[0] && strcmp(driver, record->driver) != 0)
		ret = sysfs_write(bdf, "%s/bus/pci/drivers/%s/bind", root->sys, record->driver);
	if (!ret && record->override[0])
		ret = write_override(root, bdf, record->override);
	return ret;
}

/* What was not given back keeps its record, for another try. */
static int give_back(const struct host_root *root, struct log *log, const char *bdf,
		     struct claim_record *record)
{
	int ret = unbind_vfio(root, bdf);

	if (ret) {
		log_warn(log, "cannot unbind %s from " VFIO_DRIVER ": %s; run: "
			 "echo %s > %s/bus/pci/drivers/" VFIO_DRIVER "/unbind", bdf, strerror(-ret),
			 bdf, root->sys);
		claim_record_close(record);
		return ret;
	}
	ret = rebind(root, bdf, record);
	if (ret) {
		log_warn(log, "cannot give %s back to its driver %s: %s; run: modprobe %s; "
			 "echo %s > %s/bus/pci/drivers/%s/bind", bdf, record->driver,
			 strerror(-ret), record->driver, bdf, root->sys, record->driver);
		claim_record_close(record);
		return ret;
	}
	log_info(log, "%s is back with %s", bdf, record->driver[0] ? record->driver : "no driver");
	claim_record_remove(root, bdf, record);
	return 0;
}

/* What the operator needs should this process be killed. */
static void tell_way_back(const struct claim *claim, const char *bdf, const char *driver)
{
	const char *sys = claim->root->sys;

	log_warn(claim->log, "%s is taken from %s until pvmm exits; should pvmm be killed, this "
		 "gives it back: echo > %s/bus/pci/devices/%s/driver_override; "
		 "echo %s > %s/bus/pci/drivers/" VFIO_DRIVER "/unbind; "
		 "echo %s > %s/bus/pci/drivers/%s/bind; rm %s/pvmm/claims/%s",
		 bdf, driver, sys, bdf, bdf, sys, bdf, sys, driver, claim->root->run, bdf);
}

/*
 * The record says what to go back to. Of one that was left behind the driver is right as long
 * as no other has the device by now, and the override in any case: what the device has now
 * may be of pvmm's making.
 */
static int fill_record(const struct claim *claim, const char *bdf, const char *driver,
		       struct claim_record *record)
{
	bool same_keep = record->kept == claim->keep;
	int ret = 0;

	record->kept = claim->keep;
	if (!record->found)
		ret = read_override(claim->root, bdf, record->override);
	if (record->found && (!driver[0] || strcmp(driver, VFIO_DRIVER) == 0))
		return same_keep ? 0 : claim_record_write(record);
	strcpy(record->driver, driver);
	return ret ? ret : claim_record_write(record);
}

static int claim_named(struct claim *claim, const char *bdf, const char *driver)
{
	struct claimed_device *device = &claim->devices[claim->nr_devices];
	bool bound = strcmp(driver, VFIO_DRIVER) == 0;
	int ret;

	ret = claim_record_open(claim->root, bdf, !bound, &device->record);
	if (bound && ret == -ENOENT)
		return 0;	/* not pvmm's doing: it is the operator's, and stays as it is */
	if (ret)
		return ret;
	if (bound && device->record.kept) {
		claim_record_close(&device->record);	/* likewise */
		return 0;
	}
	ret = fill_record(claim, bdf, driver, &device->record);
	if (ret && device->record.found)
		claim_record_close(&device->record);
	else if (ret)
		claim_record_remove(claim->root, bdf, &device->record);
	if (ret)
		return ret;
	strcpy(device->bdf, bdf);
	claim->nr_devices++;
	if (device->record.driver[0] && !claim->keep)
		tell_way_back(claim, bdf, device->record.driver);
	return bound ? 0 : bind_vfio(claim->root, bdf, driver);
}

static void tell_claim_error(const struct claim *claim, const char *bdf, int error)
{
	const char *run = claim->root->run;

	if (error == -EALREADY)
		log_error(claim->log, "%s is in use by another pvmm; stop that first (fuser "
			  "%s/pvmm/claims/%s shows which)", bdf, run, bdf);
	else if (error == -EBADMSG)
		log_error(claim->log, "%s/pvmm/claims/%s does not hold a record; delete it when %s "
			  "is with its driver", run, bdf, bdf);
	else if (error == -EACCES)
		log_error(claim->log, "no permission to bind and unbind %s; run as root", bdf);
	else
		log_error(claim->log, "cannot bind %s to " VFIO_DRIVER ": %s; dmesg may say why",
			  bdf, strerror(-error));
}

static int claim_device(struct claim *claim, const struct pci_address *address, bool take)
{
	char bdf[PCI_ADDRESS_TEXT_SIZE], driver[CLAIM_NAME_SIZE];
	int ret;

	pci_address_text(address, bdf);
	ret = read_driver(claim->root, bdf, driver);
	if (!ret && driver[0] && strcmp(driver, VFIO_DRIVER) != 0 && !take) {
		log_error(claim->log, "%s is held by the host driver %s; run again with --claim",
			  bdf, driver);
		return -EBUSY;
	}
	if (!ret)
		ret = claim_named(claim, bdf, driver);
	if (ret)
		tell_claim_error(claim, bdf, ret);
	return ret == -EALREADY ? -EBUSY : ret;
}

static void tell_group_error(const struct claim *claim, int error)
{
	switch (error) {
	case -EALREADY:
		log_error(claim->log, "group %u is in use by another pvmm; stop that first",
			  claim->number);
		return;
	case -EBUSY:
		log_error(claim->log, "cannot claim group %u: somebody was faster; `pvmm group "
			  "check %u` shows what is in the way", claim->number, claim->number);
		return;
	case -EAGAIN:
		log_error(claim->log, "cannot claim group %u: a device has just come to it; run "
			  "again", claim->number);
		return;
	default:
		log_error(claim->log, "cannot claim group %u: %s; dmesg may say why",
			  claim->number, strerror(-error));
	}
}

static void tell_group_way_back(const struct claim *claim)
{
	char name[CLAIM_DEVGROUP_NAME_SIZE];

	claim_devgroup_name(claim->number, name);
	log_warn(claim->log, "group %u is claimed until pvmm exits; should pvmm be killed, this "
		 "gives it back: echo 0 > %s/devgroups/%u/claim; rm -f %s/pvmm/claims/%s",
		 claim->number, claim->root->sys, claim->number, claim->root->run, name);
}

static int claim_whole(struct claim *claim)
{
	struct claimed_device *whole = &claim->devices[0];
	int ret = claim_devgroup_take(claim->root, claim->number, &whole->record);

	if (ret)
		tell_group_error(claim, ret);
	else if (whole->record.fd >= 0)
		claim->nr_devices = 1;
	if (claim->nr_devices)
		tell_group_way_back(claim);
	return ret == -EALREADY ? -EBUSY : ret;
}

static struct claim *new_claim(const struct host_root *root, struct log *log, bool keep)
{
	struct claim *claim = calloc(1, sizeof(*claim));

	if (!claim)
		return NULL;
	claim->root = root;
	claim->log = log;
	claim->keep = keep;
	return claim;
}

/* Before anything is touched: giving back what somebody has open would wait for them. */
static int refuse_in_use(const struct claim *claim, const struct host_group *group)
{
	if (!host_group_in_use(claim->root, group->number))
		return 0;
	log_error(claim->log, "group %u is in use by another process; stop it first",
		  group->number);
	return -EBUSY;
}

static int claim_devices(struct claim *claim, const struct host_group *group, bool take)
{
	int ret = refuse_in_use(claim, group);
	unsigned i;

	for (i = 0; !ret && i < group->nr_devices; i++) {
		if (!group->devices[i].is_bridge)
			ret = claim_device(claim, &group->devices[i].address, take);
	}
	return ret;
}

int claim_group(const struct host_root *root, const struct host_group *group, bool take,
		struct log *log, struct claim **claim)
{
	struct claim *taken = new_claim(root, log, false);
	int ret;

	if (!taken) {
		log_error(log, "group %u cannot be claimed: no memory", group->number);
		return -ENOMEM;
	}
	taken->number = group->number;
	if (group->backend == HOST_BACKEND_DEVGROUP)
		ret = claim_whole(taken);
	else
		ret = claim_devices(taken, group, take);
	if (ret) {
		claim_release(taken);
		return ret;
	}
	*claim = taken;
	return 0;
}

/* Gives nothing back. */
static void forget(struct claim *claim)
{
	for (unsigned i = 0; i < claim->nr_devices; i++)
		claim_record_close(&claim->devices[i].record);
	free(claim);
}

int claim_group_keep(const struct host_root *root, const struct host_group *group,
		     struct log *log)
{
	struct claim *claim = new_claim(root, log, true);
	int ret;

	if (!claim)
		return -ENOMEM;
	ret = claim_devices(claim, group, true);
	if (ret)
		claim_release(claim);
	else
		forget(claim);
	return ret;
}

/* Locks the records of all devices that have one, but for one whose maker died before it did anything. */
static int adopt_devices(struct claim *claim, const struct host_group *group)
{
	int ret = 0;
	unsigned i;

	for (i = 0; (!ret || ret == -ENOENT) && i < group->nr_devices; i++) {
		struct claimed_device *device = &claim->devices[claim->nr_devices];

		pci_address_text(&group->devices[i].address, device->bdf);
		ret = claim_record_open(claim->root, device->bdf, false, &device->record);
		if (!ret && !device->record.found)
			claim_record_remove(claim->root, device->bdf, &device->record);
		else if (!ret)
			claim->nr_devices++;
		else if (ret != -ENOENT)
			tell_claim_error(claim, device->bdf, ret);
	}
	if (ret && ret != -ENOENT)
		return ret == -EALREADY ? -EBUSY : ret;
	return claim->nr_devices ? 0 : -ENOENT;
}

static int give_back_one(const struct claim *claim, struct claimed_device *device)
{
	if (!device->bdf[0])
		return claim_devgroup_give_back(claim->root, claim->log, claim->number,
						&device->record);
	return give_back(claim->root, claim->log, device->bdf, &device->record);
}

static int give_back_all(struct claim *claim)
{
	int ret = 0;

	while (claim->nr_devices--) {
		struct claimed_device *device = &claim->devices[claim->nr_devices];

		if (give_back_one(claim, device))
			ret = -EIO;
	}
	free(claim);
	return ret;
}

int claim_give_back(const struct host_root *root, const struct host_group *group,
		    struct log *log)
{
	struct claim *claim = new_claim(root, log, false);
	int ret;

	if (!claim)
		return -ENOMEM;
	ret = adopt_devices(claim, group);
	if (!ret)
		ret = refuse_in_use(claim, group);
	if (!ret)
		return give_back_all(claim);
	forget(claim);
	return ret;
}

int claim_former_driver(const struct host_root *root, const char *bdf, char *driver, size_t size)
{
	struct claim_record record;
	int ret = claim_record_peek(root, bdf, &record);

	if (!ret)
		snprintf(driver, size, "%s", record.driver);
	return ret;
}

void claim_release(struct claim *claim)
{
	if (claim)
		give_back_all(claim);
}

bool claim_has_devices(const struct claim *claim)
{
	return claim->nr_devices > 0;
}
