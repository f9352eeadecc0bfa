// Other nodes by MQTT 5: channels are topics, headers are user properties; at-least-once channels use QoS 1.
//
// The server acknowledges what it has, and keeps for a node that is away what is sent at least once meanwhile; it has no order to read
// again from, so what a backend had taken when it died is lost to its guests. Owned by the loop's thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dataplane/services/pubsub/engine.h"
#include "dataplane/services/pubsub/mqtt/mqtt_link.h"
#include "dataplane/services/pubsub/subject.h"

namespace vs::pubsub {

class MqttEngine final : public Engine {
 public:
  MqttEngine(EventLoop& loop, const EngineTerms& terms, Callbacks callbacks);

  void publish(Crossing event) override;
  Result<> store(StoreTicket ticket, Crossing event) override;
  void forget(StoreTicket ticket) override;
  void subscribe(const std::string& pattern) override;
  void unsubscribe(const std::string& pattern) override;
  void follow(std::optional<std::uint64_t> position) override;
  void unfollow() override;
  void pause(bool /*paused*/) override {}
  [[nodiscard]] bool has_positions() const override { return false; }
  [[nodiscard]] std::optional<std::uint64_t> position() const override { return std::nullopt; }
  [[nodiscard]] EngineStatus status() const override;

 private:
  [[nodiscard]] MqttMessage message_of(Crossing event) const;
  void on_message(MqttMessage message);
  void on_news(const MqttNews& news);
  void on_sent(const MqttSent& sent);
  void send_waiting();

  Subjects subjects_;
  Callbacks callbacks_;
  std::vector<std::string> stored_;  // patterns of at-least-once channels
  EngineStatus status_{.state = EngineState::connecting};
  bool was_connected_ = false;
  std::size_t patterns_ = 0;
  bool follows_ = false;
  std::map<StoreTicket, MqttMessage> waiting_;  // for a server
  std::map<int, StoreTicket> sent_;             // not acknowledged; the library sends them again after a reconnect
  std::size_t storing_bytes_ = 0;               // of those that wait
  MqttLink link_;  // last: its callbacks use the others
};

}  // namespace vs::pubsub
