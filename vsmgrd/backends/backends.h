// The backends as the control plane sees them: one process per service kind, told what to serve, watched.
//
// Thread-safe. Nothing waits: what was asked shows in status() when it has happened, and on_change says so.
// An interface because it is the edge of the process: tests put a fake in its place.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sample.h"
#include "dataplane/control/messages.h"

namespace vs {

// Everything one kind's backend serves. Equal configurations need not be sent twice.
struct BackendConfig {
  std::vector<control::ServiceConfig> services;
  std::vector<control::BindingConfig> bindings;
  std::vector<control::LoopConfig> loops = {};  // as in control::Configure
  control::Cpus pool = {};
  friend bool operator==(const BackendConfig&, const BackendConfig&) = default;
};

// How often a binding's guest broke the protocol since its backend started, and how it did last.
struct Misdeeds {
  std::uint64_t total = 0;
  std::string last;
  friend bool operator==(const Misdeeds&, const Misdeeds&) = default;
};

// What is known of one kind's backend.
struct BackendStatus {
  bool wanted = false;                            // started and not stopped
  bool up = false;                                // connected: it takes commands
  std::uint64_t number_sent = 0;                  // of the last configuration given
  std::uint64_t number_applied = 0;               // of the last it said it serves; 0 after a restart
  BackendConfig config;                           // the last given
  std::map<std::string, std::string> problems;    // binding -> why it is not served
  std::map<std::string, std::uint64_t> refusals;  // binding -> opens refused, over the backend's restarts
  std::map<std::string, Misdeeds> misdeeds;       // by binding
  std::uint64_t restarts = 0;
  std::uint64_t hangs = 0;                        // of the restarts: ended by us because it said nothing
  std::string last_error;                         // why it is not up
  std::uint64_t located = 0;                      // times it said what follows
  std::map<std::uint32_t, control::LoopFound> loops;  // where its loops may run, by number
  std::map<std::string, control::GuestFound> guests;  // where its domains' processes may run, by domain
};

class Backends {
 public:
  virtual ~Backends() = default;

  // Starts `kind`'s backend, or takes over one that already runs, and keeps it running until stop().
  virtual void start(const std::string& kind) = 0;
  virtual void stop(const std::string& kind) = 0;
  // Gives it `config` as number `number`, now and again whenever it restarts.
  virtual void configure(const std::string& kind, std::uint64_t number, BackendConfig config) = 0;
  // Has every backend that is up say where its loops and guests run, and put right what was moved: shows in status().
  virtual void locate() = 0;
  [[nodiscard]] virtual std::map<std::string, BackendStatus> status() const = 0;

  // The domains' homes: the directories that they see as /run/vservice, with a socket a device.
  using Devices = std::map<std::string, std::set<std::string>>;  // domain -> its devices
  // Makes a home for each domain that is named and removes what belongs to no other: homes of domains that are gone, sockets
  // of devices that are gone (a backend that was dead could not). Returns the homes that exist.
  virtual std::map<std::string, std::string> keep_homes(const Devices& devices) = 0;
};

}  // namespace vs
