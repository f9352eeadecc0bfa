#include "dataplane/services/pubsub/derivation.h"

#include <algorithm>
#include <utility>

#include "base/channel_name.h"

namespace vs::pubsub {

Result<std::unique_ptr<Derivation>> Derivation::make(DerivationTerms terms) {
  if (auto judged = judge_pattern(terms.source); !judged) return fail(std::move(judged.error()).within("source"));
  auto chain = filter::parse_chain(terms.operators);
  if (!chain) return fail(std::move(chain.error()).within("operators"));
  std::unique_ptr<Derivation> made(new Derivation(std::move(terms)));
  made->wild_ = is_wild(made->terms_.source);
  made->chain_ = std::move(*chain);
  for (const filter::OperatorTerms& one : made->chain_) made->operators_.emplace_back(one);
  return made;
}

bool Derivation::wants(std::string_view channel) const {
  return matches(terms_.source, channel) && (!terms_.allowed || terms_.allowed(channel));
}

Result<> Derivation::judge(const filter::EventSchema& source) const {
  if (source.empty() && terms_.operators.empty()) return {};
  if (auto fits = source.empty() ? Result<>() : source.judge_filter(terms_.filter); !fits) return fail(std::move(fits.error()).within("filter"));
  if (auto fits = filter::judge_chain(chain_, source); !fits) return fail(std::move(fits.error()).within("operators"));
  return {};
}

void Derivation::feed(const std::shared_ptr<const Event>& event, TimePoint now, std::vector<Draft>& made) {
  run_due(now, SIZE_MAX, made);  // what should have come before
  const EventParts& parts = event->parts();
  Draft draft{.base = event,
              .state_key = std::string(parts.channel) + '\0' + std::string(parts.key),
              .key = std::string(parts.key.empty() && wild_ ? parts.channel : parts.key),
              .content_type = parts.content_type,
              .attributes = parts.attributes,
              .payload = parts.payload,
              .expires_ms = parts.header.expires_ms,
              .priority = parts.header.priority};
  pass(0, std::move(draft), now, made);
}

void Derivation::pass(std::size_t from, Draft draft, TimePoint now, std::vector<Draft>& made) {
  for (std::size_t at = from; at < operators_.size(); ++at) {
    auto next = operators_[at].take(std::move(draft), now);
    if (!next) return;
    draft = std::move(*next);
  }
  made.push_back(std::move(draft));
}

std::optional<Derivation::TimePoint> Derivation::due() const {
  std::optional<TimePoint> first;
  for (const Operator& one : operators_)
    if (const auto due = one.due(); due && (!first || *due < *first)) first = due;
  return first;
}

void Derivation::run_due(TimePoint now, std::size_t most, std::vector<Draft>& made) {
  for (std::size_t at = 0; at < operators_.size(); ++at)
    for (auto due = operators_[at].due(); due && *due <= now && most != 0; due = operators_[at].due(), --most)
      if (auto draft = operators_[at].expire(now)) pass(at + 1, std::move(*draft), now, made);
}

Operator::Counts Derivation::counts() const {
  Operator::Counts sum{.errors = errors, .forgotten = 0};
  for (const Operator& one : operators_) {
    sum.errors += one.counts().errors;
    sum.forgotten += one.counts().forgotten;
  }
  return sum;
}

}  // namespace vs::pubsub
