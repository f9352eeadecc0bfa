// How events reach other nodes, and theirs this one: the embedded engine asks none, others speak to a server (nats/, mqtt/).
//
// An engine serves one service. It is owned by the loop's thread, and so are its callbacks; none is made from within a call. Nothing
// here waits: what an engine's own threads bring comes through a Handoff, what it cannot take at once is counted and refused.
// Channels and patterns are judged. Sizes are bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "base/result.h"
#include "dataplane/services/pubsub/engine_terms.h"
#include "dataplane/services/pubsub/envelope.h"

namespace vs::pubsub {

inline constexpr std::size_t kOutboxEventsMax = 8192;  // of an engine, given to it and not to its server yet; more are lost outward
inline constexpr std::size_t kOutboxBytesMax = 16 << 20;
inline constexpr std::size_t kInboxEventsMax = 8192;  // come and not delivered yet; more are lost, and readers told
inline constexpr std::size_t kInboxBytesMax = 16 << 20;
inline constexpr std::size_t kStoringMax = 8192;  // at-least-once events that the server has not acknowledged; more are refused
inline constexpr std::size_t kStoringBytesMax = 32 << 20;
inline constexpr std::chrono::milliseconds kReconnectPauseMin{100};  // doubles with each try in vain
inline constexpr std::chrono::milliseconds kReconnectPauseMax{5000};

enum class EngineState : std::uint8_t { embedded, connecting, connected, gone };
std::string_view name_of(EngineState state);

struct EngineStatus {
  EngineState state = EngineState::embedded;
  std::string server;  // connected to now, or last
  std::string error;   // the last; empty: none since it connected
  std::size_t subscribed = 0;        // patterns, at the server
  std::uint64_t reconnects = 0;      // connections lost and made again
  std::uint64_t sent = 0;            // events
  std::uint64_t received = 0;        // events, those that are refused then included
  std::uint64_t lost_outward = 0;    // events for which there was no room, or no server in time
  std::uint64_t lost_inward = 0;     // events for which there was no room
  std::uint64_t not_permitted = 0;   // by the server: publishes and subscriptions
  std::uint64_t stored = 0;          // at-least-once events acknowledged by the server
  std::uint64_t resent = 0;          // of those, sent again for want of an acknowledgement
  std::size_t storing = 0;           // not acknowledged yet
};

enum class StoreTicket : std::uint64_t {};

class Engine {
 public:
  struct Callbacks {
    // An event for `pattern`, which may have been unsubscribed meanwhile. Of a followed channel `position` is its place in the order of
    // all of them, else 0.
    std::function<void(const Crossing& event, const std::string& pattern, std::uint64_t position)> on_event;
    std::function<void()> on_pause;                              // no event is at hand any more: whoever gathers has time now
    std::function<void(StoreTicket, Result<>)> on_stored;        // once for each store() that was taken
    std::function<void()> on_state;                              // status().state differs
    std::function<void(std::uint64_t count)> on_lost;            // events of subscribed patterns, at least so many
    // Of followed channels events were lost, before they could be had. Positions beyond `newest` are of an order that is no more.
    std::function<void(std::uint64_t newest)> on_positions_lost;
  };

  virtual ~Engine() = default;

  // At most once, now or within the server's next moments.
  virtual void publish(Crossing event) = 0;
  // At least once: on_stored says when the server has it for good. Errors: exhausted (the limits above), unavailable (does not store).
  virtual Result<> store(StoreTicket ticket, Crossing event) = 0;
  // Nobody waits for it any more; it may be stored all the same.
  virtual void forget(StoreTicket ticket) = 0;
  virtual void subscribe(const std::string& pattern) = 0;
  virtual void unsubscribe(const std::string& pattern) = 0;
  // Brings what was stored after `position`, and what will be; nullopt: what will be. Again with another position: from there on.
  virtual void follow(std::optional<std::uint64_t> position) = 0;
  virtual void unfollow() = 0;
  // Brings no more than is on its way already of what is followed, until it is told otherwise.
  virtual void pause(bool paused) = 0;
  // Whether followed events have positions, and can be had again.
  [[nodiscard]] virtual bool has_positions() const { return true; }
  // The newest position that was seen, or is known to be there, 0 before the first; nullopt: not known yet.
  [[nodiscard]] virtual std::optional<std::uint64_t> position() const = 0;

  [[nodiscard]] virtual EngineStatus status() const = 0;
};

// There is no other node.
class EmbeddedEngine final : public Engine {
 public:
  void publish(Crossing /*event*/) override {}
  Result<> store(StoreTicket, Crossing) override { return fail(ErrorCode::unavailable, "the embedded engine stores nothing"); }
  void forget(StoreTicket) override {}
  void subscribe(const std::string&) override {}
  void unsubscribe(const std::string&) override {}
  void follow(std::optional<std::uint64_t>) override {}
  void unfollow() override {}
  void pause(bool) override {}
  [[nodiscard]] std::optional<std::uint64_t> position() const override { return std::nullopt; }
  [[nodiscard]] EngineStatus status() const override { return {}; }
};

// Makes the engine that the terms name. Errors: invalid, unavailable.
using MakeEngine = std::function<Result<std::unique_ptr<Engine>>(EventLoop&, const EngineTerms&, Engine::Callbacks)>;

}  // namespace vs::pubsub
