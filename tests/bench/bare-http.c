/*
 * bare-http -- the least that libcurl's multi interface takes: N POSTs of one
 * body, so many at once, handles reused, answers thrown away. Prints how many
 * were answered 2xx.
 *
 * Usage: bare-http URL N CONCURRENCY BODY-FILE
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static char body[64 << 10];

static size_t
discard(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	(void)arg;
	return size * n;
}

static CURL *
handle(const char *url, struct curl_slist *headers, size_t length)
{
	CURL *e = curl_easy_init();

	if (e == NULL)
		abort();
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)length);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_TIMEOUT, 30L);
	return e;
}

int
main(int argc, char **argv)
{
	struct curl_slist *headers = NULL;
	long todo, started = 0, good = 0, status;
	int at_once, running = 0, left;
	size_t length;
	CURLM *multi;
	FILE *f;

	if (argc != 5 || (f = fopen(argv[4], "r")) == NULL)
		return 2;
	length = fread(body, 1, sizeof body, f);
	fclose(f);
	todo = atol(argv[2]);
	at_once = atoi(argv[3]);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)at_once);
	headers = curl_slist_append(headers, "Content-Type: application/json");
	headers = curl_slist_append(headers, "Idempotency-Key: 0123456789abcdef0123456789abcdef");
	for (; started < at_once && started < todo; started++)
		curl_multi_add_handle(multi, handle(argv[1], headers, length));
	do {
		CURLMsg *m;

		curl_multi_perform(multi, &running);
		while ((m = curl_multi_info_read(multi, &left)) != NULL) {
			CURL *e = m->easy_handle;

			curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
			good += m->data.result == CURLE_OK && status / 100 == 2;
			curl_multi_remove_handle(multi, e);
			if (started < todo) {
				started++;
				curl_multi_add_handle(multi, e);
				running++;
			} else {
				curl_easy_cleanup(e);
			}
		}
		if (running > 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	} while (running > 0);
	curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
	printf("%ld\n", good);
	return good != todo;
}
