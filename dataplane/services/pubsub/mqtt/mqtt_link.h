// A connection to one of several MQTT 5 servers, made again whenever it is lost, with waits that grow up to kReconnectPauseMax.
//
// What could wait is done by a thread of its own, which goes by itself once it is told to and lives on for as long as a server that does
// not answer keeps it; what comes is brought to the loop by a Handoff. Owned by the loop's thread, and so are its callbacks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/event_loop.h"
#include "dataplane/services/pubsub/engine.h"
#include "dataplane/services/pubsub/handoff.h"

namespace vs::pubsub {

inline constexpr int kMqttKeepAliveS = 5;
inline constexpr int kMqttLoopMs = 1000;  // after which the thread looks whether it is still wanted
inline constexpr std::uint32_t kMqttSessionS = 3600;  // the server keeps for a node that is away

struct MqttMessage {
  std::string topic;
  Headers headers;  // its user properties, and its content type
  std::string data;
};

struct MqttNews {
  enum class What : std::uint8_t { connected, lost, not_permitted, trouble } what;
  std::string text;
};

// A message that the server has (at least once), or that is on its way (at most once).
struct MqttSent {
  int id;
  bool refused;
};

class MqttLink {
 public:
  struct Callbacks {
    std::function<void(MqttMessage)> on_message;
    std::function<void(MqttNews)> on_news;
    std::function<void(MqttSent)> on_sent;
    std::function<void()> on_pause;
    std::function<void(std::uint64_t)> on_lost;
  };

  // `keeps`: the server keeps subscriptions, and what is sent at least once, while we are away.
  MqttLink(EventLoop& loop, const EngineTerms& terms, bool keeps, Callbacks callbacks);
  ~MqttLink();

  // Its number, which on_sent says later; nullopt: not connected, or no room.
  std::optional<int> publish(const MqttMessage& message, bool at_least_once);
  // `at_least_once`: then own ones come back, too.
  void subscribe(const std::string& topic, bool at_least_once);
  void unsubscribe(const std::string& topic);

 private:
  struct State;
  std::shared_ptr<State> state_;
  using Item = std::variant<MqttMessage, MqttNews, MqttSent>;
  Handoff<Item> handoff_;
};

}  // namespace vs::pubsub
