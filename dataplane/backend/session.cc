#include "dataplane/backend/session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "dataplane/transport/local/local_socket.h"

namespace vs {
namespace {

constexpr std::size_t answer_record_bytes(std::size_t answer_bytes) {
  return record_bytes(static_cast<std::uint32_t>(sizeof(vs_record) + sizeof(vs_answer) + answer_bytes));
}

}  // namespace

Session::Session(UniqueFd socket, LocalRegion region, BindingCounters& counters)
    : socket_(std::move(socket)),
      region_(std::move(region)),
      requests_(consumer_memory(region_.bytes(), region_.header().request)),
      answers_(producer_memory(region_.bytes(), region_.header().response)),
      counters_(counters) {
  ++counters_.sessions_opened;
}

bool Session::woken() {
  ++counters_.doorbells_received;
  return ++wakes_undrained_ < kWakesPerDrain || drain();
}

bool Session::drain() {
  wakes_undrained_ = 0;
  return drain_doorbells(socket_.get());
}

Result<std::optional<TakenRequest>> Session::take(std::span<std::byte> scratch, TimePoint now) {
  if (waiting_for_answers()) return std::optional<TakenRequest>{};
  auto taken = requests_.take(scratch);
  if (!taken) return fail(std::move(taken.error()));
  if (!*taken) return std::optional<TakenRequest>{};
  const RingRecord& record = **taken;
  if (record.type < VS_RECORD_SERVICE) return give_up(VS_BROKEN_TYPE, "a request of a type that is the ring's own");
  vs_request head;
  if (record.payload.size() < sizeof head) return give_up(VS_BROKEN_PAYLOAD, "a request shorter than its header");
  std::memcpy(&head, record.payload.data(), sizeof head);
  if (head.answer_bytes_max < answer_record_bytes(0)) return give_up(VS_BROKEN_CREDIT, "a request with no room for its answer");

  while (slots_[next_slot_].used) next_slot_ = (next_slot_ + 1) % kUnansweredMax;  // one is free: checked above
  const TimePoint arrived = arrivals_.of(requests_.position(), now);
  slots_[next_slot_] = {true, record.cookie, head.answer_bytes_max, arrived, now};
  ++unanswered_;
  ++counters_.requests;
  counters_.queue.record(now - arrived);
  counters_.request_bytes += record.payload.size();
  const auto bytes = static_cast<std::uint32_t>(record.payload.size() + sizeof(vs_record));
  record_bytes_mean_ = record_bytes_mean_ - record_bytes_mean_ / 8 + bytes / 8;
  return std::optional<TakenRequest>{
      TakenRequest{next_slot_, record.type, head.timeout_ms, record.payload.subspan(sizeof head)}};
}

bool Session::rest() {
  release();
  return requests_.ask_for_data();
}

// The ring counts bytes: as many as so many messages lately had. Never more than half the ring, so that the guest does not fill
// it before.
bool Session::rest_until(std::uint32_t messages) {
  release();
  const std::uint64_t bytes = std::uint64_t{messages > 0 ? messages - 1 : 0} * record_bytes(record_bytes_mean_);
  const std::uint64_t most = std::uint64_t{1} << (region_.header().request.data_bytes_log2 - 1);
  return requests_.ask_for_data(static_cast<std::uint32_t>(std::min(bytes, most)));
}

void Session::release() { ring_doorbell_if(requests_.release()); }

Result<> Session::answer(std::size_t slot_number, vs_status status, std::span<const std::byte> bytes, TimePoint now) {
  Slot& slot = slots_[slot_number];
  VS_CHECK(slot.used);
  vs_answer head{.status = static_cast<std::uint32_t>(status)};
  const std::size_t wanted = answer_record_bytes(bytes.size());
  const bool possible = wanted <= answers_.payload_bytes_max() + sizeof(vs_record);  // whatever the guest promises
  if (!possible || wanted > slot.answer_bytes_max) {
    head = {.status = VS_STATUS_TOO_LARGE, .bytes_needed = possible ? static_cast<std::uint32_t>(wanted) : 0};
    bytes = {};
  }
  slot.used = false;
  --unanswered_;
  ++counters_.answers[head.status];
  counters_.service.record(now - slot.taken);
  counters_.total.record(now - slot.arrived);
  counters_.response_bytes += bytes.size();
  const auto pushed =
      answers_.push(VS_RECORD_ANSWER, slot.cookie, {std::as_bytes(std::span<const vs_answer, 1>(&head, 1)), bytes});
  if (!pushed) return fail(pushed.error());
  if (!*pushed) return give_up(VS_BROKEN_CREDIT, "no room for an answer whose room was promised");
  ring_doorbell_if(answers_.publish());
  return {};
}

vs_broken Session::broken() const {
  return requests_.broken() != VS_BROKEN_NOT ? requests_.broken() : answers_.broken();
}

std::uint32_t Session::request_bytes_waiting() const {
  return std::min(requests_.published() - requests_.position(), std::uint32_t{1} << region_.header().request.data_bytes_log2);
}

tl::unexpected<Error> Session::give_up(vs_broken why, const char* what) {
  requests_.give_up_for(why);
  return fail(ErrorCode::invalid, what);
}

// A guest that is gone shows as the socket's end, not here.
void Session::ring_doorbell_if(bool asked) {
  if (!asked) {
    ++counters_.doorbells_suppressed;
    return;
  }
  ++counters_.doorbells_sent;
  vs::ring_doorbell(socket_.get());
}

}  // namespace vs
