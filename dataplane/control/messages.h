// What vsmgrd tells a backend, and what a backend tells vsmgrd.
//
// Values; JSON on the wire, one message a frame (channel.h). The backend believes vsmgrd, which owns the socket's directory;
// vsmgrd checks what a backend says, for a backend parses what guests write. Pure functions, thread-safe.
// Errors: invalid, naming the field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "base/sample.h"
#include "dataplane/control/handoff.h"
#include "dataplane/control/terms.h"

namespace vs::control {

inline constexpr std::uint32_t kProtocolVersion = 5;
inline constexpr std::size_t kSamplesMax = 100'000;           // of one report; some 2,000 bindings that are in use
inline constexpr std::size_t kSamplesPerMessageMax = 10'000;  // a few MiB
inline constexpr std::uint32_t kCpusMax = 4096;  // numbers are below
inline constexpr std::uint32_t kLoopsMax = 256;  // the same

struct ServiceConfig {
  std::string name;
  nlohmann::json parameters;  // of the kind; judged by the service itself
  friend bool operator==(const ServiceConfig&, const ServiceConfig&) = default;
};

// One device of one domain. Those that policy refused are here too: the backend answers their opens with `denied` and
// reports them.
struct BindingConfig {
  std::string name;
  std::string domain;
  std::string device;
  std::string service;
  bool granted = false;
  Terms terms;
  std::optional<std::uint32_t> domid;  // of a domU as it is now; none: the domain comes over local sockets
  nlohmann::json rights = {};  // within the service, of its kind; judged by the service itself. Null: all of it
  std::optional<std::uint32_t> loop = {};  // that serves the domain, and is among Configure::loops; none: any that is not
  nlohmann::json sharing = {};  // how far what it asks may show to others, judged likewise. Null: not at all
  // Which owner of the binding commands this, over all nodes it was ever on: a backend serves none but of the highest it was told of.
  // 0: it never moved, and is not fenced.
  std::uint64_t epoch = 0;
  std::string uid = {};  // of the binding, whose epoch it is: another one of the same name begins anew. Empty: its name says which
  friend bool operator==(const BindingConfig&, const BindingConfig&) = default;
};

using Cpus = std::vector<std::uint32_t>;  // ascending

// A loop that runs on these CPUs and on no others.
struct LoopConfig {
  std::uint32_t number = 0;
  Cpus cpus;
  bool with_guests = false;  // its guests run there, too: looking for work would only keep them from bringing it
  friend bool operator==(const LoopConfig&, const LoopConfig&) = default;
};

// Everything a backend serves from now on; swapped in whole, what is not in it ends.
struct Configure {
  std::uint64_t number = 0;  // grows with each change; echoed in Applied
  std::vector<ServiceConfig> services;
  std::vector<BindingConfig> bindings;
  std::vector<LoopConfig> loops = {};  // those that are placed
  Cpus pool = {};                      // of all others; empty: those it was started with
  friend bool operator==(const Configure&, const Configure&) = default;
};

// Serve nobody any more and end. Frontends reconnect to whoever comes next.
struct Stop {
  friend bool operator==(const Stop&, const Stop&) = default;
};

// Give a sign of life: answered by Pong.
struct Ping {
  std::uint64_t number = 0;
  friend bool operator==(const Ping&, const Ping&) = default;
};

// Tell the counters as of now: answered by Refused where due, then Stats.
struct Report {
  std::uint64_t number = 0;
  friend bool operator==(const Report&, const Report&) = default;
};

// Tell all about one binding as of now: answered by Described.
struct Describe {
  std::uint64_t number = 0;
  std::string binding;
  friend bool operator==(const Describe&, const Describe&) = default;
};

// Say where the loops run, and put right what somebody else has moved: answered by Located.
struct Locate {
  std::uint64_t number = 0;
  friend bool operator==(const Locate&, const Locate&) = default;
};

// Forget what a service keeps for its guests: answered by Flushed. An empty domain stands for all, and what they share; an empty name for
// all names.
struct Flush {
  std::uint64_t number = 0;
  std::string service;
  std::string domain;
  std::string name;
  friend bool operator==(const Flush&, const Flush&) = default;
};

using Command = std::variant<Configure, Stop, Ping, Report, Describe, Locate, Flush, Freeze, Thaw, Stage>;

// First on every connection.
struct Hello {
  std::uint32_t protocol_version = kProtocolVersion;
  std::string kind;
  std::string version;
  std::uint64_t config_number = 0;  // what it serves now; 0: nothing yet
  friend bool operator==(const Hello&, const Hello&) = default;
};

struct BindingProblem {
  std::string binding;
  std::string message;
  friend bool operator==(const BindingProblem&, const BindingProblem&) = default;
};

// The configuration `number` is served, but for the bindings listed.
struct Applied {
  std::uint64_t number = 0;
  std::vector<BindingProblem> problems;
  friend bool operator==(const Applied&, const Applied&) = default;
};

// What a guest did that it may not: opens of a device that it was not granted, and breaks of the protocol (`misdeed` is the last of
// them, in words). Both counted since the backend started.
struct Refused {
  std::string binding;
  std::string domain;
  std::string device;
  std::uint64_t total = 0;
  std::uint64_t misdeeds = 0;
  std::string misdeed = {};
  friend bool operator==(const Refused&, const Refused&) = default;
};

struct Pong {
  std::uint64_t number = 0;  // of the Ping
  friend bool operator==(const Pong&, const Pong&) = default;
};

// Counters and gauges of the backend, in as many messages as they take: `more` says that this one is not the last.
struct Stats {
  std::uint64_t number = 0;  // of the Report
  std::vector<Sample> samples;
  bool more = false;
};

// What a binding does now, for people: `live` is shown as it is (schemas/openapi.yaml, BindingLive). Null when the backend does
// not know the binding.
struct Described {
  std::uint64_t number = 0;  // of the Describe
  nlohmann::json live;
  friend bool operator==(const Described&, const Described&) = default;
};

// Where loops may run: as it was found, and as it is now. They differ where something was put right.
struct LoopFound {
  std::uint32_t number = 0;
  Cpus found;
  Cpus now;
  std::uint64_t cpu_ns = 0;  // that its thread has used since it began
  friend bool operator==(const LoopFound&, const LoopFound&) = default;
};
// Where the processes of a domain's sessions may run, by the kernel; domains that show no process are not among them. And what its
// bindings were answered since they are bound, and how long that took, seen in the ring to answered.
struct GuestFound {
  std::string domain;
  Cpus cpus;
  std::uint64_t requests = 0;
  std::uint64_t latency_ns = 0;  // of all of them
  friend bool operator==(const GuestFound&, const GuestFound&) = default;
};
struct Located {
  std::uint64_t number = 0;  // of the Locate
  std::vector<LoopFound> loops;
  std::vector<GuestFound> guests;
  friend bool operator==(const Located&, const Located&) = default;
};

struct Flushed {
  std::uint64_t number = 0;  // of the Flush
  std::uint64_t entries = 0;
  friend bool operator==(const Flushed&, const Flushed&) = default;
};

using Event = std::variant<Hello, Applied, Refused, Pong, Stats, Described, Located, Flushed, Frozen, Thawed, Staged, Unsupported>;

std::string encode(const Command& command);
std::string encode(const Event& event);
Result<Command> decode_command(std::string_view text);
Result<Event> decode_event(std::string_view text);

}  // namespace vs::control
