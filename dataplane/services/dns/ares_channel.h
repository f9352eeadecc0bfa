// One c-ares channel in the loop: its sockets are the loop's, its time-outs a timer of the loop's.
//
// Asks each nameserver once per query: who asks decides about trying again. Owned by the loop's thread.
// Callbacks come once per query, from the loop or from inside the asking call; on destruction they come with `cancelled`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "dataplane/services/dns/packet.h"

struct ares_channeldata;

namespace vs::dns {

// What one query brought.
struct QueryResult {
  enum class Status : std::uint8_t { answered, timed_out, refused, failed, cancelled } status;
  Answer answer;  // with `failed`: server_failed, if a single nameserver said so
};
using QueryCallback = std::function<void(QueryResult)>;

class AresChannel {
 public:
  // `nameservers` as in Parameters; `timeout` is per nameserver.
  static Result<std::unique_ptr<AresChannel>> open(EventLoop& loop, const std::string& nameservers,
                                                   std::chrono::milliseconds timeout);
  ~AresChannel();
  AresChannel(const AresChannel&) = delete;
  AresChannel& operator=(const AresChannel&) = delete;

  void query(const std::string& name, RecordType type, QueryCallback callback);

  [[nodiscard]] std::uint64_t asked() const { return asked_; }
  [[nodiscard]] std::uint64_t in_flight() const { return in_flight_; }

 private:
  struct Query;

  explicit AresChannel(EventLoop& loop) : loop_(loop) {}
  void watch(int fd, bool readable, bool writable);
  void process(int read_fd, int write_fd);
  void arm_timer();
  void ended(QueryCallback callback, QueryResult result);

  EventLoop& loop_;
  ares_channeldata* channel_ = nullptr;
  std::vector<int> watched_;
  TimerId timer_{};
  bool timer_armed_ = false;
  std::uint64_t asked_ = 0;
  std::uint64_t in_flight_ = 0;
};

}  // namespace vs::dns
