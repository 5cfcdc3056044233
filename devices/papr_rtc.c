/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RTAS time-of-day calls. */
#include <time.h>

#include "devices/papr_rtc.h"

static int32_t rtas_get_time_of_day(void *owner, struct rtas_request *request)
{
	int64_t *offset = owner;
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += __atomic_load_n(offset, __ATOMIC_RELAXED);
	if (!gmtime_r(&now.tv_sec, &tm))
		return RTAS_HARDWARE_ERROR;
	request->rets[1] = (uint32_t)tm.tm_year + 1900;
	request->rets[2] = (uint32_t)tm.tm_mon + 1;
	request->rets[3] = (uint32_t)tm.tm_mday;
	request->rets[4] = (uint32_t)tm.tm_hour;
	request->rets[5] = (uint32_t)tm.tm_min;
	request->rets[6] = (uint32_t)tm.tm_sec;
	request->rets[7] = (uint32_t)now.tv_nsec;
	return RTAS_SUCCESS;
}

/* Day of month is not checked against the month: timegm() carries it over, as hardware may. */
static bool is_date(const uint32_t *args)
{
	return args[0] >= 1970 && args[0] <= 9999 && args[1] >= 1 && args[1] <= 12 &&
	       args[2] >= 1 && args[2] <= 31 && args[3] < 24 && args[4] < 60 && args[5] < 60;
}

static int32_t rtas_set_time_of_day(void *owner, struct rtas_request *request)
{
	int64_t *offset = owner;
	const uint32_t *args = request->args;
	struct tm tm;

	if (!is_date(args))
		return RTAS_PARAMETER_ERROR;
	tm = (struct tm){
		.tm_year = (int)args[0] - 1900,
		.tm_mon = (int)args[1] - 1,
		.tm_mday = (int)args[2],
		.tm_hour = (int)args[3],
		.tm_min = (int)args[4],
		.tm_sec = (int)args[5],
	};
	__atomic_store_n(offset, timegm(&tm) - time(NULL), __ATOMIC_RELAXED);
	return RTAS_SUCCESS;
}

static const struct rtas_call rtc_calls[] = {
	{ "get-time-of-day", 0, 8, rtas_get_time_of_day },
	{ "set-time-of-day", 7, 1, rtas_set_time_of_day },
};

int papr_rtc_init(struct rtas *rtas, int64_t *offset)
{
	return rtas_register(rtas, rtc_calls, ARRAY_SIZE(rtc_calls), offset);
}
