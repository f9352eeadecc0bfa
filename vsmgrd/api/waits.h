// Requests that wait for something to become so: they hold a connection, but no thread.
//
// One thread looks at every wait when notify() is called, at its deadline, and every kWaitLook for
// what nobody notifies of. Who may no longer ask (Request::still) is answered 401. Thread-safe. After stop() nothing waits: each is answered as it stands.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "vsmgrd/api/http.h"
#include "vsmgrd/api/router.h"

namespace vs::http {

inline constexpr std::size_t kWaitsMax = 48;  // at once; then 503
// Below the time in which any answer must come (ServerOptions::handler_timeout); a client that wants
// to wait longer asks again.
inline constexpr std::chrono::milliseconds kWaitPatienceMax{25'000};
inline constexpr std::chrono::milliseconds kWaitPatienceDefault{5'000};
inline constexpr std::chrono::milliseconds kWaitLook{100};

class Waits {
 public:
  // The answer, when it is known; when `expired`, there must be one. Called on the thread of the
  // waits, or of wait(); must not wait itself.
  using Check = std::function<std::optional<Response>(bool expired)>;

  Waits();
  ~Waits();

  // Looks at once, and otherwise answers later.
  Response wait(const Request& request, std::chrono::milliseconds patience, Check check);
  [[nodiscard]] bool has_room() const;  // for one more, as things stand
  void notify();
  void stop();

 private:
  using Moment = std::chrono::steady_clock::time_point;
  struct Wait {
    Moment deadline;
    std::function<bool()> still;
    std::string request_id;
    Check check;
    Response::Answer answer;
  };
  void run();
  void look_at(std::vector<Wait> waits, bool stopped);
  void add(Wait wait);

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<Wait> waits_;
  std::size_t count_ = 0;  // those that are being looked at included
  bool notified_ = false;
  bool stopped_ = false;
  std::thread thread_;
};

// ?timeout=5s, at most kWaitPatienceMax. Errors: invalid.
Result<std::chrono::milliseconds> patience_of(const Call& call);

}  // namespace vs::http
