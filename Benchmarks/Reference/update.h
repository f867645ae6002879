// A scanner for the fields of an update that routing needs; the rest is skipped, but must be well formed in its
// brackets and quotes.
#pragma once

#include "reference.h"

struct update {
  int64_t id, chat;
  // Between the quotes, escapes unresolved.
  const char *text;
  size_t text_length;
};

struct scanner {
  const char *at, *end;
};

static void skip_space(struct scanner *in) {
  while (in->at < in->end && (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t')) in->at++;
}

static int take(struct scanner *in, char wanted) {
  skip_space(in);
  if (in->at == in->end || *in->at != wanted) return 0;
  in->at++;
  return 1;
}

static int read_string(struct scanner *in, const char **start, size_t *length) {
  if (!take(in, '"')) return 0;
  *start = in->at;
  for (; in->at < in->end && *in->at != '"'; in->at++)
    if (*in->at == '\\') in->at++;
  if (in->at >= in->end) return 0;
  *length = (size_t)(in->at++ - *start);
  return 1;
}

static int read_integer(struct scanner *in, int64_t *value) {
  skip_space(in);
  int negative = take(in, '-');
  const char *digits = in->at;
  uint64_t magnitude = 0;
  while (in->at < in->end && (unsigned char)(*in->at - '0') <= 9) magnitude = magnitude * 10 + (uint64_t)(*in->at++ - '0');
  if (in->at == digits || in->at - digits > 18) return 0;
  *value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
  return 1;
}

static int skip_value(struct scanner *in) {
  const char *start;
  size_t length;
  skip_space(in);
  if (in->at == in->end) return 0;
  if (*in->at == '"') return read_string(in, &start, &length);
  if (*in->at != '{' && *in->at != '[') {
    const char *begin = in->at;
    while (in->at < in->end && !strchr(",}] \n\r\t", *in->at)) in->at++;
    return in->at > begin;
  }
  for (int depth = 0; in->at < in->end;) {
    char next = *in->at;
    if (next == '"') {
      if (!read_string(in, &start, &length)) return 0;
      continue;
    }
    in->at++;
    if (next == '{' || next == '[') depth++;
    if ((next == '}' || next == ']') && --depth == 0) return 1;
  }
  return 0;
}

static int is(const char *key, size_t length, const char *name) {
  return length == strlen(name) && memcmp(key, name, length) == 0;
}

// The members of an object, one after another: its value comes next. 0 at the end, -1 when it is malformed.
static int next_member(struct scanner *in, int *first, const char **key, size_t *length) {
  if (take(in, '}')) return 0;
  if (!*first && !take(in, ',')) return -1;
  *first = 0;
  return read_string(in, key, length) && take(in, ':') ? 1 : -1;
}

static int read_chat(struct scanner *in, struct update *update) {
  const char *key;
  size_t length;
  int first = 1, more;
  if (!take(in, '{')) return 0;
  while ((more = next_member(in, &first, &key, &length)) == 1) {
    int fine = is(key, length, "id") ? read_integer(in, &update->chat) : skip_value(in);
    if (!fine) return 0;
  }
  return more == 0;
}

static int read_message(struct scanner *in, struct update *update) {
  const char *key;
  size_t length;
  int first = 1, more;
  while ((more = next_member(in, &first, &key, &length)) == 1) {
    int fine = is(key, length, "chat")   ? read_chat(in, update)
               : is(key, length, "text") ? read_string(in, &update->text, &update->text_length)
                                         : skip_value(in);
    if (!fine) return 0;
  }
  return more == 0;
}

static int read_update(const char *bytes, size_t size, struct update *update) {
  struct scanner in = {bytes, bytes + size};
  const char *key;
  size_t length;
  int first = 1, more, has_id = 0;
  *update = (struct update){0};
  if (!take(&in, '{')) return 0;
  while ((more = next_member(&in, &first, &key, &length)) == 1) {
    int fine;
    if (is(key, length, "update_id")) {
      fine = has_id = read_integer(&in, &update->id);
    } else {
      fine = take(&in, '{') ? read_message(&in, update) : skip_value(&in);
    }
    if (!fine) return 0;
  }
  return more == 0 && has_id;
}

// The 12 in {"count":12}, which is what a session holds.
static int64_t count_in(const char *bytes, size_t size) {
  struct scanner in = {bytes, bytes + size};
  const char *key;
  size_t length;
  int first = 1;
  int64_t count = 0;
  if (!take(&in, '{')) return 0;
  while (next_member(&in, &first, &key, &length) == 1)
    if (!(is(key, length, "count") ? read_integer(&in, &count) : skip_value(&in))) return 0;
  return count;
}
