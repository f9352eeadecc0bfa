#include "dataplane/services/pubsub/nats/nats_engine.h"

#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "dataplane/services/pubsub/coverage.h"

namespace vs::pubsub {
namespace {

std::string random_inbox() {
  std::random_device random;
  return fmt::format("_INBOX.vs{:08x}{:08x}{:08x}", random(), random(), random());
}

std::vector<std::string> stored_subjects(const EngineTerms& terms, const Subjects& subjects) {
  std::set<std::string> met;
  for (const std::string& shared : terms.shared)
    for (const std::string& stored : terms.at_least_once)
      if (auto both = meet(shared, stored)) met.insert(std::move(*both));
  std::vector<std::string> names;
  for (const std::string& pattern : without_overlap(met)) names.push_back(subjects.of(pattern));
  return names;
}

}  // namespace

NatsEngine::NatsEngine(EventLoop& loop, const EngineTerms& terms, Callbacks callbacks)
    : subjects_(terms.prefix, Subjects::Style::nats),
      callbacks_(std::move(callbacks)),
      inbox_(random_inbox()),
      stream_(loop, terms.prefix, stored_subjects(terms, subjects_), inbox_,
              {.send = [this](NatsMessage message) { return link_.publish(std::move(message)); },
               .on_event = [this](const std::string& subject, NatsMessage message,
                                  std::uint64_t position) { give(subject, std::move(message), {}, position); },
               .on_stored = [this](StoreTicket ticket, Result<> stored) { callbacks_.on_stored(ticket, std::move(stored)); },
               .on_trouble = [this](const std::string& what) { on_news({NatsNews::What::trouble, what}); },
               .on_positions_lost = [this](std::uint64_t newest) { callbacks_.on_positions_lost(newest); }}),
      link_(loop, terms,
            {.on_message = [this](NatsMessage message) { on_message(std::move(message)); },
             .on_news = [this](const NatsNews& news) { on_news(news); },
             .on_pause = [this] { callbacks_.on_pause(); },
             .on_lost =
                 [this](std::uint64_t count) {
                   status_.lost_inward += count;
                   callbacks_.on_lost(count);
                 }}) {
  link_.subscribe(inbox_ + ".>");
}

NatsEngine::~NatsEngine() = default;

NatsMessage NatsEngine::message_of(Crossing event) const {
  return {.subject = subjects_.of(event.channel),
          .reply = {},
          .subscription = {},
          .headers = std::move(event.headers),
          .data = std::move(event.payload)};
}

void NatsEngine::publish(Crossing event) {
  const bool sent = status_.state == EngineState::connected && link_.publish(message_of(std::move(event)));
  ++(sent ? status_.sent : status_.lost_outward);
}

Result<> NatsEngine::store(StoreTicket ticket, Crossing event) {
  auto taken = stream_.store(ticket, message_of(std::move(event)));
  if (taken) ++status_.sent;
  return taken;
}

void NatsEngine::subscribe(const std::string& pattern) {
  const std::string subject = subjects_.of(pattern);
  patterns_[subject] = pattern;
  link_.subscribe(subject);
}

void NatsEngine::unsubscribe(const std::string& pattern) {
  const std::string subject = subjects_.of(pattern);
  patterns_.erase(subject);
  link_.unsubscribe(subject);
}

void NatsEngine::on_message(NatsMessage message) {
  if (message.subscription == inbox_ + ".>") return stream_.on_message(std::move(message));
  const auto pattern = patterns_.find(message.subscription);
  const std::string subject = message.subject;
  give(subject, std::move(message), pattern == patterns_.end() ? "-" : pattern->second, 0);
}

void NatsEngine::give(const std::string& subject, NatsMessage message, const std::string& pattern, std::uint64_t position) {
  ++status_.received;
  auto channel = subjects_.channel(subject);
  if (!channel) return log::debug("pubsub.subject_refused", {{"subject", subject}});
  callbacks_.on_event({.channel = std::move(*channel), .headers = std::move(message.headers), .payload = std::move(message.data)}, pattern,
                      position);
}

void NatsEngine::on_news(const NatsNews& news) {
  const EngineState before = status_.state;
  switch (news.what) {
    case NatsNews::What::connected:
      status_.reconnects += std::exchange(was_connected_, true) ? 1 : 0;
      status_.state = EngineState::connected;
      status_.server = news.text;
      status_.error.clear();
      stream_.connected();
      break;
    case NatsNews::What::lost:
      status_.state = EngineState::gone;
      if (!news.text.empty()) status_.error = news.text;
      stream_.lost();
      break;
    case NatsNews::What::not_permitted:
      ++status_.not_permitted;
      status_.error = news.text;
      break;
    case NatsNews::What::trouble:
      status_.error = news.text;
      if (status_.state == EngineState::connecting) status_.state = EngineState::gone;
      break;
  }
  if (news.what != NatsNews::What::connected && !news.text.empty()) log::warn("pubsub.engine_trouble", {{"error", news.text}});
  if (status_.state != before) callbacks_.on_state();
}

EngineStatus NatsEngine::status() const {
  EngineStatus status = status_;
  status.subscribed = patterns_.size();
  status.stored = stream_.counts().stored;
  status.resent = stream_.counts().resent;
  status.storing = stream_.storing();
  return status;
}

}  // namespace vs::pubsub
