// The VServices link: a region in a sealed memfd and a doorbell socket. Near is the guest, with libvservice's ring in C; Far is
// the backend, with the ring in C++. Messages of a stream are published and released a batch at a time.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <vector>

#include "dataplane/ring/consumer.h"
#include "dataplane/ring/producer.h"
#include "dataplane/transport/local/local_region.h"
#include "tests/bench/ring/exchange.h"
#include "tests/bench/ring/waiting.h"

extern "C" {
#include "dataplane/client/ring.h"
}

namespace vs::bench {
namespace {

constexpr std::uint32_t kRingLog2Min = 18;     // as the response ring of a session: 256 KiB
constexpr std::uint32_t kReleasePartOfRing = 16;  // a consumer gives space back after this part, or when it has read all
constexpr std::uint16_t kType = VS_RECORD_SERVICE;

// The smallest ring, from 256 KiB on, whose eighth holds the record.
std::uint32_t ring_log2(const Options& options) {
  const auto record = std::bit_ceil(static_cast<std::uint32_t>(options.payload_bytes + VS_RECORD_HEADER_BYTES));
  return std::max(kRingLog2Min, static_cast<std::uint32_t>(std::countr_zero(record * VS_RECORD_PART_OF_RING)));
}

struct Session {
  explicit Session(const Options& options)
      : region(*LocalRegion::create({.request_bytes_log2 = ring_log2(options), .response_bytes_log2 = ring_log2(options)}, 1)) {
    must(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) == 0, "socketpair");
  }

  LocalRegion region;
  std::array<int, 2> sockets{};
};

void populate(void* memory, std::size_t bytes, int how) {
  must(::madvise(memory, bytes, how) == 0, "populate region");
}

// As the client maps it: the backend's pages read-only.
unsigned char* map_as_guest(const LocalRegion& region) {
  const std::size_t bytes = region.bytes().size();
  const PageRange own = frontend_pages(region.header());
  void* mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, region.memory(), 0);
  must(mapped != MAP_FAILED, "map region");
  auto* base = static_cast<unsigned char*>(mapped);
  must(::mprotect(base + own.offset, own.bytes, PROT_READ | PROT_WRITE) == 0, "protect region");
  populate(base, own.offset, MADV_POPULATE_READ);
  populate(base + own.offset, own.bytes, MADV_POPULATE_WRITE);
  return base;
}

// What to ask for in timer mode: a batch, but never more than half of the ring can hold.
std::uint32_t bytes_ahead(const Options& options, std::uint32_t ring_bytes) {
  const std::size_t record = record_bytes(static_cast<std::uint32_t>(options.payload_bytes + VS_RECORD_HEADER_BYTES));
  return static_cast<std::uint32_t>(std::min<std::size_t>((options.batch - 1) * record, ring_bytes / 2));
}

class Guest {
 public:
  Guest(const Session& session, const Options& options)
      : waiting_(options, session.sockets[0]), own_(options.payload_bytes, 'g'), into_(options.payload_bytes) {
    const vs_region_header& header = session.region.header();
    unsigned char* base = map_as_guest(session.region);
    vs_producer_start(&requests_, base, &header.request);
    vs_consumer_start(&answers_, base, &header.response);
    ahead_ = bytes_ahead(options, answers_.size);
    release_bytes_ = answers_.size / kReleasePartOfRing;
    vs_producer_begin_batch(&requests_);
  }

  void send(Head head) {
    void* room = nullptr;
    if (vs_producer_reserve(&requests_, own_.size(), &room) != 1) room = wait_for_room();
    std::memcpy(own_.data(), &head, sizeof head);
    std::memcpy(room, own_.data(), own_.size());
    vs_producer_commit(&requests_, kType, head.what, own_.size());
  }

  void flush() {
    if (vs_producer_publish(&requests_)) waiting_.bell().ring();
    vs_producer_begin_batch(&requests_);
  }

  Head receive() {
    vs_taken taken;
    const auto take = [&] { return is_there(vs_consumer_take(&answers_, into_.data(), &taken)); };
    waiting_.until(take, [&] { return release(), vs_consumer_ask(&answers_); },
                   [&] { return release(), vs_consumer_ask_after(&answers_, ahead_); });
    taken_bytes_ += taken.payload_bytes + VS_RECORD_HEADER_BYTES;
    if (taken_bytes_ >= release_bytes_) release();
    Head head;
    std::memcpy(&head, into_.data(), sizeof head);
    return head;
  }

 private:
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

  Waiting waiting_;
  vs_producer requests_;
  vs_consumer answers_;
  std::uint32_t ahead_;
  std::size_t taken_bytes_ = 0;
  std::size_t release_bytes_;
  std::vector<char> own_;
  std::vector<char> into_;
};

class Backend {
 public:
  Backend(Session& session, const Options& options)
      : waiting_(options, session.sockets[1]),
        requests_(consumer_memory(session.region.bytes(), session.region.header().request)),
        answers_(producer_memory(session.region.bytes(), session.region.header().response)),
        into_(requests_.payload_bytes_max()) {
    const vs_region_header& header = session.region.header();
    const PageRange own = backend_pages(header);
    const PageRange guests = frontend_pages(header);
    std::byte* base = session.region.bytes().data();
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

 private:
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

  Waiting waiting_;
  RingConsumer requests_;
  RingProducer answers_;
  std::vector<std::byte> into_;
  std::uint32_t ahead_ = 0;
  std::size_t taken_bytes_ = 0;
  std::size_t release_bytes_ = 0;
};

}  // namespace
}  // namespace vs::bench

int main(int count, char** words) {
  return vs::bench::run_exchange<vs::bench::Session, vs::bench::Guest, vs::bench::Backend>(count, words);
}
