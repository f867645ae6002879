// Publishes updates with rabbitmq-c's own calls: persistent, mandatory, confirmed, at most WINDOW unconfirmed.
//
//   publish QUEUE FIRST COUNT CHATS
//
// At its end it writes one line: the seconds from the first publication to the last confirm, and the processor time
// the process used in between, in microseconds.
#include "reference.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

enum { WINDOW = 1000 };

static amqp_connection_state_t broker;
// Confirms may come singly and out of order. Every tag below `lowest` is confirmed; `early` says which above it are.
static uint64_t lowest = 1, confirmed;
static unsigned char early[WINDOW];

static void confirm(uint64_t tag, int multiple) {
  if (!multiple) {
    early[tag % WINDOW] = 1;
    confirmed++;
    while (early[lowest % WINDOW]) early[lowest++ % WINDOW] = 0;
    return;
  }
  for (; lowest <= tag; lowest++) {
    if (!early[lowest % WINDOW]) confirmed++;
    early[lowest % WINDOW] = 0;
  }
  while (early[lowest % WINDOW]) early[lowest++ % WINDOW] = 0;
}

static double processor_microseconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

// Takes what the broker said. `wait`: at least one frame, for at most 30 s.
static void take_confirms(int wait) {
  for (;;) {
    amqp_frame_t frame;
    struct timeval limit = {wait ? 30 : 0, 0};
    int status = amqp_simple_wait_frame_noblock(broker, &frame, &limit);
    if (status == AMQP_STATUS_TIMEOUT && !wait) return;
    if (status != AMQP_STATUS_OK) die("no confirm: %s", amqp_error_string2(status));
    if (frame.frame_type != AMQP_FRAME_METHOD) continue;
    if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD) die("the broker did not confirm");
    const amqp_basic_ack_t *ack = frame.payload.method.decoded;
    confirm(ack->delivery_tag, ack->multiple);
    amqp_maybe_release_buffers_on_channel(broker, 1);
    wait = 0;
  }
}

int main(int count_of_arguments, char **arguments) {
  if (count_of_arguments != 5) die("usage: publish QUEUE FIRST COUNT CHATS");
  const long long first = atoll(arguments[2]), count = atoll(arguments[3]), chats = atoll(arguments[4]);
  broker = connect_broker();
  amqp_confirm_select(broker, 1);
  must(broker, "confirm.select");

  // The bodies are there before the clock starts, as the gateway has them from Telegram.
  enum { ROOM = 512 };
  char *bodies = malloc((size_t)count * ROOM);
  size_t *sizes = malloc((size_t)count * sizeof *sizes);
  if (!bodies || !sizes) die("no memory");
  for (long long index = 0; index < count; index++) {
    long long id = first + index, chat = 1 + id % chats;
    sizes[index] = (size_t)snprintf(
        bodies + index * ROOM, ROOM,
        "{\"update_id\":%lld,\"message\":{\"message_id\":%lld,\"from\":{\"id\":%lld,\"is_bot\":false,"
        "\"first_name\":\"Ada\",\"last_name\":\"Lovelace\",\"username\":\"ada\",\"language_code\":\"en\"},"
        "\"chat\":{\"id\":%lld,\"first_name\":\"Ada\",\"last_name\":\"Lovelace\",\"username\":\"ada\","
        "\"type\":\"private\"},\"date\":1700000000,\"text\":\"message %lld\"}}",
        id, id, chat, chat, id);
  }
  // As the gateway publishes: with the header that says when the update came in.
  amqp_table_entry_t received = {
      .key = amqp_cstring_bytes("x-fleet-received"),
      .value = {.kind = AMQP_FIELD_KIND_I64, .value.i64 = (int64_t)time(NULL) * 1000},
  };
  amqp_basic_properties_t properties = {
      ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_HEADERS_FLAG,
      .content_type = amqp_cstring_bytes("application/json"),
      .delivery_mode = 2,
      .headers = {.num_entries = 1, .entries = &received},
  };

  const double start = now(), processor = processor_microseconds();
  for (long long index = 0; index < count; index++) {
    while ((uint64_t)index + 1 - lowest >= WINDOW) take_confirms(1);
    amqp_bytes_t body = {.len = sizes[index], .bytes = bodies + index * ROOM};
    int status = amqp_basic_publish(
        broker, 1, amqp_empty_bytes, amqp_cstring_bytes(arguments[1]), 1, 0, &properties, body);
    if (status != AMQP_STATUS_OK) die("publishing: %s", amqp_error_string2(status));
    // Now and then, so that confirms do not pile up unread.
    if (index % 100 == 99) take_confirms(0);
  }
  while (confirmed < (uint64_t)count) take_confirms(1);
  fprintf(stderr, "seconds %.6f cpu_us %.0f\n", now() - start, processor_microseconds() - processor);
  amqp_connection_close(broker, AMQP_REPLY_SUCCESS);
  amqp_destroy_connection(broker);
  return 0;
}
