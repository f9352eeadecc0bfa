// One publisher and one subscriber of a peer: what the measurement (main.cc) needs of each.
//
// A side belongs to one process and thread. Errors end the program with a sentence.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace vs::bench {

struct PubsubOptions {
  std::string peer;
  std::string name;             // publish, deliver or stream
  std::size_t guests = 1;       // that subscribe
  std::size_t payload_bytes = 64;
  std::size_t events = 1000;    // of a burst
  std::size_t batch = 1;        // events given to the peer at once, where it takes several
  std::size_t ring_bytes = 0;   // of vservices, each way; 0: as the payload needs
  std::string wait = "adaptive";  // of vservices: control::WaitMode
  std::string tune = "off";       // of vservices: control::Tune
  std::string sharing;            // of vservices: how far memory of events may be shared: "", private, group or equal (broadcast)
  std::size_t renew_us = 0;       // of vservices: the rings are replaced by others so often; 0: never
  double settle = 0;              // seconds before it is measured
  double seconds = 0.5;
  std::string scratch = "/tmp";
  std::string address = "127.0.0.1";
  bool namespaces = false;      // guest N is in the network namespace "guestN"; the publisher is guest 1
  int server = -1;              // process of the peer's broker
  int port = 0;
};

[[noreturn]] void give_up(const std::string& why);
void check(bool fine, const std::string& doing);

inline constexpr std::size_t kHeadBytes = 16;  // of a payload: its number and when it was published, in nanoseconds

class Publisher {
 public:
  virtual ~Publisher() = default;
  // Publishes the payload `count` times, each with a head of its own written by `stamp`.
  virtual void publish(std::span<std::byte> payload, std::size_t count, const std::function<void(std::byte*)>& stamp) = 0;
  // Returns when what was published is accepted, or, where nobody says so, sent.
  virtual void flush() = 0;
  // How often its rings were replaced by others.
  [[nodiscard]] virtual std::uint64_t renewals() const { return 0; }
};

class Subscriber {
 public:
  virtual ~Subscriber() = default;
  // The next event, valid until the next call; nullopt: none came for a while. `missed` counts those that were lost before it, if that is told.
  struct Event {
    std::span<const std::byte> payload;
    std::uint64_t missed = 0;
  };
  virtual std::optional<Event> receive() = 0;
  [[nodiscard]] virtual std::uint64_t renewals() const { return 0; }
};

// A node or broker of the peer's own, in a process of its own; -1: there is none, or it runs already.
struct Peer {
  std::function<int()> start = [] { return -1; };
  std::function<std::unique_ptr<Publisher>()> publisher;
  std::function<std::unique_ptr<Subscriber>(std::size_t number)> subscriber;
};

Peer vservices(const PubsubOptions& options);
Peer zeromq(const PubsubOptions& options);
Peer nats(const PubsubOptions& options);
Peer mqtt(const PubsubOptions& options);
Peer iceoryx(const PubsubOptions& options);

}  // namespace vs::bench
