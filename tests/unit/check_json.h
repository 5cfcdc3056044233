/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Has Python read JSON, which is a judge of its own of what is valid.
 */
#ifndef PVMM_TESTS_CHECK_JSON_H
#define PVMM_TESTS_CHECK_JSON_H

#include <check.h>
#include <stdio.h>

/* @text is valid JSON in UTF-8, and @test, in Python and without ', holds of its value j. */
static inline void check_json(const char *text, const char *test)
{
	char command[2048];
	FILE *python;

	snprintf(command, sizeof(command), "exec python3 -c 'import json, sys\n"
		 "j = json.loads(sys.stdin.buffer.read().decode(\"utf-8\"))\n"
		 "sys.exit(not (%s))'", test);
	python = popen(command, "w");
	ck_assert_ptr_nonnull(python);
	fputs(text, python);
	ck_assert_msg(pclose(python) == 0, "%s does not hold of %s", test, text);
}

#endif
