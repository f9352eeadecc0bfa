// Requests that were refused, as audit rows: who, from where, what.
//
// The first of a kind (who, channel, route, status) is written at once; those that follow within a
// window are one more row that says how many. Kinds of a window are bounded, what is beyond is
// counted together: whoever is refused a million times fills no disk. Thread-safe. What cannot be
// written is logged and counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/sample.h"
#include "vsmgrd/store/audit_log.h"

namespace vs::http {

inline constexpr std::size_t kRefusalKindsMax = 64;  // of a window
inline constexpr std::chrono::seconds kRefusalWindow{60};

class RefusalLog {
 public:
  using Append = std::function<Result<>(AuditEntry)>;
  RefusalLog(Append append, const Clock& clock) : append_(std::move(append)), clock_(clock) {}
  ~RefusalLog() { flush(); }

  struct Refusal {
    Actor actor;
    std::string client;  // client_key
    std::string verb;    // "PUT /v1/domains/{name}"
    std::string name;    // of the object, may be empty
    int status = 403;
    std::string code;
    std::string message;
  };
  void add(const Refusal& refusal);
  // Writes what was counted when its window is over; costs nothing otherwise.
  void tick();
  void flush();  // whether it is over or not

  [[nodiscard]] std::vector<Sample> samples() const;

 private:
  using Kind = std::tuple<std::string, std::string, std::string, int>;
  struct Count {
    Refusal first;
    std::uint64_t more = 0;  // not written yet
  };
  struct Window {
    std::chrono::steady_clock::time_point end{};
    std::map<Kind, Count> kinds;
    std::uint64_t others = 0;
  };
  Window take(bool always);
  void write(Window window);
  void write(AuditEntry entry);

  const Append append_;
  const Clock& clock_;
  Guarded<Window> window_;
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace vs::http
