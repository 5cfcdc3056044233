// SPDX-License-Identifier: GPL-2.0-only
/*
 * Merging groups, and taking merged ones apart: /sys/devgroups/merge and /sys/devgroups/unmerge.
 *
 * Both go the same way. What may fail comes first: new folders and new entries for the devices
 * that move. Then, at one moment under the registry lock, the new entries take the place of the
 * old ones, and members follow their devices. What is left over, the new or the old, is removed.
 * devgroups_topology is held all the time, so that no device comes or goes; a claim that gets in
 * between makes the merge fail, as the groups are looked at again at that moment.
 */
#include <linux/slab.h>

#include "devgroups.h"

/* A change on its way; before the moment it holds what is new, afterwards what is old. */
struct change {
	struct list_head entries;	/* struct devgroup_device */
	struct list_head groups;	/* struct devgroup */
};

/* The groups that a merge makes one, the first one being the one that stays. */
struct merge {
	unsigned int count;
	struct devgroup *groups[] __counted_by(count);
};

/* The next number in the text, which is moved on. */
static int next_number(char **text, unsigned int *number)
{
	char *word = strsep(text, " ");

	return word && !kstrtouint(word, 10, number) ? 0 : -EINVAL;
}

static bool contains(const struct merge *merge, const struct devgroup *group, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (merge->groups[i] == group)
			return true;
	}
	return false;
}

/* Finds the groups that the text names. */
static int find_groups(struct merge *merge, char *text)
{
	unsigned int i, number;
	int ret;

	for (i = 0; i < merge->count; i++) {
		ret = next_number(&text, &number);
		if (ret)
			return ret;
		merge->groups[i] = devgroup_find(number);
		if (!merge->groups[i])
			return -ENOENT;
		if (contains(merge, merge->groups[i], i))
			return -EINVAL;
	}
	return 0;
}

static bool is_free(struct devgroup *group)
{
	return group->state == DEVGROUP_FREE && !devgroup_in_use_elsewhere(group);
}

/* devgroups_registry held. */
static int check_free(const struct merge *merge)
{
	unsigned int i;

	for (i = 0; i < merge->count; i++) {
		if (!is_free(merge->groups[i]))
			return -EBUSY;
	}
	return 0;
}

/* Every group with every other. */
static int check_dma(const struct merge *merge)
{
	unsigned int i, j;

	for (i = 1; i < merge->count; i++) {
		for (j = 0; j < i; j++) {
			if (!devgroup_can_share_dma(merge->groups[i], merge->groups[j]))
				return -EOPNOTSUPP;
		}
	}
	return 0;
}

static int check_merge(const struct merge *merge)
{
	int ret;

	mutex_lock(&devgroups_registry);
	ret = check_free(merge) ?: check_dma(merge);
	mutex_unlock(&devgroups_registry);
	return ret;
}

static void begin_change(struct change *change)
{
	INIT_LIST_HEAD(&change->entries);
	INIT_LIST_HEAD(&change->groups);
}

/* Removes whatever the change is left with. */
static void end_change(struct change *change)
{
	struct devgroup_device *ddev, *next_ddev;
	struct devgroup *group, *next_group;

	list_for_each_entry_safe(ddev, next_ddev, &change->entries, link) {
		mutex_lock(&devgroups_registry);
		list_del_init(&ddev->link);
		mutex_unlock(&devgroups_registry);
		kobject_del(&ddev->kobj);
		devgroup_device_forget(ddev);
		kobject_put(&ddev->kobj);
	}
	list_for_each_entry_safe(group, next_group, &change->groups, link) {
		list_del_init(&group->link);
		devgroup_destroy(group);
	}
}

/* An entry in @to for each device of @member. */
static int prepare_entries(struct change *change, struct devgroup_member *member,
			   struct devgroup *to)
{
	struct devgroup_device *ddev, *entry;

	list_for_each_entry(ddev, &member->group->devices, link) {
		if (ddev->member != member)
			continue;
		entry = devgroup_device_create(to, ddev->dev);
		if (IS_ERR(entry))
			return PTR_ERR(entry);
		entry->member = member;
		list_add_tail(&entry->link, &change->entries);
	}
	return 0;
}

static void move_member(struct devgroup_member *member, struct devgroup *to)
{
	list_move_tail(&member->link, &to->members);
	member->group = to;
}

/* Lists the new entries in place of the old ones. devgroups_registry held. */
static void replace_entries(struct change *change)
{
	struct devgroup_device *entry, *next, *old;
	LIST_HEAD(replaced);

	list_for_each_entry_safe(entry, next, &change->entries, link) {
		old = devgroup_find_device(entry->dev);
		/* All else is empty as long as the group is free. */
		entry->arrived = old->arrived;
		entry->group->arrivals |= entry->arrived;
		list_move_tail(&old->link, &replaced);
		list_move_tail(&entry->link, &entry->group->devices);
		if (entry->member->group != entry->group)
			move_member(entry->member, entry->group);
	}
	list_splice(&replaced, &change->entries);
}

static int prepare_merge(struct change *change, const struct merge *merge)
{
	struct devgroup_member *member;
	unsigned int i;
	int ret;

	for (i = 1; i < merge->count; i++) {
		devgroup_for_each_member(member, merge->groups[i]) {
			ret = prepare_entries(change, member, merge->groups[0]);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static int commit_merge(struct change *change, const struct merge *merge)
{
	unsigned int i;
	int ret;

	mutex_lock(&devgroups_registry);
	ret = check_free(merge);
	if (!ret) {
		replace_entries(change);
		for (i = 1; i < merge->count; i++)
			list_move_tail(&merge->groups[i]->link, &change->groups);
	}
	mutex_unlock(&devgroups_registry);
	return ret;
}

/* devgroups_topology held. */
static int merge_groups(const struct merge *merge)
{
	struct change change;
	int ret = check_merge(merge);

	if (ret)
		return ret;
	begin_change(&change);
	ret = prepare_merge(&change, merge);
	if (!ret)
		ret = commit_merge(&change, merge);
	end_change(&change);
	return ret;
}

static unsigned int count_words(const char *text)
{
	unsigned int count = 1;

	while ((text = strchr(text, ' '))) {
		text++;
		count++;
	}
	return count;
}

static int merge_named(char *text)
{
	unsigned int count = count_words(text);
	struct merge *merge;
	int ret;

	if (count < 2)
		return -EINVAL;
	merge = devgroups_fail() ? NULL : kzalloc(struct_size(merge, groups, count), GFP_KERNEL);
	if (!merge)
		return -ENOMEM;
	merge->count = count;
	mutex_lock(&devgroups_topology);
	ret = find_groups(merge, text);
	if (!ret)
		ret = merge_groups(merge);
	mutex_unlock(&devgroups_topology);
	kfree(merge);
	return ret;
}

static int check_unmerge(struct devgroup *group)
{
	if (!is_free(group))
		return -EBUSY;
	return list_is_singular(&group->members) ? -EINVAL : 0;
}

/*
 * The member that keeps the folder: the one that the merged group is named after, or the first if
 * that has left and the group could not be renamed.
 */
static struct devgroup_member *staying_member(struct devgroup *group)
{
	struct devgroup_member *member;

	devgroup_for_each_member(member, group) {
		if (iommu_group_id(member->iommu_group) == group->number)
			return member;
	}
	return list_first_entry(&group->members, struct devgroup_member, link);
}

/* A group of its own for each member but that. */
static int prepare_unmerge(struct change *change, struct devgroup *group)
{
	struct devgroup_member *member, *staying = staying_member(group);
	struct devgroup *part;
	int ret;

	devgroup_for_each_member(member, group) {
		if (member == staying)
			continue;
		part = devgroup_create(iommu_group_id(member->iommu_group));
		if (IS_ERR(part))
			return PTR_ERR(part);
		list_add_tail(&part->link, &change->groups);
		ret = prepare_entries(change, member, part);
		if (ret)
			return ret;
	}
	return 0;
}

static int commit_unmerge(struct change *change, struct devgroup *group)
{
	int ret;

	mutex_lock(&devgroups_registry);
	ret = check_unmerge(group);
	if (!ret) {
		replace_entries(change);
		list_splice_tail_init(&change->groups, &devgroups_list);
	}
	mutex_unlock(&devgroups_registry);
	return ret;
}

/* devgroups_topology held. */
static int unmerge_group(struct devgroup *group)
{
	struct change change;
	int ret;

	mutex_lock(&devgroups_registry);
	ret = check_unmerge(group);
	mutex_unlock(&devgroups_registry);
	if (ret)
		return ret;
	begin_change(&change);
	ret = prepare_unmerge(&change, group);
	if (!ret)
		ret = commit_unmerge(&change, group);
	end_change(&change);
	return ret;
}

static int unmerge_named(char *text)
{
	struct devgroup *group;
	unsigned int number;
	int ret = next_number(&text, &number);

	if (ret || text)
		return -EINVAL;
	mutex_lock(&devgroups_topology);
	group = devgroup_find(number);
	ret = group ? unmerge_group(group) : -ENOENT;
	mutex_unlock(&devgroups_topology);
	return ret;
}

/* What was written, as words with one space between. */
static ssize_t with_copy(const char *buf, size_t count, int (*act)(char *text))
{
	char *copy = devgroups_fail() ? NULL : kstrdup(buf, GFP_KERNEL);
	int ret;

	if (!copy)
		return -ENOMEM;
	ret = act(strim(copy));
	kfree(copy);
	if (ret)
		return ret;
	/* Devices that came to one of the groups during a claim. */
	devgroups_scan_soon();
	return count;
}

static ssize_t merge_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			   size_t count)
{
	return with_copy(buf, count, merge_named);
}

static ssize_t unmerge_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			     size_t count)
{
	return with_copy(buf, count, unmerge_named);
}

static struct kobj_attribute merge_attr = __ATTR(merge, 0200, NULL, merge_store);
static struct kobj_attribute unmerge_attr = __ATTR(unmerge, 0200, NULL, unmerge_store);

const struct attribute *devgroups_merge_attrs[] = {
	&merge_attr.attr,
	&unmerge_attr.attr,
	NULL,
};
