// Derived channels: computed once, however many subscribed to them.
#include <algorithm>
#include <utility>

#include "base/channel_name.h"
#include "dataplane/services/pubsub/broker.h"

namespace vs::pubsub {

namespace {

std::uint64_t cost_of(const Derivation& derivation) { return derivation.program == nullptr ? 0 : derivation.program->cost(); }

}  // namespace

bool Broker::derives(const Channel& source, const Channel& derived) {
  return derived.derivation->wants(source.name) && source.filter_cost + cost_of(*derived.derivation) <= kChannelFilterCostMax &&
         derived.derivation->judge(source.parameters.schema);
}

Result<std::unique_ptr<Derivation>> Broker::prepare_derivation(std::string_view name, DerivationTerms terms) {
  const std::string title = "channel " + std::string(name);
  const Channel* known = find(name);
  if ((known == nullptr || known->derivation == nullptr) && derived_.size() == kDerivedMax)
    return fail(ErrorCode::exhausted, title + ": " + std::to_string(kDerivedMax) + " channels are derived, which is the limit");
  auto made = Derivation::make(std::move(terms));
  if (!made) return fail(std::move(made.error()).within(title));
  if (auto fits = (*made)->judge({}); !fits) return fail(std::move(fits.error()).within(title));
  if (auto loops = judge_loops(std::string(name), **made); !loops) return fail(std::move(loops.error()));
  auto program = compile((*made)->terms().filter);
  if (!program) return fail(std::move(program.error()).within(title));
  (*made)->program = std::move(*program);
  Result<> verdict;
  bool any = false;
  for (const auto& [source, channel] : channels_) {
    if (!(*made)->wants(source)) continue;
    auto fits = (*made)->judge(channel.parameters.schema);
    if (!fits) {
      if (verdict) verdict = fail(ErrorCode::invalid, title + ": " + fits.error().message + " (channel " + source + ")");
      continue;
    }
    any = true;
    if (channel.filter_cost + cost_of(**made) > kChannelFilterCostMax)
      return fail(ErrorCode::exhausted, title + ": filter: channel " + source + ": its filters may cost " +
                                            std::to_string(channel.filter_cost) + " ns an event, and this one " +
                                            std::to_string(cost_of(**made)) + "; limit " + std::to_string(kChannelFilterCostMax));
  }
  if (!any && !verdict) return fail(std::move(verdict.error()));
  return made;
}

Result<> Broker::judge_loops(const std::string& name, const Derivation& made) const {
  // Levels of channels that would be derived, directly or not, from this one.
  std::vector<std::string_view> level{name};
  std::vector<std::string_view> sources_of_name{made.terms().source};
  const auto others = [&](const auto& visit) {
    for (const Channel* one : derived_)
      if (one->name != name) visit(*one);
  };
  std::size_t below = 0;
  for (; !level.empty(); ++below) {
    for (const std::string_view one : level)
      if (matches(made.terms().source, one))
        return fail(ErrorCode::conflict, "channel " + name + ": would be derived from itself" +
                                             (one == name ? "" : ", by way of " + std::string(one)));
    std::vector<std::string_view> next;
    others([&](const Channel& one) {
      if (std::any_of(level.begin(), level.end(), [&](std::string_view from) { return matches(one.derivation->terms().source, from); }))
        next.push_back(one.name);
    });
    if (below > kDerivedDepthMax) break;
    level = std::move(next);
  }
  std::size_t above = 0;  // and those that it would be derived from
  while (!sources_of_name.empty() && above + below <= kDerivedDepthMax) {
    std::vector<std::string_view> next;
    others([&](const Channel& one) {
      if (std::any_of(sources_of_name.begin(), sources_of_name.end(), [&](std::string_view source) { return matches(source, one.name); }))
        next.push_back(one.derivation->terms().source);
    });
    if (!next.empty()) ++above;
    sources_of_name = std::move(next);
  }
  if (above + below > kDerivedDepthMax)
    return fail(ErrorCode::exhausted, "channel " + name + ": more than " + std::to_string(kDerivedDepthMax) +
                                          " channels derived one from the other");
  return {};
}

void Broker::derive(Channel& channel, std::unique_ptr<Derivation> derivation) {
  if (channel.derivation != nullptr) {
    const Operator::Counts counts = channel.derivation->counts();
    derived_errors_before_ += counts.errors;
    derived_forgotten_before_ += counts.forgotten;
    for (auto& [name, source] : channels_)
      if (std::erase(source.derived, &channel) != 0) source.filter_cost -= cost_of(*channel.derivation);
  }
  std::erase(derived_, &channel);
  channel.derivation = std::move(derivation);
  if (channel.derivation == nullptr) return;
  derived_.push_back(&channel);
  for (auto& [name, source] : channels_) attach(source, channel);
}

void Broker::attach(Channel& source, Channel& derived) {
  if (!derives(source, derived)) return;
  source.derived.push_back(&derived);
  source.filter_cost += cost_of(*derived.derivation);
}

void Broker::rejoin_derived(Channel& source) {
  for (const Channel* derived : source.derived) source.filter_cost -= cost_of(*derived->derivation);
  source.derived.clear();
  for (Channel* derived : derived_) attach(source, *derived);
}

void Broker::rejoin_derived() {
  for (auto& [name, source] : channels_) rejoin_derived(source);
}

void Broker::look_when_due(const Derivation& derivation) {
  if (const auto due = derivation.due(); due && (!due_ || *due < *due_)) due_ = due;
}

std::shared_ptr<const Event> Broker::publish_derived(Channel& into, const Draft& draft, std::uint64_t published_ns, TimePoint now,
                                                     Published& outcome) {
  if (outcome.derived == kDerivedPerEventMax) {
    ++derived_cut_off_;
    return nullptr;
  }
  EventParts parts;
  parts.header.expires_ms = draft.expires_ms;
  parts.header.priority = draft.priority;
  parts.channel = into.name;
  parts.key = draft.key;
  parts.content_type = draft.content_type;
  parts.attributes = draft.attributes;
  parts.payload = draft.payload;
  const auto bytes = write_event(parts);
  const std::size_t own_max = into.parameters.event_bytes_max;
  const auto read = read_event(bytes, into.name);
  if (!read || bytes.size() > (own_max != 0 ? own_max : kEventBytesMax) ||
      !into.parameters.schema.judge(parts.attributes, parts.content_type)) {
    ++into.derivation->errors;
    return nullptr;
  }
  const auto event = Event::make(*read, bytes, into.sequence + 1, published_ns, now, into.parameters.expires_ms, in_frame(into, *read));
  into.sequence = event->sequence();
  if (into.parameters.retained) into.newest = event;
  ++outcome.derived;
  announce(into, event, outcome);
  return event;
}

void Broker::derive_from(Channel& source, const std::shared_ptr<const Event>& event, std::uint64_t published_ns, TimePoint now,
                         Published& outcome) {
  std::vector<std::pair<Channel*, std::shared_ptr<const Event>>> work{{&source, event}};
  std::vector<Draft> made;
  for (std::size_t at = 0; at < work.size(); ++at) {
    const auto [from, published] = work[at];
    for (Channel* into : from->derived) {
      Derivation& derivation = *into->derivation;
      if (derivation.program != nullptr) {
        fill_slots(published->parts());  // announcing what came of the one before filled them with that
        const auto verdict = derivation.program->evaluate(slots_);
        derivation.errors += verdict == filter::Verdict::error ? 1 : 0;
        if (verdict != filter::Verdict::yes) continue;
      }
      made.clear();
      derivation.feed(published, now, made);
      look_when_due(derivation);
      for (const Draft& draft : made) {
        auto derived = publish_derived(*into, draft, published_ns, now, outcome);
        if (derived != nullptr && !into->derived.empty()) work.emplace_back(into, std::move(derived));
      }
    }
  }
}

Published Broker::run_due(std::uint64_t published_ns, TimePoint now) {
  Published outcome;
  std::vector<Draft> made;
  due_.reset();
  for (Channel* into : derived_) {
    made.clear();
    into->derivation->run_due(now, kDerivedPerEventMax - outcome.derived, made);
    for (const Draft& draft : made) {
      const auto derived = publish_derived(*into, draft, published_ns, now, outcome);
      if (derived != nullptr && !into->derived.empty()) derive_from(*into, derived, published_ns, now, outcome);
    }
  }
  for (const Channel* one : derived_) look_when_due(*one->derivation);
  return outcome;
}

Operator::Counts Broker::derivation_counts() const {
  Operator::Counts sum{.errors = derived_errors_before_, .forgotten = derived_forgotten_before_ + derived_cut_off_};
  for (const Channel* one : derived_) {
    const Operator::Counts counts = one->derivation->counts();
    sum.errors += counts.errors;
    sum.forgotten += counts.forgotten;
  }
  return sum;
}

}  // namespace vs::pubsub
