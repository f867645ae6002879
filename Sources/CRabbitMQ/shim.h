#ifndef CRABBITMQ_SHIM_H
#define CRABBITMQ_SHIM_H
// librabbitmq moved its headers into a folder after 0.11.
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

/// amqp_login_with_properties is variadic, which Swift cannot call.
static inline amqp_rpc_reply_t crabbitmq_login(
    amqp_connection_state_t state, const char *vhost, int channel_max, int frame_max, int heartbeat,
    const amqp_table_t *properties, const char *user, const char *password) {
    return amqp_login_with_properties(
        state, vhost, channel_max, frame_max, heartbeat, properties, AMQP_SASL_METHOD_PLAIN, user, password);
}

static inline int crabbitmq_open(amqp_socket_t *socket, const char *host, int port, long milliseconds) {
    struct timeval timeout = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    return amqp_socket_open_noblock(socket, host, port, &timeout);
}
static inline int crabbitmq_set_handshake_timeout(amqp_connection_state_t state, long milliseconds) {
    struct timeval timeout = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    return amqp_set_handshake_timeout(state, &timeout);
}
/// The next frame that is here already; AMQP_STATUS_TIMEOUT when there is none.
static inline int crabbitmq_poll_frame(amqp_connection_state_t state, amqp_frame_t *frame) {
    struct timeval now = {0, 0};
    return amqp_simple_wait_frame_noblock(state, frame, &now);
}

/// The library keeps its SSL object to itself. Its context can be had, and a context calls back during the handshake with
/// the object: SSL_CTX_set_info_callback(3). `slot` is written by the thread that opens the socket.
static inline void crabbitmq_note_ssl(const SSL *ssl, int where, int result) {
    (void)where;
    (void)result;
    SSL **slot = (SSL **)SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (slot) *slot = (SSL *)ssl;
}
static inline void crabbitmq_capture_ssl(amqp_socket_t *socket, SSL **slot) {
    SSL_CTX *context = (SSL_CTX *)amqp_ssl_socket_get_context(socket);
    SSL_CTX_set_app_data(context, slot);
    SSL_CTX_set_info_callback(context, crabbitmq_note_ssl);
    // Our write buffer may have moved by the time a write is tried again.
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}
/// After the handshake nobody may write to the slot any more.
static inline void crabbitmq_release_ssl_slot(amqp_socket_t *socket) {
    SSL_CTX *context = (SSL_CTX *)amqp_ssl_socket_get_context(socket);
    SSL_CTX_set_info_callback(context, NULL);
    SSL_CTX_set_app_data(context, NULL);
}
static inline int crabbitmq_trust_system(amqp_socket_t *socket) {
    return SSL_CTX_set_default_verify_paths((SSL_CTX *)amqp_ssl_socket_get_context(socket));
}

/// What a read or write came to, when it moved no bytes.
enum { CRABBITMQ_WANT_READ = -1, CRABBITMQ_WANT_WRITE = -2, CRABBITMQ_END = -3 };

/// Reads without blocking, over TLS if `ssl` is given. Bytes read, or one of the above; errno tells why it ended.
static inline long crabbitmq_read(int fd, SSL *ssl, void *bytes, size_t count) {
    if (!ssl) {
        ssize_t result;
        do result = recv(fd, bytes, count, MSG_DONTWAIT);
        while (result < 0 && errno == EINTR);
        if (result > 0) return result;
        if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return CRABBITMQ_WANT_READ;
        if (result == 0) errno = 0;
        return CRABBITMQ_END;
    }
    ERR_clear_error();
    errno = 0;
    int result = SSL_read(ssl, bytes, count > INT_MAX ? INT_MAX : (int)count);
    if (result > 0) return result;
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ: return CRABBITMQ_WANT_READ;
    case SSL_ERROR_WANT_WRITE: return CRABBITMQ_WANT_WRITE;
    default: return CRABBITMQ_END;
    }
}
/// Writes without blocking; as crabbitmq_read.
static inline long crabbitmq_write(int fd, SSL *ssl, const void *bytes, size_t count) {
    if (!ssl) {
        ssize_t result;
        do result = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (result < 0 && errno == EINTR);
        if (result >= 0) return result;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return CRABBITMQ_WANT_WRITE;
        return CRABBITMQ_END;
    }
    ERR_clear_error();
    errno = 0;
    int result = SSL_write(ssl, bytes, count > INT_MAX ? INT_MAX : (int)count);
    if (result > 0) return result;
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ: return CRABBITMQ_WANT_READ;
    case SSL_ERROR_WANT_WRITE: return CRABBITMQ_WANT_WRITE;
    default: return CRABBITMQ_END;
    }
}
#endif
