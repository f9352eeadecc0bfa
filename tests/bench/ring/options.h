// What one run of a benchmark program is asked to do: KEY=VALUE words on the command line.
//
// Sizes are bytes. Pure; thread-safe. A word that is not understood ends the program with a sentence on standard error.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace vs::bench {

enum class Wait { spin, adaptive, block, timer };
enum class Cores { same, two };

struct Options {
  std::string name;             // case=ring.echo
  Wait wait = Wait::block;      // how a side waits for the other
  Cores cores = Cores::two;     // where the two processes run
  std::size_t payload_bytes = 64;
  std::chrono::nanoseconds time{300'000'000};  // seconds=0.3: of measuring, after a fifth of that to warm up
  std::size_t batch = 32;       // batch=32: messages of a stream that are published and released together
  std::string scratch = "/tmp"; // a directory for sockets
};

inline constexpr std::size_t kPayloadBytesMin = 16;  // room for a Head
inline constexpr std::size_t kPayloadBytesMax = std::size_t{4} << 20;

Options parse(int count, char** words);

// Ends the process at once: destructors of what is broken may wait for ever.
[[noreturn]] void die(const std::string& why);
// Ends the program with `doing` and the text of errno, unless `fine`.
void must(bool fine, const char* doing);

}  // namespace vs::bench
