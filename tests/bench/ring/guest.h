// Near of the VServices link: the guest, with libvservice's ring, pools and sleep in C.
//
// Messages of a stream are put and published a batch at a time; space is given back once a part of the ring, or before the
// guest sleeps. Owned by one thread. Errors end the program.
#pragma once

#include <poll.h>

#include <cstring>
#include <memory>
#include <vector>

#include "tests/bench/ring/session.h"
#include "tests/bench/ring/waiting.h"

extern "C" {
#include "dataplane/client/session.h"
}

namespace vs::bench {

inline constexpr int kPatienceMs = 5000;

class GuestBell {
 public:
  explicit GuestBell(vs_session& session) : session_(session) {}
  void ring() { must(vs_session_ring_doorbell(&session_) == 0, "ring the doorbell"); }
  void wait() {
    const int status = vs_session_sleep(&session_, vs_now_ms() + kPatienceMs);
    if (status != 0) die("asleep: status " + std::to_string(status));
  }
  void wait_for(std::chrono::nanoseconds time) {
    pollfd watched{.fd = session_.link.local.epoll, .events = POLLIN, .revents = 0};
    const timespec at_most{.tv_sec = 0, .tv_nsec = static_cast<long>(time.count())};
    if (::ppoll(&watched, 1, &at_most, nullptr) == 1) wait();
  }

 private:
  vs_session& session_;
};

// A session with the backend, with its pages at hand.
inline std::unique_ptr<vs_session> open_session(const std::string& path) {
  auto session = std::make_unique<vs_session>();
  const vs_opening opening{
      .path = path.c_str(), .service = "bench", .generation = 1, .deadline_ms = vs_now_ms() + kPatienceMs};
  if (const int status = vs_session_open(session.get(), &opening); status != 0) die("open: status " + std::to_string(status));
  vs_region_header header;
  std::memcpy(&header, session->shared.region, sizeof header);
  const PageRange own = frontend_pages(header);
  populate(session->shared.region, own.offset, MADV_POPULATE_READ);
  populate(session->shared.region + own.offset, own.bytes, MADV_POPULATE_WRITE);
  return session;
}

class Guest {
 public:
  Guest(const Session& session, const Options& options)
      : session_(open_session(session.path)),
        requests_(session_->requests),
        answers_(session_->answers),
        waiting_(options, GuestBell(*session_)),
        lender_(session.lender),
        own_(options.payload_bytes, 'g'),
        into_(options.payload_bytes) {
    ahead_ = bytes_ahead(options, answers_.size);
    release_bytes_ = answers_.size / kReleasePartOfRing;
    vs_producer_begin_batch(&requests_);
  }

  void send(Head head) {
    void* room = nullptr;
    if (vs_producer_reserve(&requests_, own_.size(), &room) != 1) room = wait_for_room();
    std::memcpy(room, own_.data(), own_.size());
    std::memcpy(room, &head, sizeof head);
    vs_producer_commit(&requests_, kType, head.what, own_.size());
  }

  void flush() {
    if (vs_producer_publish(&requests_)) waiting_.bell().ring();
    vs_producer_begin_batch(&requests_);
  }

  Head receive() {
    take();
    Head head;
    std::memcpy(&head, into_.data(), sizeof head);
    return head;
  }

  void hand_off(Head head) {
    vs_loan loan;
    vs_buffer buffer;
    if (vs_lender_loan(&lender_, own_.size(), &loan) != 1) die("no buffer is free");
    std::memcpy(loan.data, &head, sizeof head);
    if (vs_lender_lend(&lender_, &loan, &buffer) != 1) die("the backend has too many buffers");
    vs_lender_drop(&lender_, &loan);
    if (vs_producer_push(&requests_, VS_RECORD_BUFFER, 0, &buffer, sizeof buffer, nullptr, 0) != 1) die("no room for a frame");
    flush();
  }

  void take_back() {
    const vs_taken taken = take();
    vs_buffer_return back;
    if (taken.type != VS_RECORD_RETURN || vs_read_return(into_.data(), taken.payload_bytes, &back) != 0 ||
        vs_lender_take_back(&lender_, &back) != 0)
      die("the backend returned what it has not");
  }

 private:
  vs_taken take() {
    vs_taken taken;
    const auto look = [&] { return is_there(vs_consumer_take(&answers_, into_.data(), &taken)); };
    waiting_.until(look, [&] { return release(), vs_consumer_ask(&answers_); },
                   [&] { return release(), vs_consumer_ask_after(&answers_, ahead_); });
    taken_bytes_ += taken.payload_bytes + VS_RECORD_HEADER_BYTES;
    if (taken_bytes_ >= release_bytes_) release();
    return taken;
  }

  void release() {
    taken_bytes_ = 0;
    if (vs_consumer_release(&answers_)) waiting_.bell().ring();
  }

  // Asks for an eighth of the ring: who is woken for one record's room sleeps again at once.
  void* wait_for_room() {
    flush();
    void* room = nullptr;
    const auto look = [&] { return is_there(vs_producer_reserve(&requests_, own_.size(), &room)); };
    const auto ask = [&] { return is_there(vs_producer_ask(&requests_, vs_record_payload_max(requests_.size))); };
    waiting_.until(look, ask, ask);
    return room;
  }
  static bool is_there(int status) {
    if (status < 0) die("the backend broke the ring");
    return status == 1;
  }

  std::unique_ptr<vs_session> session_;
  vs_producer& requests_;
  vs_consumer& answers_;
  Waiting<GuestBell> waiting_;
  vs_lender lender_;
  std::uint32_t ahead_;
  std::size_t taken_bytes_ = 0;
  std::size_t release_bytes_;
  std::vector<char> own_;
  std::vector<char> into_;
};

}  // namespace vs::bench
