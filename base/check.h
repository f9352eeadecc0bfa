// VS_CHECK: for our own bugs. Stays on in release and ends the process with the file, line and condition.
//
// Nothing that a guest, a REST user or a file says may reach a check; the world gets a Result.
#pragma once

#include <cstdio>
#include <cstdlib>

#define VS_CHECK(condition)                                                          \
  do {                                                                               \
    if (!(condition)) [[unlikely]] {                                                 \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                  \
    }                                                                                \
  } while (false)
