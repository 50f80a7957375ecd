/*
 * fuzz-phone.c -- any bytes as a phone field under the installed metadata: what
 * is accepted is an E.164 number that is judged as itself.
 *
 * The first two bytes choose the default region; the rest is the field.  The
 * metadata is $VF_SRCDIR/data/phone-metadata.txt.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fan/phone.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(bool condition)
{
	if (!condition)
		abort();
}

static struct vf_phone_book *
read_book(void)
{
	const char *top = getenv("VF_SRCDIR");
	size_t size = 1 << 22, n;
	char path[4096], *text = malloc(size);
	struct vf_phone_book *book;
	struct vf_error err;
	FILE *f;

	snprintf(path, sizeof(path), "%s/data/phone-metadata.txt", top == NULL ? "." : top);
	f = fopen(path, "rb");
	if (f == NULL || text == NULL) {
		fprintf(stderr, "fuzz-phone: %s cannot be read; is VF_SRCDIR set?\n", path);
		exit(1);
	}
	n = fread(text, 1, size, f);
	fclose(f);
	book = vf_phone_book_new(vf_slice(text, n), path, &err);
	if (book == NULL) {
		fprintf(stderr, "fuzz-phone: %s\n", err.text);
		exit(1);
	}
	free(text);
	return book;
}

static void
check(struct vf_phone_book *book, const struct vf_phone *phone, enum vf_phone_verdict v, const char *home)
{
	struct vf_phone again;

	if (v == VF_PHONE_BAD) {
		need(phone->len == 0 && phone->e164[0] == '\0' && phone->region[0] == '\0');
		need(phone->type == VF_PHONE_UNKNOWN);
		return;
	}
	need(phone->len >= 4 && phone->len <= VF_PHONE_DIGITS + 1 && strlen(phone->e164) == phone->len);
	need(phone->e164[0] == '+' && strspn(phone->e164 + 1, "0123456789") == phone->len - 1u);
	need(strlen(phone->region) == 2 ? vf_phone_region_ok(book, phone->region) : strcmp(phone->region, "001") == 0);
	need((v == VF_PHONE_VALID) == (phone->type != VF_PHONE_UNKNOWN) && phone->type < VF_PHONE_TYPES);
	need(vf_phone_judge(book, vf_slice(phone->e164, phone->len), home, &again) == v);
	need(strcmp(again.e164, phone->e164) == 0 && strcmp(again.region, phone->region) == 0);
	need(again.type == phone->type);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct vf_phone_book *book;
	char home[3] = "", *field;
	struct vf_phone phone;

	if (book == NULL)
		book = read_book();
	if (n < 2)
		return 0;
	memcpy(home, data, 2);
	field = malloc(n - 2 > 0 ? n - 2 : 1);	/* of the very size, so that a sanitizer sees a read beyond it */
	if (field == NULL)
		return 0;
	if (n > 2)
		memcpy(field, data + 2, n - 2);
	check(book, &phone, vf_phone_judge(book, vf_slice(field, n - 2), home, &phone), home);
	free(field);
	return 0;
}
