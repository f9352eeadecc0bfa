// The guests of a measurement: one that always has more to ask, one that asks now and then and is measured.
//
// Each runs in a process of its own and tells what it saw as JSON. Errors end the program with a sentence.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace vs::bench {

class Guest {
 public:
  // Runs `work` in a process that ends with this one.
  explicit Guest(const std::function<nlohmann::json()>& work);
  // Waits for its end.
  nlohmann::json result();
  // Ends it.
  ~Guest();
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

 private:
  pid_t process_ = -1;
  int told_ = -1;
};

struct FloodOptions {
  std::string socket;
  std::uint32_t request_bytes = 64;
  std::uint32_t window = 48;  // requests that wait for an answer
  std::chrono::milliseconds time{1000};
  std::uint64_t ignored = 0;  // first answers that do not count: the burst of a limit
};
// Has `window` requests under way all the time. Tells {answers, seconds, per_s}: from the first answer that counts to the last.
nlohmann::json flood(const FloodOptions& options);

struct AskOptions {
  std::string socket;
  std::uint32_t request_bytes = 64;
  std::chrono::microseconds pause{500};
  int calls = 2000;
};
// Asks one thing at a time, with pauses. Tells {latencies_ns}.
nlohmann::json ask(const AskOptions& options);

// Opens a session at each of the sockets, runs `then`, and closes them. Tells {seconds}: what opening took.
nlohmann::json open_all(const std::vector<std::string>& sockets, const std::function<void()>& then);

}  // namespace vs::bench
