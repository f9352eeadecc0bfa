// Other nodes by NATS: channels are subjects, headers are headers; at-least-once channels are kept by JetStream.
//
// Owned by the loop's thread.
#pragma once

#include <memory>
#include <string>

#include "dataplane/services/pubsub/engine.h"
#include "dataplane/services/pubsub/nats/jet_stream.h"
#include "dataplane/services/pubsub/nats/nats_link.h"
#include "dataplane/services/pubsub/subject.h"

namespace vs::pubsub {

class NatsEngine final : public Engine {
 public:
  NatsEngine(EventLoop& loop, const EngineTerms& terms, Callbacks callbacks);
  ~NatsEngine() override;

  void publish(Crossing event) override;
  Result<> store(StoreTicket ticket, Crossing event) override;
  void forget(StoreTicket ticket) override { stream_.forget(ticket); }
  void subscribe(const std::string& pattern) override;
  void unsubscribe(const std::string& pattern) override;
  void follow(std::optional<std::uint64_t> position) override { stream_.follow(position); }
  void unfollow() override { stream_.unfollow(); }
  void pause(bool paused) override { stream_.pause(paused); }
  [[nodiscard]] std::optional<std::uint64_t> position() const override { return stream_.position(); }
  [[nodiscard]] EngineStatus status() const override;

 private:
  [[nodiscard]] NatsMessage message_of(Crossing event) const;
  void on_message(NatsMessage message);
  void on_news(const NatsNews& news);
  void give(const std::string& subject, NatsMessage message, const std::string& pattern, std::uint64_t position);

  Subjects subjects_;
  Callbacks callbacks_;
  std::string inbox_;
  EngineStatus status_{.state = EngineState::connecting};
  bool was_connected_ = false;
  std::map<std::string, std::string> patterns_;  // by subject
  JetStream stream_;
  NatsLink link_;  // last: its callbacks use the others
};

}  // namespace vs::pubsub
