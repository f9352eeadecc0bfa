#include "dataplane/backend/session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "dataplane/ring/shared.h"

namespace vs {
namespace {

constexpr std::size_t kAnswerBytesMin = record_bytes(sizeof(vs_record) + sizeof(vs_answer));

template <class Struct>
std::span<const std::byte> bytes_of(const Struct& value) {
  return std::as_bytes(std::span<const Struct, 1>(&value, 1));
}

}  // namespace

Session::Session(std::unique_ptr<Link> link, std::unique_ptr<FrameReader> reader, BindingCounters& counters)
    : link_(std::move(link)),
      reader_(std::move(reader)),
      requests_(consumer_memory(link_->region(), link_->header().request)),
      answers_(producer_memory(link_->region(), link_->header().response)),
      counters_(counters) {
  ++counters_.sessions_opened;
}

Result<std::size_t> Session::take_returns() {
  std::size_t returns = 0;
  for (; reader_ && returns < kFramesBorrowedMax; ++returns) {  // it cannot owe more
    const auto seen = requests_.peek();
    if (!seen) return fail(seen.error());
    if (!*seen || (*seen)->type != VS_RECORD_RETURN) break;
    const auto back = read_return((*seen)->payload);
    if (!back) return give_up(VS_BROKEN_BUFFER, "a return of the wrong size");
    if (!reader_->pool->buffers().take_back(reader_->borrower, *back))
      return give_up(VS_BROKEN_BUFFER, "the return of a frame that is not lent");
    requests_.consume();
  }
  return returns;
}

Result<std::optional<TakenRequest>> Session::take(std::span<std::byte> scratch, TimePoint now) {
  if (waiting_for_answers()) return std::optional<TakenRequest>{};
  auto taken = requests_.take(scratch);
  if (!taken) return fail(std::move(taken.error()));
  if (!*taken) return std::optional<TakenRequest>{};
  const RingRecord& record = **taken;
  if (record.type == VS_RECORD_RENEWED && next_ && record.payload.empty()) {
    go_on_in_next();
    return std::optional<TakenRequest>{};
  }
  if (record.type == VS_RECORD_RETURN) return give_up(VS_BROKEN_BUFFER, "a return where nothing is lent");
  if (record.type < VS_RECORD_SERVICE) return give_up(VS_BROKEN_TYPE, "a request of a type that is the ring's own");
  vs_request head;
  if (record.payload.size() < sizeof head) return give_up(VS_BROKEN_PAYLOAD, "a request shorter than its header");
  std::memcpy(&head, record.payload.data(), sizeof head);
  if (head.answer_bytes_max < kAnswerBytesMin) return give_up(VS_BROKEN_CREDIT, "a request with no room for its answer");

  while (slots_[next_slot_].used) next_slot_ = (next_slot_ + 1) % kUnansweredMax;  // one is free: checked above
  const TimePoint arrived = arrivals_.of(requests_.position(), now);
  slots_[next_slot_] = {true, record.cookie, head.answer_bytes_max, arrived, now, nullptr, false};
  ++unanswered_;
  ++counters_.requests;
  counters_.queue.record(now - arrived);
  counters_.request_bytes += record.payload.size();
  const auto bytes = static_cast<std::uint32_t>(record.payload.size() + sizeof(vs_record));
  counters_.peaks.request_record = std::max(counters_.peaks.request_record, bytes);
  record_bytes_mean_ = record_bytes_mean_ - record_bytes_mean_ / 8 + bytes / 8;
  return std::optional<TakenRequest>{TakenRequest{next_slot_, record.type, head.timeout_ms, answer_room(head),
                                                 record.payload.subspan(sizeof head), arrived}};
}

std::optional<TakenRequest> Session::preview(std::span<std::byte> scratch) {
  if (waiting_for_answers()) return std::nullopt;
  const auto seen = requests_.peek();  // what is wrong with it take() will say
  if (!seen || !*seen || (*seen)->type < VS_RECORD_SERVICE) return std::nullopt;
  const auto shared = (*seen)->payload;
  if (shared.size() < sizeof(vs_request) || shared.size() > scratch.size()) return std::nullopt;
  shared::copy_once(scratch.data(), shared.data(), shared.size());
  return TakenRequest{.slot = kUnansweredMax,
                      .type = (*seen)->type,
                      .timeout_ms = 0,
                      .answer_bytes_max = 0,
                      .payload = scratch.subspan(sizeof(vs_request), shared.size() - sizeof(vs_request)),
                      .arrived = {}};
}

void Session::meter(std::size_t slot, ClassMeter& meter, bool waits) {
  slots_[slot].meter = &meter;
  slots_[slot].waits = waits;
}

std::size_t Session::answer_room(const vs_request& request) const {
  return std::min<std::size_t>(request.answer_bytes_max - sizeof(vs_record), answers_.payload_bytes_max()) - sizeof(vs_answer);
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
  const std::uint64_t most = std::uint64_t{1} << (link_->header().request.data_bytes_log2 - 1);
  return requests_.ask_for_data(static_cast<std::uint32_t>(std::min(bytes, most)));
}

void Session::release() { ring_doorbell_if(requests_.release()); }

Result<> Session::answer(std::size_t slot, vs_status status, std::span<const std::byte> bytes, TimePoint now) {
  return put_answer(slot, status, bytes, {}, now);
}

Lending Session::lending(const FrameLoan& frame) const {
  if (!reader_) return Lending::copied;
  if (reader_->pool.get() != &frame.pool()) return Lending::refused;
  if (reader_->borrower.full()) return Lending::refused;
  return reader_->pool->buffers().has(reader_->borrower, frame.loan()) ? Lending::held : Lending::lent;
}

Result<> Session::answer(std::size_t slot, const FrameLoan& frame, std::span<const std::byte> words, TimePoint now) {
  if (!reader_) return put_answer(slot, VS_STATUS_OK, words, frame.bytes(), now);
  if (reader_->pool.get() != &frame.pool()) return put_answer(slot, VS_STATUS_UNAVAILABLE, {}, {}, now);
  if (const auto refused = too_large(slot, sizeof(vs_buffer) + words.size()))
    return put(slot, VS_STATUS_TOO_LARGE, VS_RECORD_ANSWER, {bytes_of(*refused)}, now);
  const auto lent = reader_->pool->buffers().lend(frame.loan(), reader_->borrower, now);
  if (!lent) return put_answer(slot, VS_STATUS_EXHAUSTED, {}, {}, now);
  ++counters_.frames;
  counters_.frame_bytes += lent->bytes;
  counters_.response_bytes += words.size();
  return put(slot, VS_STATUS_OK, VS_RECORD_BUFFER, {bytes_of(*lent), words}, now);
}

Result<> Session::put_answer(std::size_t slot, vs_status status, std::span<const std::byte> first,
                             std::span<const std::byte> second, TimePoint now) {
  vs_answer head{.status = static_cast<std::uint32_t>(status)};
  if (const auto refused = too_large(slot, sizeof head + first.size() + second.size())) {
    head = *refused;
    first = second = {};
  }
  counters_.response_bytes += first.size() + second.size();
  return put(slot, static_cast<vs_status>(head.status), VS_RECORD_ANSWER, {bytes_of(head), first, second}, now);
}

std::optional<vs_answer> Session::too_large(std::size_t slot, std::size_t payload_bytes) const {
  counters_.peaks.response_record =
      std::max(counters_.peaks.response_record, static_cast<std::uint32_t>(std::min<std::size_t>(payload_bytes, 1 << 26) + sizeof(vs_record)));
  const bool possible = payload_bytes <= answers_.payload_bytes_max();  // whatever the guest promises
  const std::uint32_t wanted = possible ? record_bytes(static_cast<std::uint32_t>(sizeof(vs_record) + payload_bytes)) : 0;
  if (possible && wanted <= slots_[slot].answer_bytes_max) return std::nullopt;
  return vs_answer{.status = VS_STATUS_TOO_LARGE, .bytes_needed = wanted};
}

Result<> Session::put(std::size_t slot_number, vs_status status, std::uint16_t type, Parts payload, TimePoint now) {
  Slot& slot = slots_[slot_number];
  VS_CHECK(slot.used);
  slot.used = false;
  --unanswered_;
  ++counters_.answers[status];
  counters_.service.record(now - slot.taken);
  counters_.total.record(now - slot.arrived);
  if (slot.meter != nullptr) slot.meter->answered(status, now - slot.arrived, slot.waits, now);
  const auto pushed = answers_.push(type, slot.cookie, payload);
  if (!pushed) return fail(pushed.error());
  if (!*pushed) return give_up(VS_BROKEN_CREDIT, "no room for an answer whose room was promised");
  if (!in_turn_) publish();
  return {};
}

void Session::offer_renewal(bool offered) {
  answers_.offer_renewal(offered);
  if (offered) ring_doorbell_if(true);
}

// All answers so far are in the old ring before the guest sees the first record of the new one.
void Session::go_on_in_next() {
  publish();
  link_->hang_up();
  link_ = std::move(next_);
  requests_ = RingConsumer(consumer_memory(link_->region(), link_->header().request));
  answers_ = RingProducer(producer_memory(link_->region(), link_->header().response));
  arrivals_ = {};
  ++renewals_;
  const auto said = answers_.push(VS_RECORD_RENEWED, 0, {});
  VS_CHECK(said && *said);  // the ring is new
  publish();
}

void Session::begin_turn() { in_turn_ = true; }

void Session::end_turn() {
  in_turn_ = false;
  publish();
}

void Session::publish() {
  if (!answers_.unpublished()) return;
  if (counters_.peaks.watched)
    counters_.peaks.response_waiting = std::max(counters_.peaks.response_waiting, answers_.bytes_waiting());
  ring_doorbell_if(answers_.publish());
}

void Session::show_level(std::uint32_t level) {
  answers_.show_level(level);
  link_->ring();
}

void Session::show_migrating(std::uint32_t within_ms) {
  answers_.show_migrating(within_ms);
  link_->ring();
}

vs_broken Session::broken() const {
  return requests_.broken() != VS_BROKEN_NOT ? requests_.broken() : answers_.broken();
}

std::uint32_t Session::request_bytes_waiting() const {
  return std::min(requests_.published() - requests_.position(), std::uint32_t{1} << link_->header().request.data_bytes_log2);
}

tl::unexpected<Error> Session::give_up(vs_broken why, const char* what) {
  requests_.give_up_for(why);
  return fail(ErrorCode::invalid, what);
}

void Session::ring_doorbell_if(bool asked) {
  if (!asked) {
    ++counters_.doorbells_suppressed;
    return;
  }
  ++counters_.doorbells_sent;
  link_->ring();
}

}  // namespace vs
