// The objects an operator declares (desired), and what is (observed).
//
// Values without behaviour; the wire form (YAML, JSON, SQLite) is made and read only by codec.h.
// Names match ^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$. Times are UTC.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vsmgrd/model/problem.h"

namespace vs {

inline constexpr std::string_view kApiVersion = "vservices/v1";

// Kinds, in the order in which they must exist: a later kind may refer to an earlier one.
enum class Kind : std::uint8_t { domain, service, access_policy, binding };
inline constexpr std::array kKinds{Kind::domain, Kind::service, Kind::access_policy, Kind::binding};

std::string_view name_of(Kind kind);  // "Domain", "Service", "AccessPolicy", "Binding"
std::string_view plural_of(
    Kind kind);  // "domains", "services", "policies", "bindings": the REST path segment
std::optional<Kind> kind_named(std::string_view name);  // from name_of
std::optional<Kind> kind_of_plural(std::string_view plural);

using Labels = std::map<std::string, std::string>;
using WallTime = std::chrono::system_clock::time_point;

struct Metadata {
  std::string name;
  Labels labels;

  // Server-owned from here on: ignored in what clients send.
  std::string uid;                    // UUID, new with each create
  std::int64_t generation = 0;        // +1 with each change of spec or labels
  std::int64_t resource_version = 0;  // the store's change number; the ETag
  WallTime created_at{};
  WallTime updated_at{};
  Sources sources;  // of the document ("") and of everything in its spec ("/spec/...")
};

// A guest. `type` says what it is; only sandbox and container are served by the local transport.
struct DomainSpec {
  std::string type = "sandbox";  // sandbox | container
  std::string description;
  std::uint32_t memory_mib = 128;  // that its sessions may take up in each backend; 1 .. 65536
  friend bool operator==(const DomainSpec&, const DomainSpec&) = default;
};

// How the dns service resolves. Sockets are "ADDRESS:PORT" or "ADDRESS" or "[ADDRESS6]:PORT".
struct DnsParameters {
  std::vector<std::string> nameservers;  // empty: those of the node's /etc/resolv.conf; at most 8
  std::chrono::milliseconds timeout{2000};  // per try; 1 ms .. 60 s
  std::uint32_t tries = 3;                  // 1 .. 10
  friend bool operator==(const DnsParameters&, const DnsParameters&) = default;
};

// What the node offers. One vsbackend process serves all services of one kind.
struct ServiceSpec {
  std::string kind;   // "dns"
  DnsParameters dns;  // spec.parameters, when kind is "dns"
  friend bool operator==(const ServiceSpec&, const ServiceSpec&) = default;
};

// How a binding's guest and backend share memory and wait for each other. Names and meanings are those of
// dataplane/control/terms.h.
struct Buffers {
  std::string wait = "adaptive";        // adaptive | spin | block | timer
  std::uint32_t batch_messages = 16;    // of timer: 1 .. 65536
  std::uint32_t batch_us = 50;          // of timer: 1 .. 1000000
  std::uint32_t request_bytes = 32768;  // of the ring: a power of two, 4096 .. 67108864
  std::uint32_t response_bytes = 262144;
  friend bool operator==(const Buffers&, const Buffers&) = default;
};

// What a binding may ask, and before whom it is served.
struct Sla {
  std::string priority = "normal";  // control | deadline | normal | bulk
  std::uint32_t rate = 0;           // requests a second; 0: no limit; at most 100000000
  std::uint32_t burst = 1;          // requests at once after a rest; at most 1000000000
  friend bool operator==(const Sla&, const Sla&) = default;
};

// Desired: `domain` may use `service` as device `device`, if the access policies allow it.
struct BindingSpec {
  std::string domain;
  std::string service;
  std::string
      device;  // the guest's name for it; default: the service's kind; unique within a domain
  Buffers buffers;
  Sla sla;
  friend bool operator==(const BindingSpec&, const BindingSpec&) = default;
};

enum class Effect : std::uint8_t { allow, deny };

// Matches a (domain, service) pair when every list that is given holds it; an empty list is one
// that was not given, and matches all. (Documents must leave such a list out: an empty one that a
// program wrote by mistake must not allow everybody.)
struct RuleMatch {
  std::vector<std::string> domains;   // names
  Labels domain_labels;               // all of these must be on the domain
  std::vector<std::string> services;  // names
  std::vector<std::string> kinds;     // service kinds
  friend bool operator==(const RuleMatch&, const RuleMatch&) = default;
};

struct Rule {
  std::string id;
  Effect effect = Effect::deny;
  std::string message;  // for the person who asks why
  RuleMatch match;
  friend bool operator==(const Rule&, const Rule&) = default;
};

// Who may use what: default deny, an explicit deny wins over every allow, order does not matter.
struct AccessPolicySpec {
  std::vector<Rule> rules;  // ids unique within the policy; 1 .. 1000 rules
  friend bool operator==(const AccessPolicySpec&, const AccessPolicySpec&) = default;
};

using Spec = std::variant<DomainSpec, ServiceSpec, AccessPolicySpec, BindingSpec>;  // index == Kind

struct Resource {
  Metadata metadata;
  Spec spec;

  [[nodiscard]] Kind kind() const { return static_cast<Kind>(spec.index()); }
};

// Why a binding is, or would be, granted or refused.
struct Decision {
  bool allowed = false;
  std::string policy;  // empty: no rule matched, the default denied
  std::string rule;
  std::string message;           // the rule's, or the default's
  std::optional<Source> source;  // where the rule stands
  friend bool operator==(const Decision&, const Decision&) = default;
};

enum class State : std::uint8_t { pending, ready, bound, denied, failed };
std::string_view name_of(State state);  // "Pending", "Ready", "Bound", "Denied", "Failed"
std::optional<State> state_named(std::string_view name);

// What is, as the reconciler saw it last.
struct Observed {
  Kind kind{};
  std::string name;
  std::int64_t observed_generation = 0;
  State state = State::pending;
  std::string reason;  // CamelCase word for programs: "BackendAcked", "PolicyDenied", "BackendDown"
  std::string message;  // sentence for people
  WallTime since{};     // when `state` or `reason` last changed
  std::string
      socket_directory;  // domains only: the directory to be shown to the guest as /run/vservice
  std::int64_t refused_opens = 0;  // bindings only: opens a backend refused since it started
  friend bool operator==(const Observed&, const Observed&) = default;
};

// One object as readers get it.
struct View {
  Resource resource;
  std::optional<Observed> observed;
  std::optional<Decision> decision;  // bindings only
};

// Everything desired at one resource version; each list sorted by name.
struct Desired {
  std::int64_t resource_version = 0;
  std::map<std::string, Resource> domains;
  std::map<std::string, Resource> services;
  std::map<std::string, Resource> policies;
  std::map<std::string, Resource> bindings;
  std::map<std::string, Decision> decisions;  // by binding name

  [[nodiscard]] const std::map<std::string, Resource>& of(Kind kind) const;
  [[nodiscard]] std::map<std::string, Resource>& of(Kind kind);
};

}  // namespace vs
