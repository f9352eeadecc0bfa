// The memory from which services answer in place: a pool for each named service that asked for frames, on each loop; and, beside
// it, a broadcast ring if the service asked for one.
//
// A pool has one audience: the domains that are granted its service. All of it can be read by who was given its memory once, even
// after its session has ended. So when one of those domains loses the service (or the service wants other frames), the pool is
// retired and a new one made (S-21). The sessions that read the old one must then end, all of them, also those of domains that
// keep the service: they reconnect and are given the new pool, as after a restart of the backend. That is simpler than two pools
// a session, and a revocation is rare.
//
// Sizes are bytes. Owned by the loop's thread. Errors: invalid, when a service wants more than there may be; exhausted, when
// memory or descriptors run out.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/sample.h"
#include "dataplane/ring/pool.h"
#include "dataplane/services/service.h"
#include "dataplane/transport/local/local_broadcast.h"
#include "dataplane/transport/local/local_pool.h"
#include "dataplane/transport/transport.h"

namespace vs {

inline constexpr std::uint64_t kFramePoolBytesMax = std::uint64_t{1} << 30;  // of one service and loop
inline constexpr std::chrono::seconds kFrameLease{1};  // how long a guest may read a frame
inline constexpr std::uint32_t kFramesBorrowedMax = 8;  // of one session, and never more than half of the pool

// One pool. Lives as long as a session reads it or the service keeps a frame of it.
class FramePool final : private Broadcast {
 public:
  // `ring` may be nullptr.
  FramePool(LocalPool memory, std::unique_ptr<LocalBroadcast> ring, FrameNeeds needs)
      : needs_(needs),
        memory_(std::move(memory)),
        buffers_(memory_.bytes(), memory_.header(), kFrameLease),
        ring_(std::move(ring)) {}

  [[nodiscard]] const FrameNeeds& needs() const { return needs_; }
  [[nodiscard]] SharedMemory memory() const { return {memory_.memory(), ring_ ? ring_->memory() : -1}; }
  [[nodiscard]] Broadcast* broadcast() { return ring_ ? this : nullptr; }
  [[nodiscard]] BufferPool& buffers() { return buffers_; }
  [[nodiscard]] const BufferPool& buffers() const { return buffers_; }
  [[nodiscard]] std::uint32_t borrowed_max() const;

  // Notes that a domain is about to be given the memory: it can read the pool from then on.
  void given_to(const std::string& domain) { audience_.insert(domain); }
  // Whether all who were given the memory are among `domains`.
  [[nodiscard]] bool only_for(const std::set<std::string>& domains) const;

  void retire();
  [[nodiscard]] bool retired() const { return retired_; }

 private:
  [[nodiscard]] std::size_t payload_bytes_max() const override { return ring_->writer().payload_bytes_max(); }
  void write(std::span<const std::byte> payload) override { ring_->writer().write(VS_RECORD_SERVICE, {payload}); }
  [[nodiscard]] std::uint64_t next_sequence() const override { return ring_->writer().next_sequence(); }

  FrameNeeds needs_;
  LocalPool memory_;
  BufferPool buffers_;
  std::unique_ptr<LocalBroadcast> ring_;
  std::set<std::string> audience_;
  bool retired_ = false;
};

// A session as a reader of its service's pool. Made before the guest is given the memory; what it holds is given back with it.
struct FrameReader {
  FrameReader(std::shared_ptr<FramePool> read, const std::string& domain)
      : pool(std::move(read)), borrower(pool->buffers(), pool->borrowed_max()) {
    pool->given_to(domain);
  }

  std::shared_ptr<FramePool> pool;
  Borrower borrower;
};

// What a Frame is here.
class FrameLoan final : public Frame::Memory {
 public:
  FrameLoan(std::shared_ptr<FramePool> pool, Loan loan) : pool_(std::move(pool)), loan_(std::move(loan)) {}

  [[nodiscard]] std::span<std::byte> bytes() const override { return loan_.bytes(); }
  void trim(std::size_t bytes) override { loan_.trim(bytes); }
  [[nodiscard]] bool sendable() const override { return !pool_->retired(); }

  [[nodiscard]] const FramePool& pool() const { return *pool_; }
  [[nodiscard]] const Loan& loan() const { return loan_; }

 private:
  std::shared_ptr<FramePool> pool_;  // before the loan, which goes first
  Loan loan_;
};

class FramePools final : public FrameSource {
 public:
  struct Wanted {
    FrameNeeds needs;
    std::set<std::string> domains;  // that are granted the service
  };
  struct Changes {
    std::set<std::string> services;  // whose sessions must end
    std::vector<std::pair<std::string, Error>> problems;
  };

  explicit FramePools(EventLoop& loop) : loop_(loop) {}
  ~FramePools() override;

  // Has pools for exactly these services from now on.
  Changes configure(const std::map<std::string, Wanted>& wanted);

  // The pool of a service now; nullptr when it has none.
  [[nodiscard]] std::shared_ptr<FramePool> pool_of(const std::string& service) const;

  Result<std::optional<Frame>> frame(std::string_view service, std::size_t bytes) override;
  Broadcast* broadcast(std::string_view service) override;

  // Something was lent: its lease is watched.
  void watch_leases();

  [[nodiscard]] std::vector<Sample> samples() const;

 private:
  void expire();

  EventLoop& loop_;
  std::map<std::string, std::shared_ptr<FramePool>, std::less<>> pools_;  // by service
  std::optional<TimerId> timer_;  // at the first lease's end, or before
};

}  // namespace vs
