// What a service sees: requests in, exactly one answer out for each, now or later. Never a ring, never another service.
//
// What is small is copied into the answer. What is large a service writes into a Frame, which guests then read in place.
//
// A service lives on one loop and is owned by its thread; every call below happens there. It never blocks: it waits through
// the loop it was made with.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "base/sample.h"
#include "dataplane/filter/value.h"

namespace vs {

// A buffer that guests of one service read in place, without a copy. Filled first, then sent to any number of guests; once sent
// it is not written any more. Dropped, it may be used again as soon as no guest has it. Its bytes may be filled on another thread.
class Frame {
 public:
  // Where a frame's bytes are and who knows about them: the backend's side of it.
  class Memory {
   public:
    virtual ~Memory() = default;
    [[nodiscard]] virtual std::span<std::byte> bytes() const = 0;
    virtual void trim(std::size_t bytes) = 0;
    [[nodiscard]] virtual bool sendable() const = 0;
  };

  explicit Frame(std::unique_ptr<Memory> memory) : memory_(std::move(memory)) {}

  // Holds whatever an earlier frame of the same service left there.
  [[nodiscard]] std::span<std::byte> bytes() const { return memory_->bytes(); }
  // Sends less than was asked for: an encoder knows its size when it is done. At most what it is.
  void trim(std::size_t bytes) { memory_->trim(bytes); }
  // False when it is of no use any more, because the guests that may read the service have changed meanwhile: sent, it would
  // answer `unavailable`. Whoever keeps a frame asks before sending it, and asks for another one.
  [[nodiscard]] bool sendable() const { return memory_->sendable(); }

  [[nodiscard]] const Memory& memory() const { return *memory_; }

 private:
  std::unique_ptr<Memory> memory_;
};

// What frames a named service answers with. Whoever is given them (Service::reads_frames) can read all of them.
struct FrameNeeds {
  std::uint32_t count;  // those being filled, kept, and with guests
  std::uint64_t bytes;  // of the largest
  std::uint32_t broadcast_bytes_log2 = 0;  // of a ring of events that all of them read; 0: none
  std::uint64_t edition = 0;  // another one: what was written before is not for all who read now

  bool operator==(const FrameNeeds&) const = default;
};

// A ring that all guests of a service read who read its frames, each for itself: who is too slow loses the oldest.
class Broadcast {
 public:
  virtual ~Broadcast() = default;
  [[nodiscard]] virtual std::size_t payload_bytes_max() const = 0;
  // Costs the same for any number of readers. `payload` is at most that large.
  virtual void write(std::span<const std::byte> payload) = 0;
  // Of what is written next; from 1.
  [[nodiscard]] virtual std::uint64_t next_sequence() const = 0;
};

// Where a service has its frames from.
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  // nullopt when all are in use: the latest is missed, or waited for. Errors: invalid, when no frame has that room; not_found,
  // when the named service asked for none, or they could not be made.
  virtual Result<std::optional<Frame>> frame(std::string_view service, std::size_t bytes) = 0;
  // The ring of the service; nullptr: it has none. Until the next configure().
  virtual Broadcast* broadcast(std::string_view service) = 0;
};

// What would become of a frame that is sent now.
enum class Lending : std::uint8_t {
  lent,     // the guest reads it in place
  copied,   // the guest reads no frames: it is given a copy, if that fits its answer
  held,     // the guest has this very one already
  refused,  // the guest holds as many as it may, or reads another pool
};

// What an answer delivers that was made before it was asked for: events, a position.
struct Delivery {
  std::uint64_t events = 0;
  std::uint64_t lost = 0;  // before or among them
  std::chrono::nanoseconds oldest{};  // age of the oldest of them
};

// Takes answers. The ticket names the request; one whose guest is gone is ignored.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  [[nodiscard]] virtual Lending lending(std::uint64_t ticket, const Frame& frame) const = 0;
  virtual void answer(std::uint64_t ticket, Result<std::span<const std::byte>> answer) = 0;
  virtual void answer(std::uint64_t ticket, const Frame& frame, std::span<const std::byte> words) = 0;
  virtual void delivers(std::uint64_t /*ticket*/, const Delivery& /*delivery*/) {}
};

// The duty to answer one request. A dropped Reply answers `unavailable`, so a request cannot get lost.
class Reply {
 public:
  Reply(ReplySink& sink, std::uint64_t ticket) : sink_(&sink), ticket_(ticket) {}
  Reply(Reply&& other) noexcept : sink_(std::exchange(other.sink_, nullptr)), ticket_(other.ticket_) {}
  Reply& operator=(Reply&&) = delete;
  ~Reply() {
    if (sink_ != nullptr) sink_->answer(ticket_, fail(ErrorCode::unavailable, "dropped"));
  }

  // The bytes are copied before this returns.
  void send(Result<std::span<const std::byte>> answer) && {
    std::exchange(sink_, nullptr)->answer(ticket_, std::move(answer));
  }
  // Answers with `words` (a sequence number, a time; copied) and the frame, which the guest reads in place. A guest that holds as
  // many frames as it may, or holds this one, is answered `exhausted`. A frame of another service answers `unavailable`.
  void send(const Frame& frame, std::span<const std::byte> words) && {
    std::exchange(sink_, nullptr)->answer(ticket_, frame, words);
  }
  // Says what the answer that follows delivers: it is held against what was promised of freshness and loss.
  void delivers(const Delivery& delivery) const { sink_->delivers(ticket_, delivery); }
  // For who would rather do something else than have it copied or refused. Of a guest that is gone: lent.
  [[nodiscard]] Lending lending(const Frame& frame) const { return sink_->lending(ticket_, frame); }

 private:
  ReplySink* sink_;
  std::uint64_t ticket_;
};

// One request, copied out of the guest's ring: it is still whatever the guest wrote, and must be checked.
struct Request {
  std::string_view service;                     // which of the configured services the binding names
  std::uint16_t type;
  std::span<const std::byte> payload;           // valid during handle() only
  std::chrono::steady_clock::time_point deadline;  // later nobody waits
  std::uint64_t session = 0;        // that asked; numbers are never used twice
  std::size_t answer_bytes_max = 0;  // that the guest has room for
};

// A table that one guest reads without asking: what a service puts there is found as long as it lasts, unless there was no room for it.
// On the loop's thread; kept by whoever holds it.
class Answers {
 public:
  virtual ~Answers() = default;
  // Key and answer as abi/answers.h says; the answer is good for so long from now.
  virtual void put(std::span<const std::byte> key, std::span<const std::byte> answer, std::chrono::nanoseconds lifetime) = 0;
};

inline const nlohmann::json kNothing = nullptr;

// Who asks, by the configuration; valid during the call only.
struct SessionGuest {
  std::string_view service;
  std::string_view binding;
  const nlohmann::json& rights;  // what of the service the policy gives it, of the service's kind; null: everything
  std::string_view domain = {};
  const nlohmann::json& sharing = kNothing;  // how far what it asks may show to others, of the service's kind; null: not at all
  bool reads_broadcast = false;  // it has the service's broadcast ring
  std::shared_ptr<Answers> answers = {};  // its table, one for all sessions of the binding; nullptr: it has none
};

// Of what came with a guest from another node.
struct TakenOver {
  std::uint64_t entries = 0;
  std::uint64_t refused = 0;  // outdated, or not understood
};

class Service {
 public:
  struct Named {
    std::string name;
    nlohmann::json parameters;
    // Of each binding that is granted it, as in SessionGuest.
    std::vector<nlohmann::json> rights = {};
    std::vector<nlohmann::json> sharings = {};
    std::vector<std::string> domains = {};
  };

  virtual ~Service() = default;

  // Serves exactly these from now on. What is in flight is still answered. One error for each that cannot be served; the
  // others are.
  virtual std::vector<std::pair<std::string, Error>> configure(const std::vector<Named>& services) = 0;

  // The frames of a service as it is configured now; nullopt: it answers without. Asked after each configure().
  [[nodiscard]] virtual std::optional<FrameNeeds> frames(std::string_view /*service*/) const { return std::nullopt; }
  // Whether a guest is given the memory of the service's frames, all of it; who is not is answered with copies.
  [[nodiscard]] virtual bool reads_frames(const SessionGuest& /*guest*/) const { return true; }
  // Whether the guests of a service look into tables before they ask.
  [[nodiscard]] virtual bool tells_ahead(std::string_view /*service*/) const { return false; }
  // Where frames come from; told once, before anything else. There are none before the first configure() has returned.
  virtual void frames_from(FrameSource& /*source*/) {}

  virtual void handle(const Request& request, Reply reply) = 0;

  // Whether requests of that type are answered when something happens, and not when they are done: how long that takes says nothing.
  [[nodiscard]] virtual bool waits(std::uint16_t /*type*/) const { return false; }
  // What content classes may ask of a request, into the slots of filter::request_names() of the service's kind; `names` are those of
  // all of them. What it has not stays absent. Values may point into the request, or be the service's until the next call.
  virtual void read_attributes(const Request& /*request*/, std::span<const std::string> /*names*/, std::span<filter::Value> /*values*/) {}


  // A session begins: who is behind it. Before its first request.
  virtual void session_begun(std::uint64_t /*session*/, const SessionGuest& /*guest*/) {}
  // The session's guest is to have less room for answers: requests that wait for something to happen are answered now, with nothing,
  // as when their time is over. The guest asks again.
  virtual void recall(std::uint64_t /*session*/) {}
  // The session is over: what the service keeps for it may go. Replies to it are still owed, and heard by nobody.
  virtual void session_ended(std::uint64_t /*session*/) {}

  // At which level the session is served from now on, as its guest is told (vs_prod_page, level): the service may do without what the
  // guest said it can spare.
  virtual void level_changed(std::uint64_t /*session*/, std::uint32_t /*level*/) {}

  // More about a named service for people, added to what the backend tells of a binding to it (schemas/openapi.yaml, BindingLive); null:
  // nothing.
  [[nodiscard]] virtual nlohmann::json describe(std::string_view /*service*/) const { return nullptr; }

  // Forgets what a named service keeps of what its guests asked, and says how many entries that were: what is kept for one domain alone or
  // (empty) for all, about one name or (empty) all. Guests' tables are emptied by the backend.
  virtual std::uint64_t flush(std::string_view /*service*/, std::string_view /*domain*/, std::string_view /*name*/) { return 0; }

  // What it keeps of what the guest asked or did that may go with it to another node: an object, of at most so many bytes as JSON text;
  // what has no room is left out. Nothing that another guest asked, or could tell from it what another one did.
  [[nodiscard]] virtual nlohmann::json soft_state(const SessionGuest& /*guest*/, std::size_t /*bytes_max*/) {
    return nlohmann::json::object();
  }
  // The same of another node, for a guest that is served here from now on: whatever it says must be checked, and what is not understood
  // is left out. How much was taken, and how much was not.
  virtual TakenOver take_over(const SessionGuest& /*guest*/, const nlohmann::json& /*state*/) { return {}; }

  // Counters and gauges of the service itself; the backend counts requests, answers and time.
  virtual std::vector<Sample> samples() const = 0;
};

}  // namespace vs
