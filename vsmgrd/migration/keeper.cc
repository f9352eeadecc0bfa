#include "vsmgrd/migration/keeper.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace vs::handoff {
namespace {

inline constexpr Time kDiskPause{250};  // until a disk that took nothing is tried again

Orders orders_of(const std::string& id, std::vector<Deed> deeds) {
  Orders orders;
  orders.reserve(deeds.size());
  for (Deed& deed : deeds) orders.push_back({id, std::move(deed)});
  return orders;
}

void append(Orders& orders, Orders more) {
  orders.insert(orders.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Orders reply(const Message& message, Answer answer, std::string reason) {
  return {{message.id, Send{answer_to(message, answer, std::move(reason))}}};
}

}  // namespace

Keeper::Keeper(std::string node, const Limits& limits, Versions versions, Hooks hooks)
    : node_(std::move(node)), limits_(limits), versions_(versions), hooks_(std::move(hooks)) {}

Orders Keeper::load(std::vector<Record> records, std::vector<Standing> standings, Time now) {
  for (Standing& standing : standings) standings_[standing.binding] = std::move(standing);
  for (Record& record : records) {
    const std::string id = record.id;
    if (ended(record.outcome)) ended_.push_back(id);
    records_[id] = std::move(record);
  }
  Orders orders;
  std::vector<std::string> ids;
  for (const auto& [id, record] : records_) ids.push_back(id);
  for (const std::string& id : ids) append(orders, happen(id, Woken{}, now));
  return orders;
}

const Record* Keeper::moving(std::string_view domain) const {
  for (const auto& [id, record] : records_)
    if (!ended(record.outcome) && record.domain == domain) return &record;
  return nullptr;
}

std::size_t Keeper::going() const {
  return static_cast<std::size_t>(
      std::count_if(records_.begin(), records_.end(), [](const auto& entry) { return !ended(entry.second.outcome); }));
}

Result<Orders> Keeper::start(const Move& move, Time now) {
  if (move.peer == node_) return fail(ErrorCode::invalid, fmt::format("domain {}: node {} is where it is", move.domain, node_));
  if (const Record* other = moving(move.domain))
    return fail(ErrorCode::conflict, fmt::format("domain {} moves already, {} node {}: handoff {}", move.domain,
                                                 other->role == Role::source ? "to" : "here from", other->peer, other->id));
  if (going() >= kMovesMax) return fail(ErrorCode::exhausted, fmt::format("{} handoffs go on, limit {}", going(), kMovesMax));
  Record record{.id = hooks_.random(), .domain = move.domain, .node = node_, .peer = move.peer, .manual = move.manual};
  Step step = begin_source(std::move(record), around(now));
  if (auto written = hooks_.write({step.record, {}}); !written) return fail(std::move(written.error()).within("write the handoff"));
  ++counts_.started;
  const std::string id = step.record.id;
  if (on_change_) on_change_({}, step.record);
  records_[id] = std::move(step.record);
  return orders_of(id, std::move(step.deeds));
}

Result<Orders> Keeper::say(std::string_view id, Word word, Time now) {
  const auto found = records_.find(id);
  if (found == records_.end()) return fail(ErrorCode::not_found, fmt::format("no handoff {}", id));
  Step next = step(found->second, Said{word}, around(now));
  if (!next.refusal.empty())
    return fail(ErrorCode::conflict, fmt::format("handoff of domain {}: {}", found->second.domain, next.refusal));
  const bool must = next.durable && !next.regardless;
  const std::uint64_t unwritten = counts_.unwritten;
  Orders orders = follow(found->second, std::move(next), now);
  if (must && counts_.unwritten != unwritten)
    return fail(ErrorCode::exhausted, "the disk does not take it: nothing was done");
  return orders;
}

Orders Keeper::happen(std::string_view id, const Event& event, Time now) {
  const auto found = records_.find(id);
  if (found == records_.end()) return {};
  Step next = step(found->second, event, around(now));
  if (!next.refusal.empty()) ++counts_.refused_messages;
  return follow(found->second, std::move(next), now);
}

// Writes, then counts, then gives out what is to be done: in this order.
Orders Keeper::follow(const Record& current, Step step, Time now) {
  const Record before = current;
  const std::string id = before.id;
  if (step.durable) {
    const auto written = hooks_.write({step.record, step.standings});
    if (!written) {
      ++counts_.unwritten;
      unwritten_[id] = now + kDiskPause;
      if (!step.regardless) return {};
    } else {
      unwritten_.erase(id);
      for (Standing& standing : step.standings) standings_[standing.binding] = standing;
    }
  }
  const bool changed = before.phase != step.record.phase || before.outcome != step.record.outcome;
  const bool ends = !ended(before.outcome) && ended(step.record.outcome);
  records_[id] = std::move(step.record);
  if (changed && on_change_) on_change_(before, records_[id]);
  if (ends) ended_.push_back(id);
  Orders orders = orders_of(id, std::move(step.deeds));
  if (ends) forget_old();
  return orders;
}

void Keeper::forget_old() {
  std::vector<std::string> old;
  while (ended_.size() > kEndedKept) {
    old.push_back(ended_.front());
    records_.erase(ended_.front());
    unwritten_.erase(ended_.front());
    ended_.erase(ended_.begin());
  }
  if (!old.empty()) hooks_.forget(old);
}

std::string Keeper::why_not(const Message& message) const {
  if (message.version < versions_.oldest || message.version_oldest > versions_.newest)
    return fmt::format("node {} speaks versions {} to {} of the protocol, node {} {} to {}", message.from, message.version_oldest,
                       message.version, node_, versions_.oldest, versions_.newest);
  if (const Record* other = moving(message.domain); other != nullptr && other->id != message.id)
    return fmt::format("domain {} moves already, {} node {}", message.domain, other->role == Role::source ? "to" : "from", other->peer);
  if (going() >= kMovesMax) return fmt::format("{} handoffs go on, limit {}", going(), kMovesMax);
  for (const MovedBinding& moved : message.bindings)
    if (const auto known = standings_.find(moved.name); known != standings_.end()) {
      const Standing& standing = known->second;
      if (standing.epoch > moved.epoch || (standing.epoch == moved.epoch && standing.owner != message.from))
        return fmt::format("binding {}: node {} offers epoch {}, node {} knows epoch {}, owned by {}", moved.name, message.from, moved.epoch,
                           node_, standing.epoch, standing.owner);
    }
  return hooks_.judge ? hooks_.judge(message) : std::string();
}

Orders Keeper::check(const Message& message) {
  if (std::string refusal = why_not(message); !refusal.empty()) return reply(message, Answer::refused, std::move(refusal));
  Message yes = answer_to(message, Answer::ok);
  yes.version = std::min(message.version, versions_.newest);
  return {{message.id, Send{std::move(yes)}}};
}

Orders Keeper::begin(const Message& prepare, Time now) {
  std::string refusal = why_not(prepare);
  if (refusal.empty() && prepare.secret.size() != kSecretBytes) refusal = "its secret has not 64 hex digits";
  if (refusal.empty() && prepare.bindings.size() > kBindingsMax)
    refusal = fmt::format("{} bindings, limit {}", prepare.bindings.size(), kBindingsMax);
  if (refusal.empty()) {
    Step step = begin_destination(prepare, around(now));
    const auto written = hooks_.write({step.record, {}});
    if (written) {
      const std::string id = step.record.id;
      if (on_change_) on_change_({}, step.record);
      records_[id] = std::move(step.record);
      return orders_of(id, std::move(step.deeds));
    }
    ++counts_.unwritten;
    refusal = "it cannot be written: " + written.error().message;
  }
  return reply(prepare, Answer::refused, std::move(refusal));
}

// Nothing of it is known, or no more. A destination that does not know what was committed must not say that it gives back:
// what it was may have been lost with its disk.
Orders Keeper::unknown(const Message& message) {
  ++counts_.refused_messages;
  if (message.answer != Answer::none) return {};
  if (message.verb == Verb::cancel) return reply(message, Answer::ok, "");
  return reply(message, Answer::refused, fmt::format("node {} knows of no handoff {}", node_, message.id));
}

Orders Keeper::hear(const Message& message, Time now) {
  if (message.to != node_) {
    ++counts_.refused_messages;
    if (message.answer != Answer::none) return {};
    return reply(message, Answer::refused, fmt::format("this is node {}, not {}", node_, message.to));
  }
  const auto found = records_.find(message.id);
  if (found == records_.end()) {
    if (message.answer != Answer::none) return unknown(message);
    if (message.verb == Verb::check) return check(message);
    if (message.verb == Verb::prepare) return begin(message, now);
    return unknown(message);
  }
  if (found->second.peer != message.from) {
    ++counts_.refused_messages;
    if (message.answer != Answer::none) return {};
    return reply(message, Answer::refused, fmt::format("handoff {} is not node {}'s", message.id, message.from));
  }
  return happen(message.id, Heard{message}, now);
}

Time Keeper::next() const {
  Time next = Time::max();
  for (const auto& [id, record] : records_) {
    const auto waits = unwritten_.find(id);
    const Time due = next_tick(record);
    next = std::min(next, waits == unwritten_.end() ? due : due == Time::max() ? waits->second : std::max(due, waits->second));
  }
  return next;
}

Orders Keeper::tick(Time now) {
  std::vector<std::string> due;
  for (const auto& [id, record] : records_) {
    const auto waits = unwritten_.find(id);
    if (waits != unwritten_.end() ? now >= waits->second : now >= next_tick(record)) due.push_back(id);
  }
  Orders orders;
  for (const std::string& id : due) {
    // What counted without being written is written before time goes on for it.
    if (unwritten_.erase(id) != 0 && !hooks_.write({records_.at(id), {}})) {
      ++counts_.unwritten;
      unwritten_[id] = now + kDiskPause;
      if (now < next_tick(records_.at(id))) continue;
    }
    append(orders, happen(id, Tick{}, now));
  }
  return orders;
}

std::map<std::string, Ownership> Keeper::ownerships() const {
  std::map<std::string, Ownership> all;
  for (const auto& [binding, standing] : standings_) all[binding] = {.epoch = standing.epoch, .owner = standing.owner};
  for (const auto& [id, record] : records_) {
    if (ended(record.outcome)) continue;
    for (const MovedBinding& moved : record.bindings) {
      const auto known = all.find(moved.name);
      if (known == all.end()) continue;
      known->second.handoff = id;
      if (holds_back(record)) known->second.in_doubt = true;
    }
  }
  return all;
}

std::optional<std::uint64_t> Keeper::may_serve(const std::string& binding) const {
  const auto known = standings_.find(binding);
  if (known == standings_.end()) return 1;
  if (known->second.owner != node_) return std::nullopt;
  for (const auto& [id, record] : records_)
    if (holds_back(record))
      for (const MovedBinding& moved : record.bindings)
        if (moved.name == binding) return std::nullopt;
  return known->second.epoch;
}

}  // namespace vs::handoff
