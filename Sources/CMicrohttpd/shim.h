#ifndef HOMEOSTAT_CMICROHTTPD_SHIM_H
#define HOMEOSTAT_CMICROHTTPD_SHIM_H

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

// Everything MHD_start_daemon takes as variadic options.
struct homeostat_httpd_settings {
    int listen_socket;
    unsigned int connection_limit;
    unsigned int idle_seconds;
    size_t connection_memory_bytes;
    void *owner;
    MHD_AccessHandlerCallback access;
    void *(*target)(void *owner, const char *target, struct MHD_Connection *connection);
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
    const char *tls_key_pem;          // NULL: plain HTTP
    const char *tls_certificate_pem;
    const char *tls_client_ca_pem;    // NULL: ask for no client certificate
};

static inline struct MHD_Daemon *homeostat_httpd_start(const struct homeostat_httpd_settings *s) {
    struct MHD_OptionItem tls[4];
    int count = 0;
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (s->tls_key_pem) {
        flags |= MHD_USE_TLS;
        tls[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)s->tls_key_pem};
        tls[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)s->tls_certificate_pem};
        if (s->tls_client_ca_pem)
            tls[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)s->tls_client_ca_pem};
    }
    tls[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(
        flags, 0, NULL, NULL, s->access, s->owner,
        MHD_OPTION_LISTEN_SOCKET, (MHD_socket)s->listen_socket,
        MHD_OPTION_CONNECTION_LIMIT, s->connection_limit,
        MHD_OPTION_CONNECTION_TIMEOUT, s->idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->connection_memory_bytes,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,  // refuse HTTP/1.1 without Host, and the like
        MHD_OPTION_URI_LOG_CALLBACK, s->target, s->owner,
        MHD_OPTION_NOTIFY_COMPLETED, s->completed, s->owner,
        MHD_OPTION_NOTIFY_CONNECTION, s->connection, s->owner,
        MHD_OPTION_ARRAY, tls,
        MHD_OPTION_END);
}

static inline enum MHD_Result homeostat_httpd_set_unchunked(struct MHD_Response *response) {
    return MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}

static inline int homeostat_httpd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static inline void *homeostat_httpd_socket_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

// Writes the peer's address without its port; an empty string when unknown.
static inline void homeostat_httpd_address(struct MHD_Connection *connection, char *text, size_t size) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    text[0] = 0;
    if (!info || !info->client_addr) return;
    if (info->client_addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)info->client_addr)->sin_addr, text, (socklen_t)size);
    else if (info->client_addr->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)info->client_addr)->sin6_addr, text, (socklen_t)size);
}

// Writes the subject of the client's certificate (RFC 4514) when it verifies against the trusted authorities and is
// meant for clients; returns whether it did.
static inline bool homeostat_httpd_client_subject(struct MHD_Connection *connection, char *text, size_t size) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (!info || !info->tls_session) return false;
    gnutls_session_t session = (gnutls_session_t)info->tls_session;
    unsigned int count = 0, status = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    if (!chain || count == 0) return false;
    gnutls_typed_vdata_st purpose = {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT, 0};
    if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) != 0 || status != 0) return false;
    gnutls_x509_crt_t certificate;
    if (gnutls_x509_crt_init(&certificate) != 0) return false;
    gnutls_datum_t name = {NULL, 0};
    bool found = gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) == 0
        && gnutls_x509_crt_get_dn3(certificate, &name, 0) == 0 && name.size < size;
    if (found) {
        memcpy(text, name.data, name.size);
        text[name.size] = 0;
    }
    if (name.data) gnutls_free(name.data);
    gnutls_x509_crt_deinit(certificate);
    return found;
}

// Watches a socket for its peer's going away, once; `token` comes back from homeostat_epoll_wait.
static inline int homeostat_epoll_watch_hang_up(int set, int socket, uint64_t token) {
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data = {.u64 = token}};
    return epoll_ctl(set, EPOLL_CTL_ADD, socket, &event);
}

static inline int homeostat_epoll_watch_readable(int set, int socket, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = token}};
    return epoll_ctl(set, EPOLL_CTL_ADD, socket, &event);
}

// Waits without a limit and writes up to 64 tokens; returns how many, 0 when interrupted, -1 on error.
static inline int homeostat_epoll_wait(int set, uint64_t tokens[64]) {
    struct epoll_event events[64];
    int count = epoll_wait(set, events, 64, -1);
    if (count < 0) return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u64;
    return count;
}

#endif
