// Arrays in PostgreSQL's binary format (source, `array_recv`): dimensions, a flag for NULLs, the element's type, length
// and lower bound, then each element behind its length. All 32 bits, big-endian.
#pragma once

#include "reference.h"

enum { TYPE_BYTEA = 17, TYPE_INT8 = 20, TYPE_INT2 = 21, TYPE_TEXT = 25 };

struct array {
  unsigned char *bytes;
  size_t size, room;
};

static void write_int32(unsigned char *out, uint32_t value) {
  value = __builtin_bswap32(value);
  memcpy(out, &value, 4);
}

static void write_int64(unsigned char *out, int64_t value) {
  uint64_t swapped = __builtin_bswap64((uint64_t)value);
  memcpy(out, &swapped, 8);
}

static int64_t read_int64(const char *in) {
  uint64_t value;
  memcpy(&value, in, 8);
  return (int64_t)__builtin_bswap64(value);
}

static unsigned char *extend(struct array *array, size_t more) {
  if (array->size + more > array->room) {
    array->room = (array->size + more) * 2;
    array->bytes = realloc(array->bytes, array->room);
    if (!array->bytes) die("no memory");
  }
  unsigned char *place = array->bytes + array->size;
  array->size += more;
  return place;
}

static void begin_array(struct array *array, uint32_t type, int count) {
  array->size = 0;
  unsigned char *head = extend(array, 20);
  write_int32(head, 1);
  write_int32(head + 4, 0);
  write_int32(head + 8, type);
  write_int32(head + 12, (uint32_t)count);
  write_int32(head + 16, 1);
}

static void add_bytes(struct array *array, const void *bytes, size_t length) {
  unsigned char *place = extend(array, 4 + length);
  write_int32(place, (uint32_t)length);
  memcpy(place + 4, bytes, length);
}

static void int64_array(struct array *array, const int64_t *values, int count) {
  begin_array(array, TYPE_INT8, count);
  unsigned char *place = extend(array, (size_t)count * 12);
  for (int index = 0; index < count; index++, place += 12) {
    write_int32(place, 8);
    write_int64(place + 4, values[index]);
  }
}

// The same value `count` times.
static void int16_array(struct array *array, int16_t value, int count) {
  begin_array(array, TYPE_INT2, count);
  unsigned char *place = extend(array, (size_t)count * 6);
  for (int index = 0; index < count; index++, place += 6) {
    write_int32(place, 2);
    place[4] = (unsigned char)(value >> 8);
    place[5] = (unsigned char)value;
  }
}
