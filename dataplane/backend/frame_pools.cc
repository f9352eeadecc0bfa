#include "dataplane/backend/frame_pools.h"

#include <algorithm>

namespace vs {
namespace {

// What a service wants comes out of its configuration, so it is judged.
Result<std::shared_ptr<FramePool>> make_pool(FrameNeeds needs) {
  if (needs.count < 1 || needs.count > VS_POOL_BUFFERS_MAX)
    return fail(ErrorCode::invalid, "frames: " + std::to_string(needs.count) + " of them, limit " +
                                        std::to_string(VS_POOL_BUFFERS_MAX));
  if (needs.bytes < 1 || needs.bytes > kFramePoolBytesMax / needs.count)
    return fail(ErrorCode::invalid, "frames: " + std::to_string(needs.count) + " of " + std::to_string(needs.bytes) +
                                        " bytes each, limit " + std::to_string(kFramePoolBytesMax) + " in all");
  auto memory = LocalPool::create({.pool = 1, .buffer_count = needs.count, .buffer_bytes = needs.bytes});
  if (!memory) return fail(std::move(memory.error()));
  std::unique_ptr<LocalBroadcast> ring;
  if (needs.broadcast_bytes_log2 != 0) {
    if (needs.broadcast_bytes_log2 < VS_RING_BYTES_LOG2_MIN || needs.broadcast_bytes_log2 > VS_RING_BYTES_LOG2_MAX)
      return fail(ErrorCode::invalid, "frames: a broadcast ring of 2^" + std::to_string(needs.broadcast_bytes_log2) + " bytes");
    auto made = LocalBroadcast::create({.channel = 1, .data_bytes_log2 = needs.broadcast_bytes_log2});
    if (!made) return fail(std::move(made.error()));
    ring = std::move(*made);
  }
  return std::make_shared<FramePool>(std::move(*memory), std::move(ring), needs);
}

}  // namespace

// One that never gives anything back leaves the other half to the others.
std::uint32_t FramePool::borrowed_max() const { return std::clamp(needs_.count / 2, 1u, kFramesBorrowedMax); }

bool FramePool::only_for(const std::set<std::string>& domains) const {
  return std::includes(domains.begin(), domains.end(), audience_.begin(), audience_.end());
}

void FramePool::retire() {
  retired_ = true;
  buffers_.retire();
}

FramePools::~FramePools() {
  if (timer_) loop_.cancel(*timer_);
}

FramePools::Changes FramePools::configure(const std::map<std::string, Wanted>& wanted) {
  Changes changes;
  auto before = std::exchange(pools_, {});
  for (const auto& [service, want] : wanted) {
    auto known = before.extract(service);
    if (!known.empty() && known.mapped()->needs() == want.needs && known.mapped()->only_for(want.domains)) {
      pools_.insert(std::move(known));
      continue;
    }
    if (!known.empty()) {
      changes.services.insert(service);
      known.mapped()->retire();
    }
    auto made = make_pool(want.needs);
    if (!made) {
      changes.problems.emplace_back(service, std::move(made.error()));
      continue;
    }
    changes.services.insert(service);  // sessions that were opened while there was no pool are given one
    pools_.emplace(service, std::move(*made));
  }
  for (const auto& [service, pool] : before) {
    changes.services.insert(service);
    pool->retire();
  }
  return changes;
}

std::shared_ptr<FramePool> FramePools::pool_of(const std::string& service) const {
  const auto found = pools_.find(service);
  return found == pools_.end() ? nullptr : found->second;
}

Broadcast* FramePools::broadcast(std::string_view service) {
  const auto found = pools_.find(service);
  return found == pools_.end() ? nullptr : found->second->broadcast();
}

Result<std::optional<Frame>> FramePools::frame(std::string_view service, std::size_t bytes) {
  const auto found = pools_.find(service);
  if (found == pools_.end()) return fail(ErrorCode::not_found, "service " + std::string(service) + ": has no frames");
  auto loan = found->second->buffers().loan(bytes);
  if (!loan) return fail(std::move(loan.error()).within("service " + std::string(service)));
  if (!*loan) return std::optional<Frame>{};
  return std::optional<Frame>(Frame(std::make_unique<FrameLoan>(found->second, std::move(**loan))));
}

// All leases are equally long, so the first that was lent is the first to end: the timer never has to be set forward.
void FramePools::watch_leases() {
  if (timer_) return;
  std::optional<BufferPool::TimePoint> first;
  for (const auto& [service, pool] : pools_)
    if (const auto next = pool->buffers().next_expiry(); next && (!first || *next < *first)) first = next;
  if (first) timer_ = loop_.at(*first, [this] { expire(); });
}

void FramePools::expire() {
  timer_.reset();
  const auto now = std::chrono::steady_clock::now();
  for (const auto& [service, pool] : pools_) pool->buffers().expire(now);
  watch_leases();
}

std::vector<Sample> FramePools::samples() const {
  std::vector<Sample> samples;
  for (const auto& [service, pool] : pools_) {
    const auto add = [&, &name = service](const char* metric, const char* help, Sample::Type type, std::uint64_t value) {
      samples.push_back({.name = metric,
                         .help = help,
                         .type = type,
                         .labels = {{"service", name}},
                         .value = static_cast<double>(value)});
    };
    using Type = Sample::Type;
    const PoolCounters& counters = pool->buffers().counters();
    add("vservices_pool_bytes", "Memory of a service's frames.", Type::gauge, pool->buffers().header().bytes);
    add("vservices_pool_buffers", "Frames of a service.", Type::gauge, pool->needs().count);
    add("vservices_pool_buffers_free", "Frames that nobody uses.", Type::gauge, pool->buffers().buffers_free());
    add("vservices_pool_loans_total", "Frames begun.", Type::counter, counters.loans);
    add("vservices_pool_lent_total", "Frames given to guests, each guest counted.", Type::counter, counters.lent);
    add("vservices_pool_returned_total", "Frames that came back in time.", Type::counter, counters.returned);
    add("vservices_pool_returned_late_total", "Frames that came back after they had been taken back.", Type::counter,
        counters.returned_late);
    add("vservices_pool_reclaimed_total", "Frames taken back because a guest kept them too long.", Type::counter,
        counters.reclaimed);
    add("vservices_pool_refused_empty_total", "Frames not begun because none was free.", Type::counter,
        counters.refused_empty);
    add("vservices_pool_refused_borrower_total", "Frames not given to a guest that holds as many as it may.", Type::counter,
        counters.refused_borrower);
    add("vservices_pool_zeroed_bytes_total", "Bytes zeroed because others had been meant to read them.", Type::counter,
        counters.bytes_zeroed);
  }
  return samples;
}

}  // namespace vs
