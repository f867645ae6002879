// The worker's job without its promises: consumes a bot's queue, reads the fields of an update that routing needs,
// counts per chat, and commits per batch of 200 the inbox rows, the sessions and the replies; then one `multiple` ack.
//
//   settle BOT
//
// Statements, tables and rows are those of the worker. The next batches are collected while earlier ones are being
// committed. SIGTERM ends it when what it holds is committed.
#include "reference.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <time.h>

#include "arrays.h"
#include "update.h"

enum {
  BATCH = 200,
  PREFETCH = 1000,
  // Batches committed at a time; with one more being filled they stay below the prefetch.
  IN_FLIGHT = 2,
  RING = IN_FLIGHT + 1,
  DELAY_MS = 3,
};

static amqp_connection_state_t broker;
static PGconn *database;
static const char *bot;
static volatile sig_atomic_t stopping;

static void stop(int signal) {
  (void)signal;
  stopping = 1;
}

// --- chats: a hash table with open addressing -------------------------------------------------------------------------

struct chat {
  int64_t id;
  int64_t count;
  // The batch it was last met in.
  uint64_t batch;
  int used, known;
};

static struct chat *chats;
static size_t chat_slots, chat_count;

static struct chat *find_slot(int64_t id) {
  size_t slot = (uint64_t)id * 0x9E3779B97F4A7C15u >> 20;
  for (;; slot++) {
    struct chat *chat = &chats[slot & (chat_slots - 1)];
    if (!chat->used || chat->id == id) return chat;
  }
}

static void grow_chats(void) {
  struct chat *old = chats;
  size_t slots = chat_slots;
  chat_slots = slots ? slots * 2 : 4096;
  chats = calloc(chat_slots, sizeof *chats);
  if (!chats) die("no memory");
  for (size_t slot = 0; slot < slots; slot++)
    if (old[slot].used) *find_slot(old[slot].id) = old[slot];
  free(old);
}

// --- batches ----------------------------------------------------------------------------------------------------------

struct batch {
  int updates, touched;
  uint64_t number, last_tag;
  struct timespec since;
  int64_t ids[BATCH], conversations[BATCH], sequences[BATCH];
  struct {
    size_t start, length;
  } replies[BATCH];
  int64_t changed[BATCH];
  // The replies' requests, one after another.
  char *text;
  size_t text_size, text_room;
};

static struct batch ring[RING];
static uint64_t filling, oldest;  // numbers of batches; those from `oldest` to before `filling` are being committed
static int64_t lane_id, lane_term, sequence;

static struct batch *batch_at(uint64_t number) { return &ring[number % RING]; }

static void begin_batch(void) {
  struct batch *batch = batch_at(filling);
  batch->updates = batch->touched = 0;
  batch->text_size = 0;
  batch->number = filling;
}

static void reserve_text(struct batch *batch, size_t more) {
  if (batch->text_size + more <= batch->text_room) return;
  batch->text_room = (batch->text_size + more) * 2;
  batch->text = realloc(batch->text, batch->text_room);
  if (!batch->text) die("no memory");
}

static void add_update(const struct update *update, uint64_t tag) {
  struct batch *batch = batch_at(filling);
  if (batch->updates == 0) clock_gettime(CLOCK_MONOTONIC, &batch->since);
  if (chat_count * 2 >= chat_slots) grow_chats();
  struct chat *chat = find_slot(update->chat);
  if (!chat->used) {
    *chat = (struct chat){.id = update->chat, .used = 1};
    chat_count++;
  }
  chat->count++;
  if (chat->batch != batch->number + 1) {
    chat->batch = batch->number + 1;
    batch->changed[batch->touched++] = update->chat;
  }
  int index = batch->updates++;
  batch->ids[index] = update->id;
  batch->conversations[index] = update->chat;
  batch->sequences[index] = ++sequence;
  batch->last_tag = tag;
  // The text is copied with its escapes, which are as good in the answer.
  reserve_text(batch, update->text_length + 64);
  char *end = batch->text + batch->text_size;
  int length = sprintf(
      end, "{\"chat_id\":%lld,\"text\":\"You said: %.*s\"}", (long long)update->chat, (int)update->text_length,
      update->text ? update->text : "");
  batch->replies[index].start = batch->text_size;
  batch->replies[index].length = (size_t)length;
  batch->text_size += (size_t)length;
}

// --- database ---------------------------------------------------------------------------------------------------------

static PGresult *done(PGresult *result, ExecStatusType wanted) {
  if (PQresultStatus(result) != wanted) die("%s", PQresultErrorMessage(result));
  return result;
}

static void connect_database(void) {
  database = PQconnectdb(environment("FLEET_DATABASE_URL"));
  if (PQstatus(database) != CONNECTION_OK) die("%s", PQerrorMessage(database));
  const char *claim[] = {bot};
  PGresult *result = done(
      PQexecParams(
          database,
          "INSERT INTO lane (bot_id, epoch, number, term, owner_name, owner_incarnation)"
          " VALUES ($1, 0, 0, 1, 'reference', 'reference')"
          " ON CONFLICT (bot_id, epoch, number) DO UPDATE SET term = lane.term + 1 RETURNING id, term",
          1, NULL, claim, NULL, NULL, 0),
      PGRES_TUPLES_OK);
  lane_id = atoll(PQgetvalue(result, 0, 0));
  lane_term = atoll(PQgetvalue(result, 0, 1));
  sequence = lane_term << 32;
  PQclear(result);
  static const char *statements[][2] = {
      {"fence", "SELECT fleet_fence($1, $2)"},
      {"inbox", "INSERT INTO inbox (bot_id, update_id, outcome) SELECT $1, * FROM unnest($2::bigint[], $3::smallint[])"},
      {"session",
       "INSERT INTO session (bot_id, conversation, state) SELECT $1, * FROM unnest($2::bigint[], $3::bytea[])"
       " ON CONFLICT (bot_id, conversation) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at"},
      {"outbox",
       "INSERT INTO outbox (lane_id, seq, update_id, conversation, method, body)"
       " SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bytea[])"},
      {"recall", "SELECT conversation, state FROM session WHERE bot_id = $1 AND conversation = ANY ($2::bigint[])"},
  };
  for (size_t index = 0; index < sizeof statements / sizeof *statements; index++)
    PQclear(done(PQprepare(database, statements[index][0], statements[index][1], 0, NULL), PGRES_COMMAND_OK));
  if (PQsetnonblocking(database, 1) != 0 || !PQenterPipelineMode(database)) die("%s", PQerrorMessage(database));
}

struct parameter {
  const void *bytes;
  size_t length;
};

static void execute(const char *statement, int count, const struct parameter *parameters) {
  const char *values[8];
  int lengths[8], formats[8];
  for (int index = 0; index < count; index++) {
    values[index] = parameters[index].bytes;
    lengths[index] = (int)parameters[index].length;
    formats[index] = 1;
  }
  if (!PQsendQueryPrepared(database, statement, count, values, lengths, formats, 1)) die("%s", PQerrorMessage(database));
}

static void wait_for_database(short events) {
  struct pollfd descriptor = {.fd = PQsocket(database), .events = events};
  if (poll(&descriptor, 1, 30000) <= 0 && errno != EINTR) die("the database does not answer");
}

static void flush_database(void) {
  int left;
  while ((left = PQflush(database)) == 1) {
    wait_for_database(POLLIN | POLLOUT);
    if (!PQconsumeInput(database)) break;
  }
  if (left < 0) die("%s", PQerrorMessage(database));
}

// The counts of chats met for the first time. Rare once the chats are known, so it just waits.
static void recall(struct batch *batch) {
  static struct array asked;
  int count = 0;
  int64_t unknown[BATCH];
  for (int index = 0; index < batch->touched; index++) {
    struct chat *chat = find_slot(batch->changed[index]);
    if (!chat->known) unknown[count++] = chat->id;
    chat->known = 1;
  }
  if (count == 0) return;
  int64_array(&asked, unknown, count);
  execute("recall", 2, (struct parameter[]){{bot, strlen(bot)}, {asked.bytes, asked.size}});
  if (!PQpipelineSync(database)) die("%s", PQerrorMessage(database));
  flush_database();
  for (int results = 0, ended = 0; !ended;) {
    while (PQisBusy(database)) {
      wait_for_database(POLLIN);
      if (!PQconsumeInput(database)) die("%s", PQerrorMessage(database));
    }
    PGresult *result = PQgetResult(database);
    if (!result) continue;
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
      ended = 1;
    } else {
      done(result, PGRES_TUPLES_OK);
      for (int row = 0; row < PQntuples(result); row++, results++) {
        struct chat *chat = find_slot(read_int64(PQgetvalue(result, row, 0)));
        chat->count += count_in(PQgetvalue(result, row, 1), (size_t)PQgetlength(result, row, 1));
      }
    }
    PQclear(result);
  }
}

static void commit_batch(void) {
  static struct array ids, outcomes, conversations, states, sequences, methods, bodies;
  struct batch *batch = batch_at(filling);
  int count = batch->updates;
  unsigned char lane[8], term[8];
  write_int64(lane, lane_id);
  write_int64(term, lane_term);
  struct parameter name = {bot, strlen(bot)};
  execute("fence", 2, (struct parameter[]){{lane, 8}, {term, 8}});

  int64_array(&ids, batch->ids, count);
  int16_array(&outcomes, 1, count);
  execute("inbox", 3, (struct parameter[]){name, {ids.bytes, ids.size}, {outcomes.bytes, outcomes.size}});

  int64_array(&conversations, batch->changed, batch->touched);
  begin_array(&states, TYPE_BYTEA, batch->touched);
  for (int index = 0; index < batch->touched; index++) {
    char state[40];
    int length = sprintf(state, "{\"count\":%lld}", (long long)find_slot(batch->changed[index])->count);
    add_bytes(&states, state, (size_t)length);
  }
  execute(
      "session", 3, (struct parameter[]){name, {conversations.bytes, conversations.size}, {states.bytes, states.size}});

  int64_array(&sequences, batch->sequences, count);
  int64_array(&conversations, batch->conversations, count);
  begin_array(&methods, TYPE_TEXT, count);
  begin_array(&bodies, TYPE_BYTEA, count);
  for (int index = 0; index < count; index++) {
    add_bytes(&methods, "sendMessage", 11);
    add_bytes(&bodies, batch->text + batch->replies[index].start, batch->replies[index].length);
  }
  execute(
      "outbox", 6,
      (struct parameter[]){
          {lane, 8},
          {sequences.bytes, sequences.size},
          {ids.bytes, ids.size},
          {conversations.bytes, conversations.size},
          {methods.bytes, methods.size},
          {bodies.bytes, bodies.size}});
  // No BEGIN: what lies between two Syncs is one transaction.
  if (!PQpipelineSync(database)) die("%s", PQerrorMessage(database));
  flush_database();
  filling++;
  begin_batch();
}

// Acknowledges the batches whose end has come.
static void take_results(void) {
  if (!PQconsumeInput(database)) die("%s", PQerrorMessage(database));
  while (oldest < filling && !PQisBusy(database)) {
    PGresult *result = PQgetResult(database);
    if (!result) continue;
    switch (PQresultStatus(result)) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK: break;
      case PGRES_PIPELINE_SYNC:
        if (amqp_basic_ack(broker, 1, batch_at(oldest)->last_tag, 1) != AMQP_STATUS_OK) die("the ack was not taken");
        oldest++;
        break;
      default: die("%s", PQresultErrorMessage(result));
    }
    PQclear(result);
  }
}

// --- deliveries -------------------------------------------------------------------------------------------------------

static int is_full(void) { return batch_at(filling)->updates == BATCH; }

static void take_update(const char *body, size_t size, uint64_t tag) {
  struct update update;
  if (!read_update(body, size, &update)) die("an update that is none");
  add_update(&update, tag);
}

// Takes frames until there are no more, or the batch is full. A message is a method, a header and its body's frames.
static void take_deliveries(void) {
  static char *body;
  static size_t size, room, expected;
  static uint64_t tag;
  while (!is_full()) {
    amqp_frame_t frame;
    struct timeval none = {0, 0};
    int status = amqp_simple_wait_frame_noblock(broker, &frame, &none);
    if (status == AMQP_STATUS_TIMEOUT) return;
    if (status != AMQP_STATUS_OK) die("consuming: %s", amqp_error_string2(status));
    switch (frame.frame_type) {
      case AMQP_FRAME_METHOD:
        if (frame.payload.method.id != AMQP_BASIC_DELIVER_METHOD) die("the broker ended the consumer");
        tag = ((amqp_basic_deliver_t *)frame.payload.method.decoded)->delivery_tag;
        break;
      case AMQP_FRAME_HEADER:
        expected = frame.payload.properties.body_size;
        size = 0;
        break;
      case AMQP_FRAME_BODY: {
        amqp_bytes_t part = frame.payload.body_fragment;
        // The usual body comes whole and is read where it lies.
        if (part.len == expected) {
          take_update(part.bytes, part.len, tag);
        } else {
          if (size + part.len > room) {
            room = (size + part.len) * 2;
            body = realloc(body, room);
            if (!body) die("no memory");
          }
          memcpy(body + size, part.bytes, part.len);
          size += part.len;
          if (size == expected) take_update(body, size, tag);
        }
        amqp_maybe_release_buffers_on_channel(broker, 1);
        break;
      }
    }
  }
}

static int milliseconds_since(const struct timespec *start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int)((now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000);
}

// Commits when the batch is full, or old enough and nothing else is on its way.
// Returns how long nothing will be due, in milliseconds.
static int commit_when_due(void) {
  struct batch *batch = batch_at(filling);
  if (batch->updates == 0 || filling - oldest >= IN_FLIGHT) return 1000;
  if (!is_full()) {
    if (oldest < filling) return 1000;
    int age = milliseconds_since(&batch->since);
    if (age < DELAY_MS && !stopping) return DELAY_MS - age;
  }
  while (oldest < filling) {
    int known = 1;
    for (int index = 0; index < batch->touched && known; index++) known = find_slot(batch->changed[index])->known;
    if (known) break;
    wait_for_database(POLLIN);
    take_results();
  }
  recall(batch);
  commit_batch();
  return 0;
}

int main(int count, char **arguments) {
  if (count != 2) die("usage: settle BOT");
  bot = arguments[1];
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  // It may be blocked in whoever started this.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_UNBLOCK, &signals, NULL);
  grow_chats();
  connect_database();
  broker = connect_broker();
  char queue[256];
  snprintf(queue, sizeof queue, "bot.%s", bot);
  amqp_basic_qos(broker, 1, 0, PREFETCH, 0);
  must(broker, "basic.qos");
  amqp_basic_consume(broker, 1, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  must(broker, "basic.consume");
  begin_batch();
  while (!stopping || oldest < filling || batch_at(filling)->updates > 0) {
    if (!stopping) take_deliveries();
    take_results();
    int wait = commit_when_due();
    if (wait == 0) continue;
    struct pollfd descriptors[2] = {
        {.fd = PQsocket(database), .events = POLLIN},
        // A full batch waits for the database: what comes meanwhile stays in the socket.
        {.fd = is_full() || stopping ? -1 : amqp_get_sockfd(broker), .events = POLLIN},
    };
    if (poll(descriptors, 2, wait) < 0 && errno != EINTR) die("poll: %s", strerror(errno));
  }
  amqp_connection_close(broker, AMQP_REPLY_SUCCESS);
  amqp_destroy_connection(broker);
  PQfinish(database);
  return 0;
}
