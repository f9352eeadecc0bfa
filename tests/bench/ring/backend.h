// Far of the VServices link: the backend, with the ring and the pools in C++, the loop that it sleeps in, and its link to the guest.
//
// Space is given back once a part of the ring, or before the backend sleeps. Owned by one thread. Errors end the program.
#pragma once

#include <poll.h>

#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "base/event_loop.h"
#include "dataplane/ring/consumer.h"
#include "dataplane/ring/producer.h"
#include "dataplane/transport/local/local_link.h"
#include "dataplane/transport/local/local_pool.h"
#include "tests/bench/ring/session.h"
#include "tests/bench/ring/waiting.h"

namespace vs::bench {

class BackendBell {
 public:
  BackendBell(EventLoop& loop, Link& link) : loop_(loop), link_(link) {}
  void ring() { link_.ring(); }
  void wait() { loop_.run_once(std::chrono::minutes(1)); }
  void wait_for(std::chrono::nanoseconds time) {
    const TimerId limit = loop_.after(time, [] {});
    wait();
    loop_.cancel(limit);
  }

 private:
  EventLoop& loop_;
  Link& link_;
};

class Backend {
 public:
  Backend(Session& session, const Options& options)
      : link_(welcome_guest(session, options)),
        waiting_(options, BackendBell(loop_, *link_)),
        requests_(consumer_memory(link_->region(), link_->header().request)),
        answers_(producer_memory(link_->region(), link_->header().response)),
        into_(requests_.payload_bytes_max()) {
    if (options.name == kHandoff) pool_.emplace(*LocalBorrowedPool::attach(session.lender.fd, VS_POOL_BYTES_MAX));
    const vs_region_header& header = link_->header();
    const PageRange own = backend_pages(header);
    const PageRange guests = frontend_pages(header);
    std::byte* base = link_->region().data();
    populate(base + own.offset, own.bytes, MADV_POPULATE_WRITE);
    populate(base + guests.offset, guests.bytes, MADV_POPULATE_READ);
    const std::uint32_t ring_bytes = 1u << header.request.data_bytes_log2;
    ahead_ = bytes_ahead(options, ring_bytes);
    release_bytes_ = ring_bytes / kReleasePartOfRing;
  }

  Head receive() {
    std::optional<RingRecord> record;
    wait([&] { return (record = is_there(requests_.take(into_))).has_value(); });
    count(*record);
    Head head;
    std::memcpy(&head, into_.data(), sizeof head);
    return head;
  }

  // The payload goes from the request ring to the response ring in one copy, and only that copy is looked at.
  Head echo() {
    std::optional<RingRecord> record;
    wait([&] { return (record = is_there(requests_.peek())).has_value(); });
    const auto room = answers_.reserve(record->payload.size());
    if (!room || room->data() == nullptr) die("no room for an answer");
    std::memcpy(room->data(), record->payload.data(), record->payload.size());
    Head head;
    std::memcpy(&head, room->data(), sizeof head);
    answers_.commit(VS_RECORD_ANSWER, record->cookie, record->payload.size());
    if (answers_.publish()) waiting_.bell().ring();
    requests_.consume();
    count(*record);
    return head;
  }

  void settle() { release(); }

  Head take_frame() {
    std::optional<RingRecord> record;
    wait([&] { return (record = is_there(requests_.take(into_))).has_value(); });
    count(*record);
    const auto buffer = read_buffer(record->payload);
    const auto view = buffer ? pool_->pool().view(*buffer) : Result<std::optional<std::span<const std::byte>>>();
    if (!view || !*view) die("the guest lends what is no buffer");
    frame_ = *buffer;
    Head head;
    std::memcpy(&head, (*view)->data(), sizeof head);
    return head;
  }

  void give_frame_back() {
    if (!pool_->pool().still_current(frame_)) die("the guest took a frame back");
    const vs_buffer_return back = return_of(frame_);
    const auto pushed = answers_.push(VS_RECORD_RETURN, 0, {std::as_bytes(std::span(&back, 1))});
    if (!pushed || !*pushed) die("no room for a return");
    if (answers_.publish()) waiting_.bell().ring();
  }

 private:
  std::unique_ptr<Link> welcome_guest(Session& session, const Options& options) {
    pollfd waiting{.fd = session.listener.fd(), .events = POLLIN, .revents = 0};
    must(::poll(&waiting, 1, -1) == 1, "wait for the guest");
    auto connection = session.listener.accept();
    if (!connection || !*connection) die("no guest");
    UniqueFd socket = std::move(**connection);
    waiting.fd = socket.get();
    must(::poll(&waiting, 1, -1) == 1, "wait for its hello");
    vs_refusal reason{};
    const auto hello = receive_hello(socket.get(), reason);
    if (!hello || !*hello) die("no hello");
    const RegionShape shape{.request_bytes_log2 = ring_log2(options), .response_bytes_log2 = ring_log2(options)};
    auto link = LocalLink::make(loop_, socket, shape, 1, [](Link::Sign sign) {
      if (sign == Link::Sign::end) die("the guest is gone");
    });
    if (!link || !(*link)->welcome({})) die("cannot welcome the guest");
    return std::move(*link);
  }

  static std::optional<RingRecord> is_there(const Result<std::optional<RingRecord>>& seen) {
    if (!seen) die("the guest broke the ring");
    return *seen;
  }

  template <class Look>
  void wait(const Look& look) {
    waiting_.until(look, [&] { return release(), requests_.ask_for_data(); },
                   [&] { return release(), requests_.ask_for_data(ahead_); });
  }

  void count(const RingRecord& record) {
    taken_bytes_ += record.payload.size() + VS_RECORD_HEADER_BYTES;
    if (taken_bytes_ >= release_bytes_) release();
  }

  void release() {
    taken_bytes_ = 0;
    if (requests_.release()) waiting_.bell().ring();
  }

  EventLoop loop_;
  std::unique_ptr<Link> link_;
  Waiting<BackendBell> waiting_;
  RingConsumer requests_;
  RingProducer answers_;
  std::optional<LocalBorrowedPool> pool_;
  vs_buffer frame_{};
  std::vector<std::byte> into_;
  std::uint32_t ahead_ = 0;
  std::size_t taken_bytes_ = 0;
  std::size_t release_bytes_ = 0;
};

}  // namespace vs::bench
