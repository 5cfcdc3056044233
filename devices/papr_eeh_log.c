/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building the error log of ibm,slot-error-detail, section by section. */
#include "devices/papr_eeh_log.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define VERSION 6
#define SEVERITY_ERROR (4 << 5)
#define NOT_RECOVERED (2 << 3)
#define EXTENDED (1 << 2)
#define BY_PCI_AT_PCI 0x22
#define TYPE_PLATFORM_ERROR 224

#define LOG_VALID 0x80
#define UNRECOVERABLE 0x40
#define RECOVERABLE 0x20
#define IS_NEW_BIG_ENDIAN 0x06
#define PLATFORM_EVENT_LOG 0x8e

#define CREATOR_FIRMWARE 'L'
#define SUBSYSTEM_IO 0x30
#define UNRECOVERABLE_ERROR 0x40
#define PREDICTIVE_ERROR 0x20
#define SERVICE_ACTION_REQUIRED 0x8000

struct fixed_part {
	uint8_t version, summary, initiator_target, type;
	be32 extended_size;
};

struct extended_part {
	uint8_t flags, reserved_1, format, reserved_3[9];
	char company[4];
};

struct section {
	char id[2];
	be16 size;
	uint8_t version, subtype;
	be16 component;
};

struct main_a {
	struct section head;
	be32 date, time;	/* BCD: YYYYMMDD, HHMMSS00; UTC */
	uint8_t platform_10[8], creator, reserved_19[2], nr_sections, reserved_1c[4];
	uint8_t platform_20[8];
	be32 id;
	uint8_t platform_2c[4];
};

struct main_b {
	struct section head;
	uint8_t subsystem, platform_9, severity, subtype;
	uint8_t platform_c[4], reserved_10[2];
	be16 action;
	uint8_t reserved_14[4];
};

struct reference_code {
	struct section head;
	uint8_t version, flags, platform_a[6];
	be32 words[8];		/* 2 to 9: bridge, state */
	char code[32];		/* padded with spaces */
};

/* All of it before the driver's section. */
struct whole {
	struct fixed_part fixed;
	struct extended_part extended;
	struct main_a a;
	struct main_b b;
	struct reference_code code;
};

static_assert(sizeof(struct fixed_part) == 8 && sizeof(struct extended_part) == 16 &&
	       sizeof(struct main_a) == 48 && sizeof(struct main_b) == 24 &&
	       sizeof(struct reference_code) == 80 && sizeof(struct whole) == 176,
	       "sizes of PAPR 10.3.2");

static void begin_section(struct section *section, const char *id, size_t size)
{
	memcpy(section->id, id, sizeof(section->id));
	section->size = htobe16((uint16_t)size);
	section->version = 1;
}

/* Two decimal digits. */
static uint32_t bcd(int value)
{
	return (uint32_t)(value / 10 % 10 << 4 | value % 10);
}

static void set_time(struct main_a *a)
{
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm))
		return;
	a->date = htobe32(bcd((tm.tm_year + 1900) / 100) << 24 | bcd(tm.tm_year % 100) << 16 |
			  bcd(tm.tm_mon + 1) << 8 | bcd(tm.tm_mday));
	a->time = htobe32(bcd(tm.tm_hour) << 24 | bcd(tm.tm_min) << 16 | bcd(tm.tm_sec) << 8);
}

static void write_heads(struct whole *whole, const struct papr_eeh_log *log)
{
	whole->fixed = (struct fixed_part){
		.version = VERSION,
		.summary = SEVERITY_ERROR | NOT_RECOVERED | EXTENDED,
		.initiator_target = BY_PCI_AT_PCI,
		.type = TYPE_PLATFORM_ERROR,
		.extended_size = htobe32(log->size - (uint32_t)sizeof(whole->fixed)),
	};
	whole->extended = (struct extended_part){
		.flags = LOG_VALID | IS_NEW_BIG_ENDIAN |
			 (log->permanent ? UNRECOVERABLE : RECOVERABLE),
		.format = PLATFORM_EVENT_LOG,
		.company = "IBM",	/* whose format it is */
	};
}

static void write_reference_code(struct reference_code *code, const struct papr_eeh_log *log)
{
	char text[sizeof(code->code) + 1] = "";

	begin_section(&code->head, "PS", sizeof(*code));
	code->version = 2;
	code->words[0] = htobe32(log->bridge);
	code->words[1] = htobe32(log->state);
	snprintf(text, sizeof(text), "PVMM-EEH PHB%-20u", log->bridge);
	memcpy(code->code, text, sizeof(code->code));
}

static uint16_t write_driver(struct papr_eeh_log *log, uint32_t driver_size)
{
	struct section head = { .size = 0 };

	if (!driver_size)
		return 0;
	begin_section(&head, "UD", sizeof(head) + driver_size);
	memcpy(log->data + sizeof(struct whole), &head, sizeof(head));
	return (uint16_t)(sizeof(head) + driver_size);
}

void papr_eeh_log_write(struct papr_eeh_log *log, uint32_t driver_size)
{
	struct whole whole = { .fixed = { .version = VERSION } };

	log->size = (uint32_t)sizeof(whole) + write_driver(log, driver_size);
	write_heads(&whole, log);
	begin_section(&whole.a.head, "PH", sizeof(whole.a));
	set_time(&whole.a);
	whole.a.creator = CREATOR_FIRMWARE;
	whole.a.nr_sections = driver_size ? 4 : 3;
	begin_section(&whole.b.head, "UH", sizeof(whole.b));
	whole.b.subsystem = SUBSYSTEM_IO;
	whole.b.severity = log->permanent ? UNRECOVERABLE_ERROR : PREDICTIVE_ERROR;
	whole.b.action = htobe16(log->permanent ? SERVICE_ACTION_REQUIRED : 0);
	write_reference_code(&whole.code, log);
	memcpy(log->data, &whole, sizeof(whole));
}

uint32_t papr_eeh_log_room(uint32_t size)
{
	uint32_t others = sizeof(struct whole) + sizeof(struct section);

	if (size > PAPR_ERROR_LOG_MAX)
		size = PAPR_ERROR_LOG_MAX;
	return size > others ? size - others : 0;
}

void *papr_eeh_log_driver(struct papr_eeh_log *log)
{
	return log->data + sizeof(struct whole) + sizeof(struct section);
}
