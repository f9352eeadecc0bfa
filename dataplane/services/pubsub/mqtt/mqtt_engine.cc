#include "dataplane/services/pubsub/mqtt/mqtt_engine.h"

#include <set>
#include <utility>

#include "base/log.h"
#include "dataplane/services/pubsub/coverage.h"

namespace vs::pubsub {
namespace {

std::vector<std::string> stored_patterns(const EngineTerms& terms) {
  std::set<std::string> met;
  for (const std::string& shared : terms.shared)
    for (const std::string& stored : terms.at_least_once)
      if (auto both = meet(shared, stored)) met.insert(std::move(*both));
  const auto apart = without_overlap(met);
  return {apart.begin(), apart.end()};
}

}  // namespace

MqttEngine::MqttEngine(EventLoop& loop, const EngineTerms& terms, Callbacks callbacks)
    : subjects_(terms.prefix, Subjects::Style::mqtt),
      callbacks_(std::move(callbacks)),
      stored_(stored_patterns(terms)),
      link_(loop, terms, !stored_.empty(),
            {.on_message = [this](MqttMessage message) { on_message(std::move(message)); },
             .on_news = [this](const MqttNews& news) { on_news(news); },
             .on_sent = [this](const MqttSent& sent) { on_sent(sent); },
             .on_pause = [this] { callbacks_.on_pause(); },
             .on_lost =
                 [this](std::uint64_t count) {
                   status_.lost_inward += count;
                   callbacks_.on_lost(count);
                 }}) {}

MqttMessage MqttEngine::message_of(Crossing event) const {
  return {.topic = subjects_.of(event.channel), .headers = std::move(event.headers), .data = std::move(event.payload)};
}

void MqttEngine::publish(Crossing event) {
  const bool sent = link_.publish(message_of(std::move(event)), false).has_value();
  ++(sent ? status_.sent : status_.lost_outward);
}

Result<> MqttEngine::store(StoreTicket ticket, Crossing event) {
  const std::size_t count = waiting_.size() + sent_.size(), bytes = event.payload.size();
  if (count == kStoringMax || bytes > kStoringBytesMax - storing_bytes_)
    return fail(ErrorCode::exhausted, "engine: " + std::to_string(count) + " events wait to be stored, which is the limit");
  storing_bytes_ += bytes;
  waiting_.emplace(ticket, message_of(std::move(event)));
  ++status_.sent;
  send_waiting();
  return {};
}

void MqttEngine::send_waiting() {
  while (!waiting_.empty()) {
    const auto first = waiting_.begin();
    const auto id = link_.publish(first->second, true);
    if (!id) return;
    storing_bytes_ -= first->second.data.size();
    sent_[*id] = first->first;
    waiting_.erase(first);
  }
}

void MqttEngine::forget(StoreTicket ticket) {
  if (const auto found = waiting_.find(ticket); found != waiting_.end()) {
    storing_bytes_ -= found->second.data.size();
    waiting_.erase(found);
  }
  std::erase_if(sent_, [&](const auto& one) { return one.second == ticket; });
}

void MqttEngine::on_sent(const MqttSent& sent) {
  const auto node = sent_.extract(sent.id);
  if (node.empty()) return;
  if (!sent.refused) ++status_.stored;
  callbacks_.on_stored(node.mapped(), sent.refused ? Result<>(fail(ErrorCode::denied, "the server does not permit it")) : Result<>());
}

void MqttEngine::subscribe(const std::string& pattern) {
  ++patterns_;
  link_.subscribe(subjects_.of(pattern), false);
}

void MqttEngine::unsubscribe(const std::string& pattern) {
  --patterns_;
  link_.unsubscribe(subjects_.of(pattern));
}

void MqttEngine::follow(std::optional<std::uint64_t>) {
  if (std::exchange(follows_, true)) return;
  for (const std::string& pattern : stored_) link_.subscribe(subjects_.of(pattern), true);
}

void MqttEngine::unfollow() {
  if (!std::exchange(follows_, false)) return;
  for (const std::string& pattern : stored_) link_.unsubscribe(subjects_.of(pattern));
}

void MqttEngine::on_message(MqttMessage message) {
  ++status_.received;
  auto channel = subjects_.channel(message.topic);
  if (!channel) return log::debug("pubsub.topic_refused", {{"topic", message.topic}});
  callbacks_.on_event({.channel = std::move(*channel), .headers = std::move(message.headers), .payload = std::move(message.data)}, {}, 0);
}

void MqttEngine::on_news(const MqttNews& news) {
  const EngineState before = status_.state;
  switch (news.what) {
    case MqttNews::What::connected:
      status_.reconnects += std::exchange(was_connected_, true) ? 1 : 0;
      status_.state = EngineState::connected;
      status_.server = news.text;
      status_.error.clear();
      send_waiting();
      break;
    case MqttNews::What::lost:
      status_.state = EngineState::gone;
      if (!news.text.empty()) status_.error = news.text;
      break;
    case MqttNews::What::not_permitted:
      ++status_.not_permitted;
      status_.error = news.text;
      break;
    case MqttNews::What::trouble:
      status_.error = news.text;
      if (status_.state == EngineState::connecting) status_.state = EngineState::gone;
      break;
  }
  if (news.what != MqttNews::What::connected && !news.text.empty()) log::warn("pubsub.engine_trouble", {{"error", news.text}});
  if (status_.state != before) callbacks_.on_state();
}

EngineStatus MqttEngine::status() const {
  EngineStatus status = status_;
  status.subscribed = patterns_ + (follows_ ? stored_.size() : 0);
  status.storing = waiting_.size() + sent_.size();
  return status;
}

}  // namespace vs::pubsub
