/*
 * fuzz-phonebook.c -- any bytes as phone metadata: refused with a line, or a
 * book under which numbers are judged without crash, hang or wild results.
 */
#include <stdlib.h>

#include "fan/phone.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(bool condition)
{
	if (!condition)
		abort();
}

static void
judge(struct vf_phone_book *book, const char *field, const char *home)
{
	struct vf_phone phone;
	enum vf_phone_verdict v = vf_phone_judge(book, vf_slice_str(field), home, &phone);

	need((v == VF_PHONE_BAD) == (phone.len == 0) && strlen(phone.e164) == phone.len);
	need(phone.len <= VF_PHONE_DIGITS + 1 && strspn(phone.e164, "+0123456789") == phone.len);
	need((v == VF_PHONE_VALID) == (phone.type != VF_PHONE_UNKNOWN));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const homes[] = { "US", "CA", "AR", "GB", "ZZ", NULL };
	static const char *const fields[] = { "+12125550123", "2125550123", "12125550123", "011549343155551212",
		"0343155551212", "07912345678", "+4407912345678", "111111111111111111111111111111111111111111111111",
		"00", "000000000000", "123", "+999", "5551234" };
	char *text = malloc(n > 0 ? n : 1);
	struct vf_error err = { 0 };
	struct vf_phone_book *book;
	size_t i, k;

	if (text == NULL)
		return 0;
	if (n > 0)
		memcpy(text, data, n);
	book = vf_phone_book_new(vf_slice(text, n), "fuzz", &err);
	free(text);
	if (book == NULL) {
		need(strncmp(err.text, "fuzz:", 5) == 0 && err.text[5] >= '1' && err.text[5] <= '9');
		return 0;
	}
	for (i = 0; i < sizeof(homes) / sizeof(*homes); i++)
		for (k = 0; k < sizeof(fields) / sizeof(*fields); k++)
			judge(book, fields[k], homes[i]);
	vf_phone_book_free(book);
	return 0;
}
