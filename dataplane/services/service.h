// What a service sees: requests in, exactly one answer out for each, now or later. Never a ring, never another service.
//
// A service lives on one loop and is owned by its thread; every call below happens there. It never blocks: it waits through
// the loop it was made with.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "base/sample.h"

namespace vs {

// Takes answers. The ticket names the request; one whose guest is gone is ignored.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void answer(std::uint64_t ticket, Result<std::span<const std::byte>> answer) = 0;
};

// The duty to answer one request. A dropped Reply answers `unavailable`, so a request cannot get lost.
class Reply {
 public:
  Reply(ReplySink& sink, std::uint64_t ticket) : sink_(&sink), ticket_(ticket) {}
  Reply(Reply&& other) noexcept : sink_(std::exchange(other.sink_, nullptr)), ticket_(other.ticket_) {}
  Reply& operator=(Reply&&) = delete;
  ~Reply() {
    if (sink_ != nullptr) sink_->answer(ticket_, fail(ErrorCode::unavailable, "dropped"));
  }

  // The bytes are copied before this returns.
  void send(Result<std::span<const std::byte>> answer) && {
    std::exchange(sink_, nullptr)->answer(ticket_, std::move(answer));
  }

 private:
  ReplySink* sink_;
  std::uint64_t ticket_;
};

// One request, copied out of the guest's ring: it is still whatever the guest wrote, and must be checked.
struct Request {
  std::string_view service;                     // which of the configured services the binding names
  std::uint16_t type;
  std::span<const std::byte> payload;           // valid during handle() only
  std::chrono::steady_clock::time_point deadline;  // later nobody waits
};

class Service {
 public:
  struct Named {
    std::string name;
    nlohmann::json parameters;
  };

  virtual ~Service() = default;

  // Serves exactly these from now on. What is in flight is still answered. One error for each that cannot be served; the
  // others are.
  virtual std::vector<std::pair<std::string, Error>> configure(const std::vector<Named>& services) = 0;

  virtual void handle(const Request& request, Reply reply) = 0;

  // Counters and gauges of the service itself; the backend counts requests, answers and time.
  virtual std::vector<Sample> samples() const = 0;
};

}  // namespace vs
