// SPDX-License-Identifier: GPL-2.0-or-later
/* What a group tells by itself, as lines for the operator. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/group/watch.h"

static void take_event(struct loop_source *source)
{
	uint64_t count;

	if (read(source->fd, &count, sizeof(count)) < 0)
		return;	/* somebody else's read came first; nothing depends on the count */
}

static void tell_state(struct group_watch *watch, const struct group_error_info *error)
{
	static const char *const causes[] = {
		[GROUP_CAUSE_NONE] = "its driver",
		[GROUP_CAUSE_USER] = "this pvmm",
		[GROUP_CAUSE_ADMIN] = "the host's administrator",
		[GROUP_CAUSE_BUS] = "an error that the host's PCI bus reported",
		[GROUP_CAUSE_PLATFORM] = "the platform (EEH)",
	};
	const char *cause = error->cause < ARRAY_SIZE(causes) ? causes[error->cause] : "the host";
	unsigned number = watch->group->number;

	switch (error->state) {
	case GROUP_NORMAL:
		log_warn(watch->log, "group %u is released: its devices work again", number);
		break;
	case GROUP_MMIO_ENABLED:
		log_warn(watch->log, "group %u: registers are released; DMA and interrupts are "
			 "still blocked", number);
		break;
	case GROUP_FROZEN:
		log_warn(watch->log, "group %u is frozen by %s: its devices read all ones; to "
			 "release it: echo mmio dma > /sys/devgroups/%u/freeze", number, cause,
			 number);
		break;
	default:
		log_error(watch->log, "group %u is dead: it could not be reset; stop the guest; "
			  "dmesg says why", number);
	}
}

static void on_error(struct loop_source *source, uint32_t events)
{
	struct group_watch *watch = container_of(source, struct group_watch,
						 sources[GROUP_EVENT_ERROR]);
	struct group_error_info error;

	take_event(source);
	if (group_get_error(watch->group, &error) == 0)
		tell_state(watch, &error);
	else
		/* As often as the guest has its device make one. */
		log_guest(watch->log, &watch->limit, "group %u: the host saw an error of a device "
			  "(dmesg names it); reboot the guest to reset the group",
			  watch->group->number);
}

/* The kernel repeats its wish. */
static void on_request(struct loop_source *source, uint32_t events)
{
	struct group_watch *watch = container_of(source, struct group_watch,
						 sources[GROUP_EVENT_REQUEST]);

	take_event(source);
	if (!watch->requested)
		log_warn(watch->log, "group %u: the host wants a device back (unplug, unbind or "
			 "release); stop the guest to give it back", watch->group->number);
	watch->requested = true;
}

static void remove_source(struct group_watch *watch, unsigned event)
{
	group_set_event(watch->group, (enum group_event)event, -1);
	loop_remove(watch->loop, &watch->sources[event]);
	close(watch->sources[event].fd);
}

static int add_source(struct group_watch *watch, unsigned event)
{
	static void (*const handlers[GROUP_EVENT_COUNT])(struct loop_source *, uint32_t) = {
		[GROUP_EVENT_ERROR] = on_error,
		[GROUP_EVENT_REQUEST] = on_request,
	};
	struct loop_source *source = &watch->sources[event];
	int error;

	*source = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.events = EPOLLIN,
		.ready = handlers[event],
	};
	if (source->fd < 0)
		return -errno;
	error = loop_add(watch->loop, source);
	if (error) {
		close(source->fd);
		return error;
	}
	error = group_set_event(watch->group, (enum group_event)event, source->fd);
	if (error)
		remove_source(watch, event);
	return error;
}

int group_watch_start(struct group_watch *watch, struct group *group, struct loop *loop,
		      struct log *log)
{
	int error = 0;

	*watch = (struct group_watch){ .group = group, .loop = loop, .log = log };
	while (watch->nr_sources < GROUP_EVENT_COUNT && !error) {
		error = add_source(watch, watch->nr_sources);
		if (!error)
			watch->nr_sources++;
	}
	if (error == -EOPNOTSUPP)
		return 0;
	if (error) {
		log_error(log, "group %u: cannot watch its events: %s", group->number,
			  strerror(-error));
		group_watch_stop(watch);
	}
	return error;
}

void group_watch_stop(struct group_watch *watch)
{
	while (watch->nr_sources > 0)
		remove_source(watch, --watch->nr_sources);
}
