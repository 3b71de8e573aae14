#ifndef HOMEOSTAT_CCURL_SHIM_H
#define HOMEOSTAT_CCURL_SHIM_H

#include <curl/curl.h>

// Swift imports neither variadic functions nor macros that compute: each use gets a function of its own, named hcurl_*.

typedef size_t (*hcurl_write_function)(char *, size_t, size_t, void *);
typedef int (*hcurl_prereq_function)(void *, char *, char *, int, int);
typedef int (*hcurl_sockopt_function)(void *, curl_socket_t, curlsocktype);

static inline CURLcode hcurl_global_init(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }

static inline CURLcode hcurl_set_long(CURL *h, CURLoption o, long v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode hcurl_set_offset(CURL *h, CURLoption o, curl_off_t v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode hcurl_set_string(CURL *h, CURLoption o, const char *v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode hcurl_set_pointer(CURL *h, CURLoption o, const void *v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode hcurl_set_list(CURL *h, CURLoption o, struct curl_slist *v) { return curl_easy_setopt(h, o, v); }

/* The bytes are copied. */
static inline CURLcode hcurl_set_blob(CURL *h, CURLoption o, const void *bytes, size_t count) {
    struct curl_blob blob;
    blob.data = (void *)bytes;
    blob.len = count;
    blob.flags = CURL_BLOB_COPY;
    return curl_easy_setopt(h, o, &blob);
}

static inline CURLcode hcurl_set_write(CURL *h, hcurl_write_function f, void *context) {
    CURLcode code = curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, f);
    return code ? code : curl_easy_setopt(h, CURLOPT_WRITEDATA, context);
}
static inline CURLcode hcurl_set_header(CURL *h, hcurl_write_function f, void *context) {
    CURLcode code = curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, f);
    return code ? code : curl_easy_setopt(h, CURLOPT_HEADERDATA, context);
}
static inline CURLcode hcurl_set_prereq(CURL *h, hcurl_prereq_function f, void *context) {
    CURLcode code = curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, f);
    return code ? code : curl_easy_setopt(h, CURLOPT_PREREQDATA, context);
}
static inline CURLcode hcurl_set_sockopt(CURL *h, hcurl_sockopt_function f) {
    return curl_easy_setopt(h, CURLOPT_SOCKOPTFUNCTION, f);
}

static inline CURLcode hcurl_get_offset(CURL *h, CURLINFO i, curl_off_t *v) { return curl_easy_getinfo(h, i, v); }
static inline CURLcode hcurl_get_pointer(CURL *h, CURLINFO i, void **v) { return curl_easy_getinfo(h, i, v); }

static inline CURLMcode hcurl_multi_set_long(CURLM *m, CURLMoption o, long v) { return curl_multi_setopt(m, o, v); }
static inline CURLcode hcurl_message_result(const CURLMsg *m) { return m->data.result; }

#endif
