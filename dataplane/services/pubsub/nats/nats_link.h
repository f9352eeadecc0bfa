// A connection to one of several NATS servers, made again whenever it is lost, with waits that grow up to kReconnectPauseMax.
//
// What could wait (connecting, writing) is done by a thread of its own, to which commands go by a queue; what comes is brought to the loop
// by a Handoff. Both have limits (engine.h). Owned by the loop's thread, and so are its callbacks.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>

#include "base/event_loop.h"
#include "dataplane/services/pubsub/engine.h"
#include "dataplane/services/pubsub/handoff.h"

namespace vs::pubsub {

inline constexpr int kNatsConnectMs = 2000;
inline constexpr int kNatsWriteMs = 1000;  // a server that takes nothing for so long is gone
inline constexpr int kNatsPingMs = 2000;
inline constexpr int kNatsPingsOutMax = 2;
inline constexpr std::size_t kNatsHeaderBytesMax = 1 << 20;

struct NatsMessage {
  std::string subject;
  std::string reply;
  std::string subscription;  // by which it came
  Headers headers;
  std::string data;
};

// What happened to the connection.
struct NatsNews {
  enum class What : std::uint8_t { connected, lost, not_permitted, trouble } what;
  std::string text;  // the server, or what is wrong
};

class NatsLink {
 public:
  struct Callbacks {
    std::function<void(NatsMessage)> on_message;
    std::function<void(NatsNews)> on_news;
    std::function<void()> on_pause;
    std::function<void(std::uint64_t)> on_lost;  // messages for which there was no room
  };

  NatsLink(EventLoop& loop, const EngineTerms& terms, Callbacks callbacks);
  ~NatsLink();

  // False: there is no room for it now.
  bool publish(NatsMessage message);
  void subscribe(std::string subject);
  void unsubscribe(std::string subject);

 private:
  using Item = std::variant<NatsMessage, NatsNews>;
  struct Subscribe {
    std::string subject;
  };
  struct Unsubscribe {
    std::string subject;
  };
  using Command = std::variant<NatsMessage, Subscribe, Unsubscribe>;
  struct Library;  // what is of libnats; the thread's

  void run();
  void enqueue(Command command);

  EngineTerms terms_;
  Handoff<Item> handoff_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Command> commands_;       // mutex_
  std::size_t publishes_ = 0;          // of them; mutex_
  std::size_t publish_bytes_ = 0;      // mutex_
  bool closed_ = false;                // the library has given up; mutex_
  bool stopping_ = false;              // mutex_
  std::thread thread_;
};

}  // namespace vs::pubsub
