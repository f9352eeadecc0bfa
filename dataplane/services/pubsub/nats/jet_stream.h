// At least once with NATS: events kept by a stream of JetStream, acknowledged to who publishes, read again from any position.
//
// Speaks the protocol itself (subjects `$JS.API.*`, JSON bodies, as nats-server 2.9 has them: docs.nats.io, "JetStream wire API"), for it
// must not wait. One stream for a service, whose sequence numbers are the positions. It is read by a consumer that keeps no state for us
// (pull, no acknowledgements): whatever goes wrong (a reconnect, a hole, silence), another begins after the last event that was seen.
// What is published carries an id, by which the server tells apart what was sent again (within kDuplicateWindow).
// Owned by the loop's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/event_loop.h"
#include "dataplane/services/pubsub/nats/nats_link.h"
#include "dataplane/services/pubsub/subject.h"

namespace vs::pubsub {

// Of a stream that we make; an administrator who wants others makes the stream before us.
inline constexpr std::chrono::hours kStreamAgeMax{24};
inline constexpr std::uint64_t kStreamBytesMax = 256 << 20;
inline constexpr std::chrono::minutes kDuplicateWindow{2};

inline constexpr std::size_t kPullEventsMax = 256;  // on the way at once
inline constexpr std::size_t kPullBytesMax = 4 << 20;
inline constexpr std::chrono::seconds kPullTime{20};
inline constexpr std::chrono::seconds kPullHeartbeat{2};
inline constexpr std::chrono::seconds kPullSilenceMax{7};   // then the consumer is gone
inline constexpr std::chrono::seconds kConsumerIdleMax{30};  // without us the server drops it
inline constexpr std::chrono::seconds kAnswerTime{2};        // then it is asked, or sent, again
inline constexpr std::chrono::milliseconds kJetStreamTick{500};

class JetStream {
 public:
  struct Callbacks {
    std::function<bool(NatsMessage)> send;  // false: no room now
    std::function<void(const std::string& subject, NatsMessage message, std::uint64_t position)> on_event;
    std::function<void(StoreTicket, Result<>)> on_stored;
    std::function<void(const std::string& what)> on_trouble;
    std::function<void(std::uint64_t newest)> on_positions_lost;
  };
  struct Counts {
    std::uint64_t stored = 0;
    std::uint64_t resent = 0;
  };

  // `subjects`: of the at-least-once channels. `inbox`: replies come to what begins with it and a dot.
  JetStream(EventLoop& loop, std::string_view prefix, std::vector<std::string> subjects, std::string inbox, Callbacks callbacks);
  ~JetStream();

  void connected();
  void lost();
  // What came by the inbox.
  void on_message(NatsMessage message);

  Result<> store(StoreTicket ticket, NatsMessage message);
  void forget(StoreTicket ticket);
  void follow(std::optional<std::uint64_t> position);
  void unfollow();
  void pause(bool paused);

  [[nodiscard]] std::optional<std::uint64_t> position() const { return position_known_ ? std::optional(position_) : std::nullopt; }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t storing() const { return unstored_.size(); }
  [[nodiscard]] static std::string stream_name(std::string_view prefix);

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class Stream : std::uint8_t { away, asked, looked_at, there };
  enum class Consumer : std::uint8_t { none, asked, there };
  struct Unstored {
    NatsMessage message;
    TimePoint sent;
  };

  void ask(const std::string& subject, const nlohmann::json& body, std::string_view what);
  void make_stream();
  void on_stream(const nlohmann::json& answer);
  void make_consumer();
  void on_consumer(const nlohmann::json& answer);
  void pull();
  void begin_again(std::string_view why);
  void on_pulled(NatsMessage message);
  void on_pull_status(std::string_view status, std::string_view description);
  void on_acknowledged(std::string_view ticket, const NatsMessage& message);
  void send_unstored(TimePoint now, TimePoint before);
  void tick();
  void trouble(const std::string& what);

  EventLoop& loop_;
  std::string stream_;
  std::vector<std::string> subjects_;
  std::string inbox_;
  Callbacks callbacks_;
  Stream stream_state_ = Stream::away;
  Consumer consumer_state_ = Consumer::none;
  TimePoint asked_{};
  TimePoint heard_{};
  std::string consumer_;
  std::uint64_t generation_ = 0;        // of consumers: what an older one brings is passed over
  std::uint64_t consumer_sequence_ = 0;  // of the last that it brought
  std::size_t pulled_ = 0;              // asked for and not come yet
  bool follows_ = false;
  bool paused_ = false;
  std::optional<std::uint64_t> after_;  // where to begin; nullopt: with what will be stored
  std::uint64_t position_ = 0;
  bool position_known_ = false;
  std::map<StoreTicket, Unstored> unstored_;
  std::size_t unstored_bytes_ = 0;
  std::string trouble_;  // the last told
  std::optional<TimerId> timer_;
  Counts counts_;
};

}  // namespace vs::pubsub
