// One question at a time to one set of nameservers: tries again, keeps deadlines. Keeps no answer.
//
// Owned by the loop's thread. Every callback comes exactly once, by the deadline at the latest, never from inside the asking
// call; none comes after the resolver is destroyed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "dataplane/services/dns/ares_channel.h"
#include "dataplane/services/dns/parameters.h"

namespace vs::dns {

// A channel's UDP socket keeps its source port: a new channel now and then makes forged answers hard to place (RFC 5452).
inline constexpr std::uint64_t kQueriesPerChannelMax = 1000;
inline constexpr std::chrono::seconds kChannelAgeMax{60};
// A nameserver that restarts refuses for a moment: what is asked again at once is refused again.
inline constexpr std::chrono::milliseconds kRefusedPause{100};

struct ResolverCounts {
  std::uint64_t queries = 0;      // sent to nameservers, tries included
  std::uint64_t tries_again = 0;
  std::uint64_t timed_out = 0;    // lookups that ended at their deadline
  std::uint64_t channels = 0;     // opened so far
};

class Resolver {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using AnswerCallback = std::function<void(Answer)>;

  static Result<std::unique_ptr<Resolver>> open(EventLoop& loop, const Parameters& parameters);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `type` is a, aaaa or ptr; the name is judged (wire.h).
  void ask(const std::string& name, RecordType type, TimePoint deadline, AnswerCallback callback);

  [[nodiscard]] const Parameters& parameters() const { return parameters_; }
  [[nodiscard]] std::size_t in_flight() const { return lookups_.size(); }
  [[nodiscard]] const ResolverCounts& counts() const { return counts_; }

 private:
  struct Lookup;
  enum class LookupId : std::uint64_t {};

  Resolver(EventLoop& loop, Parameters parameters);
  Result<> renew_channel();
  AresChannel& channel();
  void drop_idle_channels();
  void ask(LookupId id);
  void answered(LookupId id, QueryResult result);
  void again(LookupId id, std::chrono::nanoseconds pause);
  void expire(LookupId id);
  void finish(LookupId id);

  EventLoop& loop_;
  Parameters parameters_;
  ResolverCounts counts_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Lookup>> lookups_;
  std::uint64_t next_id_ = 1;
  bool asking_ = false;  // inside a call of the channel that may answer at once
  std::vector<std::unique_ptr<AresChannel>> retired_;  // still have queries in flight
  TimePoint channel_since_{};
  std::unique_ptr<AresChannel> channel_;  // last: its queries end, unheard, before the lookups go
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vs::dns
