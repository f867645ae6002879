// What both reference programs share: dying with a reason, and a login to RabbitMQ.
//
// They are the yardstick of the benchmarks: what one writes in C with the same client libraries when speed is all that
// counts. They recover from nothing; any error ends them.
#pragma once

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#endif

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("reference: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

static const char *environment(const char *name) {
  const char *value = getenv(name);
  if (!value || !*value) die("%s is not set", name);
  return value;
}

// The answer to the last call that waits for one.
static void must(amqp_connection_state_t broker, const char *what) {
  amqp_rpc_reply_t reply = amqp_get_rpc_reply(broker);
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) die("%s failed (%d)", what, reply.library_error);
}

// Logged in, with channel 1 open. The URL comes from FLEET_AMQP_URL.
static amqp_connection_state_t connect_broker(void) {
  static char url[2048];
  snprintf(url, sizeof url, "%s", environment("FLEET_AMQP_URL"));
  struct amqp_connection_info info;
  amqp_default_connection_info(&info);
  if (amqp_parse_url(url, &info) != AMQP_STATUS_OK) die("FLEET_AMQP_URL is no AMQP URL");
  amqp_connection_state_t broker = amqp_new_connection();
  amqp_socket_t *socket = amqp_tcp_socket_new(broker);
  if (!socket || amqp_socket_open(socket, info.host, info.port) != AMQP_STATUS_OK) die("RabbitMQ is not reachable");
  // An empty virtual host in a URL means "/".
  const char *vhost = info.vhost && *info.vhost ? info.vhost : "/";
  amqp_rpc_reply_t login =
      amqp_login(broker, vhost, 0, 131072, 30, AMQP_SASL_METHOD_PLAIN, info.user, info.password);
  if (login.reply_type != AMQP_RESPONSE_NORMAL) die("RabbitMQ refused the login");
  amqp_channel_open(broker, 1);
  must(broker, "opening a channel");
  return broker;
}
