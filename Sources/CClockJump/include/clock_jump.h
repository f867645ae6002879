// Nothing to call: the library is preloaded; see clock_jump.c.
