// One live open of a bound device, on the node's side: the link to the guest, and the two rings in its region.
//
// Never waits for the guest: what it sends too much stays in its own ring, and an answer for which it has no room ends the
// session as broken. Owned by the loop's thread.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>

#include "base/result.h"
#include "dataplane/backend/arrivals.h"
#include "dataplane/backend/class_meter.h"
#include "dataplane/backend/counters.h"
#include "dataplane/backend/frame_pools.h"
#include "dataplane/ring/consumer.h"
#include "dataplane/ring/producer.h"
#include "dataplane/transport/link.h"

namespace vs {

inline constexpr std::size_t kUnansweredMax = 64;  // of one session; a power of two: slots are part of tickets

// One request taken off the ring. The payload is a copy in the scratch buffer, behind struct vs_request.
struct TakenRequest {
  std::size_t slot;  // names it among the session's unanswered requests
  std::uint16_t type;
  std::uint32_t timeout_ms;
  std::size_t answer_bytes_max;  // of the answer, without any header
  std::span<const std::byte> payload;
  std::chrono::steady_clock::time_point arrived;  // when it was seen first
};

class Session {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // The guest at the other end of `link` has the pool that `reader` reads; nullptr: none.
  Session(std::unique_ptr<Link> link, std::unique_ptr<FrameReader> reader, BindingCounters& counters);

  [[nodiscard]] Link& link() { return *link_; }
  // Of its regions: there are two while it is renewed.
  [[nodiscard]] std::size_t memory_bytes() const { return link_->header().bytes + (next_ ? next_->header().bytes : 0); }

  // Of the largest request that it may take, ring and all: of either region.
  [[nodiscard]] std::size_t request_ring_bytes() const {
    const auto of = [](const Link& link) { return std::size_t{1} << link.header().request.data_bytes_log2; };
    return std::max(of(*link_), next_ ? of(*next_) : 0);
  }

  // Tells the guest whether its region is to be renewed, and wakes it when it is.
  void offer_renewal(bool offered);
  // `next` is the region in which the session goes on when the guest says so in this one.
  void renew(std::unique_ptr<Link> next) { next_ = std::move(next); }
  // Gives it up again: what was given to renew(), for who cannot let it go at once.
  std::unique_ptr<Link> renew_no_more() { return std::move(next_); }
  [[nodiscard]] Link& next() { return *next_; }
  [[nodiscard]] bool renewing() const { return next_ != nullptr; }
  // How often it went on in another region. Changes in take().
  [[nodiscard]] std::uint32_t renewals() const { return renewals_; }

  // Notes how far the guest has come, to measure how long requests wait.
  void look(TimePoint now) {
    arrivals_.saw(requests_.published(), now);
    if (!counters_.peaks.watched) return;
    counters_.peaks.request_waiting = std::max(counters_.peaks.request_waiting, request_bytes_waiting());
  }
  // When the next request was seen first.
  [[nodiscard]] TimePoint arrived(TimePoint now) const { return arrivals_.next(requests_.position(), now); }
  // A copy of the next request, which stays there; nullopt: there is none to be told of now. For judging whose turn it is: what is
  // taken later may be another one.
  std::optional<TakenRequest> preview(std::span<std::byte> scratch);
  // Whether the guest has put a request there that may be taken now.
  [[nodiscard]] bool has_request() const { return !waiting_for_answers() && !requests_.empty(); }
  // The next request; nullopt when there is none now, or none may be taken (`waiting_for_answers`), or the guest has said that it
  // goes on in its renewed region.
  Result<std::optional<TakenRequest>> take(std::span<std::byte> scratch, TimePoint now);
  // Its answer is counted there, too. `waits`: see Service::waits.
  void meter(std::size_t slot, ClassMeter& meter, bool waits);
  [[nodiscard]] ClassMeter* meter_of(std::size_t slot) const { return slots_[slot].meter; }
  // Takes the frames that the guest gives back, up to the next request, and says how many: they need no answer, and were counted
  // against its rate when they were asked for.
  Result<std::size_t> take_returns();
  // Whether all that was taken has been answered.
  [[nodiscard]] bool answered() const { return unanswered_ == 0; }
  [[nodiscard]] std::size_t unanswered() const { return unanswered_; }
  [[nodiscard]] bool reads_frames() const { return reader_ != nullptr; }
  [[nodiscard]] bool waiting_for_answers() const { return unanswered_ == kUnansweredMax; }

  // Notes that it waits for answers.
  void held() { ++counters_.requests_held; }

  // Gives the space of what was taken back.
  void release();
  // That, and asks for the next doorbell: true when nothing came meanwhile.
  bool rest();
  // That, and asks for a doorbell when `messages` wait: true when there are fewer.
  bool rest_until(std::uint32_t messages);

  // Answers the request in `slot`, which is free afterwards. Errors: invalid, when the guest broke its promise of room.
  Result<> answer(std::size_t slot, vs_status status, std::span<const std::byte> bytes, TimePoint now);
  // What the next would do with that frame.
  [[nodiscard]] Lending lending(const FrameLoan& frame) const;
  // The same with `words` and a frame that the guest reads in place. One that has no pool is given a copy, if that fits.
  Result<> answer(std::size_t slot, const FrameLoan& frame, std::span<const std::byte> words, TimePoint now);

  // Answers given in a turn are published together at its end: one fence and at most one doorbell for all of them.
  void begin_turn();
  void end_turn();

  // Shows the guest at which level it is served, and wakes it.
  void show_level(std::uint32_t level);

  // Tells the guest within how many milliseconds another node is to serve it, or with 0 that none is, and wakes it.
  void show_migrating(std::uint32_t within_ms);

  // What the guest broke, if it did; counted once by the caller.
  [[nodiscard]] vs_broken broken() const;

  // What fills the rings now, by what the guest says of its own index.
  [[nodiscard]] std::uint32_t request_bytes_waiting() const;
  [[nodiscard]] std::uint32_t response_bytes_waiting() const { return answers_.bytes_waiting(); }

 private:
  struct Slot {
    bool used = false;
    std::uint64_t cookie = 0;
    std::uint32_t answer_bytes_max = 0;
    TimePoint arrived{};
    TimePoint taken{};
    ClassMeter* meter = nullptr;
    bool waits = false;
  };

  // How many bytes of a service's answer fit what the guest promised room for, which is kAnswerBytesMin at least.
  [[nodiscard]] std::size_t answer_room(const vs_request& request) const;

  using Parts = std::initializer_list<std::span<const std::byte>>;
  // In two parts, either of which may be empty; with VS_STATUS_TOO_LARGE when that is more than the guest has room for.
  Result<> put_answer(std::size_t slot, vs_status status, std::span<const std::byte> first,
                      std::span<const std::byte> second, TimePoint now);
  Result<> put(std::size_t slot, vs_status status, std::uint16_t type, Parts payload, TimePoint now);
  // What is answered instead of a payload for which the guest has no room; nullopt: it has.
  [[nodiscard]] std::optional<vs_answer> too_large(std::size_t slot, std::size_t payload_bytes) const;
  tl::unexpected<Error> give_up(vs_broken why, const char* what);
  void go_on_in_next();
  void publish();
  void ring_doorbell_if(bool asked);

  std::unique_ptr<Link> link_;
  std::unique_ptr<Link> next_;  // in which it is to go on
  std::uint32_t renewals_ = 0;
  std::unique_ptr<FrameReader> reader_;
  RingConsumer requests_;
  RingProducer answers_;
  BindingCounters& counters_;
  Arrivals arrivals_;
  std::array<Slot, kUnansweredMax> slots_{};
  std::size_t unanswered_ = 0;
  std::size_t next_slot_ = 0;
  std::uint32_t record_bytes_mean_ = 64;
  bool in_turn_ = false;
};

}  // namespace vs
