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

#include "vsmgrd/model/by_name.h"
#include "vsmgrd/model/problem.h"

namespace vs {

inline constexpr std::string_view kApiVersion = "vservices/v1";

// Kinds, in the order in which they must exist: a later kind may refer to an earlier one.
enum class Kind : std::uint8_t { domain, service, access_policy, sharing_policy, sla, placement, buffers, binding };
inline constexpr std::array kKinds{Kind::domain, Kind::service,   Kind::access_policy, Kind::sharing_policy,
                                   Kind::sla,    Kind::placement, Kind::buffers,       Kind::binding};
std::string_view name_of(Kind kind);    // "Domain", "SharingPolicy", ...
std::string_view plural_of(Kind kind);  // "domains", "sharing-policies", ...: the REST path segment
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

// Which of the node's CPUs serve a binding: those named in `cpus`, or `count` of them chosen as `options` say, or (neither) any.
struct Placement {
  std::string cpus;         // "2-3,6"; checked by parse_cpus() of codec.h
  std::uint32_t count = 0;  // 0: not given
  std::vector<std::string> options;  // fullCores sameLlc sameNumaNode spread sameCoreAsGuest apartFromGuest
  std::string mode = "shared";  // exclusive | shared with other bindings | auto: shared, on the core as measured
  friend bool operator==(const Placement&, const Placement&) = default;
};

// Where the vCPUs of a domU run: on the machine's CPUs, all of them on the same.
struct VcpuPlacement {
  Placement where;                // mode shared or exclusive, no option that names the guest; may be empty
  std::string affinity = "hard";  // hard: nowhere else | soft: rather there than elsewhere
  std::string cpupool;            // that it is moved to; empty: it stays in its own
  friend bool operator==(const VcpuPlacement&, const VcpuPlacement&) = default;
};

// A guest. `type` says what it is: sandboxes and containers come over local sockets, domUs over Xen's grants.
struct DomainSpec {
  std::string type = "sandbox";  // sandbox | container | xen
  std::string description;
  std::string guest;  // type xen: the hypervisor's name or UUID of it; empty: the object's own name
  std::uint32_t memory_mib = 128;  // that its sessions may take up in each backend; 1 .. 65536
  std::optional<VcpuPlacement> vcpus = {};  // type xen
  friend bool operator==(const DomainSpec&, const DomainSpec&) = default;
};

// What the dns service keeps of answers (dataplane/services/dns/cache.h says what each does).
struct DnsCache {
  std::chrono::milliseconds ttl_min{0};
  std::chrono::milliseconds ttl_max{3'600'000};  // 0: nothing is kept; times are at most 7 days
  std::chrono::milliseconds negative_ttl_max{900'000};
  std::chrono::milliseconds failure_ttl{1000};
  std::chrono::milliseconds stale_max{3'600'000};
  std::chrono::milliseconds stale_after{1800};
  std::uint32_t prefetch_hits = 2;
  std::uint32_t guest_entries_max = 4096;  // at most 1,000,000
  std::uint32_t guest_kib_max = 4096;      // at most 1 GiB
  std::uint32_t kib_max = 65'536;          // at most 64 GiB
  friend bool operator==(const DnsCache&, const DnsCache&) = default;
};

// How the dns service resolves. Sockets are "ADDRESS:PORT" or "ADDRESS" or "[ADDRESS6]:PORT".
struct DnsParameters {
  std::vector<std::string> nameservers;  // empty: those of the node's /etc/resolv.conf; at most 8
  std::chrono::milliseconds timeout{2000};  // per try; 1 ms .. 60 s
  std::uint32_t tries = 3;                  // 1 .. 10
  DnsCache cache;
  friend bool operator==(const DnsParameters&, const DnsParameters&) = default;
};

// A channel that a service declares; texts as dataplane/filter/event_schema.h and chain.h have them.
struct DeclaredChannel {
  std::string name;  // without a source: or a pattern, of all its channels that have no declaration of their own
  std::uint32_t event_bytes_max = 0;    // 0: the service's own limit
  std::chrono::milliseconds expires{};  // 0: never
  bool retained = true;
  std::string content_type;
  std::string schema;
  std::string source;  // of a derived channel: a channel or a pattern
  std::string filter;
  std::string operators;
  friend bool operator==(const DeclaredChannel&, const DeclaredChannel&) = default;
};

// How channels reach other nodes. Where the engine's servers are stands in the node's own configuration.
struct PubsubParameters {
  std::string engine;                     // as the node calls it; empty: there are no other nodes
  std::string prefix;                     // of what channels are called on it; empty: "vs." and the service's name
  std::vector<std::string> shared;        // patterns of channels that are for other nodes, too; empty: all
  std::vector<std::string> at_least_once;  // patterns of those that are kept until every reader has them
  std::vector<DeclaredChannel> channels;
  friend bool operator==(const PubsubParameters&, const PubsubParameters&) = default;
};

// What the node offers. One vsbackend process serves all services of one kind.
struct ServiceSpec {
  std::string kind;   // dns | pubsub
  DnsParameters dns;  // spec.parameters, when kind is "dns"
  PubsubParameters pubsub = {};  // the same, when it is "pubsub"
  std::chrono::microseconds request_cost{};  // of a loop's time that a request takes, for admission; 0: the kind's (admission.h)
  friend bool operator==(const ServiceSpec&, const ServiceSpec&) = default;
};

// How a binding's guest and backend share memory and wait for each other. Names and meanings are those of
// dataplane/control/terms.h.
struct Buffers {
  std::string tune;  // spec.auto: latency | throughput; empty: what stands below counts. Else nothing below is given
  std::string wait = "adaptive";        // adaptive | spin | block | timer
  std::uint32_t batch_messages = 16;    // of timer: 1 .. 65536
  std::uint32_t batch_us = 50;          // of timer: 1 .. 1000000
  std::uint32_t request_bytes = 32768;  // of the ring: a power of two, 4096 .. 67108864
  std::uint32_t response_bytes = 262144;
  friend bool operator==(const Buffers&, const Buffers&) = default;
};

// What was promised, and is measured. What is 0 was not promised. Ratios are parts per million.
struct Objectives {
  std::chrono::microseconds latency_p50{};
  std::chrono::microseconds latency_p99{};
  std::chrono::microseconds latency_p999{};
  std::uint32_t rate = 0;  // requests a second that are served at the latencies above
  std::optional<std::uint32_t> loss_ppm;  // of requests, at most; 0: none may be lost
  std::chrono::milliseconds freshness{};  // what is delivered is at most so old
  std::uint32_t availability_ppm = 0;     // of the window, at least
  std::chrono::milliseconds window{std::chrono::hours{1}};  // over which all of these are judged
  friend bool operator==(const Objectives&, const Objectives&) = default;
};

// Requests of a binding that are of a class of their own.
struct ContentClass {
  std::string name;
  std::string when;      // expression over the request's content; kept as text
  std::string priority;  // of these requests
  std::optional<Objectives> objectives;  // of these requests; none: the Sla's own
  friend bool operator==(const ContentClass&, const ContentClass&) = default;
};

// What a binding may ask, before whom it is served, and what was promised.
struct Sla {
  std::string priority = "normal";  // control | deadline | normal | bulk
  std::uint32_t rate = 0;           // requests a second; 0: no limit; at most 100000000
  std::uint32_t burst = 1;          // requests at once after a rest; at most 1000000000
  std::string guarantee = "burstable";  // spec.class: guaranteed | burstable | bestEffort
  std::optional<Objectives> objectives;
  std::vector<ContentClass> content_classes;  // names unique; the first whose `when` holds
  friend bool operator==(const Sla&, const Sla&) = default;
};

// Desired: `domain` may use `service` as device `device`, if the access policies allow it. Of each pair of a name and a value,
// the value is what counts when the name is empty.
struct BindingSpec {
  std::string domain;
  std::string service;
  std::string device;  // the guest's name for it; default: the service's kind; unique within a domain
  Buffers buffers;
  Sla sla;
  Placement placement;
  std::string buffers_name;  // of an object of kind Buffers
  std::string sla_name;
  std::string placement_name;
  friend bool operator==(const BindingSpec&, const BindingSpec&) = default;
};

enum class Effect : std::uint8_t { allow, deny };
std::string_view name_of(Effect effect);  // "allow", "deny"

// Whether a rule is in force or on trial. A rule on trial lets through what would be denied: a deny does not deny then, and an
// allow grants only what no rule in force allows. warn: with a Warning; audit: only recorded.
enum class Mode : std::uint8_t { enforce, warn, audit };
std::string_view name_of(Mode mode);  // "enforce", "warn", "audit"
std::optional<Mode> mode_named(std::string_view name);

// Matches a (domain, service) pair on a node when every list that is given holds it; an empty list is one that was not given, and
// matches all. (Documents must leave such a list out: an empty one that a program wrote by mistake must not allow everybody.)
struct RuleMatch {
  std::vector<std::string> domains;   // names
  Labels domain_labels;               // all of these must be on the domain
  std::vector<std::string> services;  // names
  std::vector<std::string> kinds;     // service kinds
  std::vector<std::string> domain_types;  // sandbox | container
  std::vector<std::string> nodes;         // names
  Labels node_labels;                     // all of these must be on the node
  friend bool operator==(const RuleMatch&, const RuleMatch&) = default;
};

struct Rule {
  std::string id;
  Effect effect = Effect::deny;
  std::string message;  // for the person who asks why
  RuleMatch match;
  Mode mode = Mode::enforce;
  friend bool operator==(const Rule&, const Rule&) = default;
};

// What domains may do with the channels of a service of kind pubsub: rights within a binding that the rules above allow. A deny
// wins over every allow; where any rule allows a domain something, what none allows is denied; where none does, everything is
// allowed but what is denied.
struct ChannelRule {
  std::string id;
  Effect effect = Effect::deny;
  std::string message;
  RuleMatch match;
  std::vector<std::string> channels;  // names or patterns (base/channel_name.h)
  std::vector<std::string> verbs;     // create | publish | subscribe; empty: not given, all of them
  // Of an allow, for each domain; 0: no limit. Events a second, events at once after a rest, bytes of
  // an event; what all filters of its subscriptions to these channels may cost, in ns an event.
  std::uint32_t rate = 0;
  std::uint32_t burst = 1;
  std::uint32_t event_bytes_max = 0;
  // Of an allow to subscribe: how far the memory of events is shared, if all who share it may subscribe to the channel: private
  // (copies) | group (large events) | equal (all events).
  std::string sharing = "private";
  std::uint32_t filter_cost_max = 0;
  friend bool operator==(const ChannelRule&, const ChannelRule&) = default;
};

// Who may use what: default deny, an explicit deny wins over every allow, order does not matter.
struct AccessPolicySpec {
  std::vector<Rule> rules;  // ids unique within the policy; 1 .. 1000 rules
  std::vector<ChannelRule> channel_rules;  // ids unique, too; at most 1000
  friend bool operator==(const AccessPolicySpec&, const AccessPolicySpec&) = default;
};

// How far what one domain asked may show to others. Decided for a binding together with its access; none that matches: private.
struct SharingPolicySpec {
  RuleMatch match;
  std::string mode = "private";  // private | group | delayed | open
  std::string group;             // of mode group: its members share with each other
  std::string owner_label;       // of mode group: the domains' label that must be the same for all members; empty: any may share
  std::vector<std::string> names;  // of mode open: only these; "*.example.org" covers what is below
  bool travels = true;             // what is kept for a guest alone goes along to another node
  friend bool operator==(const SharingPolicySpec&, const SharingPolicySpec&) = default;
};

// In the order of Kind.
using Spec = std::variant<DomainSpec, ServiceSpec, AccessPolicySpec, SharingPolicySpec, Sla, Placement, Buffers, BindingSpec>;

struct Resource {
  Metadata metadata;
  Spec spec;
  [[nodiscard]] Kind kind() const { return static_cast<Kind>(spec.index()); }
};

// What the sharing policies say about a binding.
struct Sharing {
  std::string mode = "private";  // as SharingPolicySpec
  std::string policy;            // empty: none matched
  std::string group;
  std::vector<std::string> names;
  bool travels = true;
  friend bool operator==(const Sharing&, const Sharing&) = default;
};

// A rule on trial that, in force, would have denied what was let through.
struct TrialDenial {
  std::string policy;
  std::string rule;
  std::string message;
  std::optional<Source> source;
  friend bool operator==(const TrialDenial&, const TrialDenial&) = default;
};

// A channel rule that is about a binding.
struct ChannelRight {
  std::string policy;
  ChannelRule rule;  // without its match
  std::optional<Source> source;
  friend bool operator==(const ChannelRight&, const ChannelRight&) = default;
};

// Why a binding is, or would be, granted or refused.
struct Decision {
  bool allowed = false;
  std::string policy;  // empty: no rule matched, the default denied
  std::string rule;
  std::string message;           // the rule's, or the default's
  std::optional<Source> source;  // where the rule stands
  Sharing sharing;
  std::int64_t id = 0;  // of its record in the DecisionLog; 0: never stored. Made by the store.
  // warn or audit: let through by a rule on trial, and would be denied without it. That rule is
  // `trial`, a deny; or, without one, the allow that is named above.
  Mode mode = Mode::enforce;
  std::optional<TrialDenial> trial;
  std::vector<ChannelRight> channels;  // of services of kind pubsub, by policy and rule
  friend bool operator==(const Decision&, const Decision&) = default;
};

enum class State : std::uint8_t { pending, ready, bound, denied, failed };
std::string_view name_of(State state);  // "Pending", "Ready", "Bound", "Denied", "Failed"
std::optional<State> state_named(std::string_view name);

// One thing that is so, or is not, of an object.
struct StatusCondition {
  enum class Status : std::uint8_t { no, yes, unknown };
  std::string type;  // "Allowed", "Applied", "Ready"
  Status status = Status::unknown;
  std::string reason;   // CamelCase word for programs: "BackendAcked", "Unsupported"
  std::string message;  // sentence for people; of Unsupported: the fields, by their pointers
  WallTime since{};     // when status or reason last changed
  friend bool operator==(const StatusCondition&, const StatusCondition&) = default;
};
std::string_view name_of(StatusCondition::Status status);  // "False", "True", "Unknown"
std::optional<StatusCondition::Status> condition_status_named(std::string_view name);

// Where a binding is served; of a domU: where its virtual cores may run. CPUs are text, as in Placement.
struct PlacementStatus {
  std::string cpus;        // that it was given; empty: the shared pool
  std::string actual_cpus; // where what serves it may run, as it was found last; empty: not known yet
  std::uint32_t loop = 0;  // of its backend
  bool fits = true;        // what was asked for; false: it got something instead
  std::string reason;      // why not, CamelCase: "Offline"
  std::string message;
  friend bool operator==(const PlacementStatus&, const PlacementStatus&) = default;
};

// What is, as the reconciler saw it last.
struct Observed {
  Kind kind{};
  std::string name;
  std::int64_t observed_generation = 0;
  State state = State::pending;
  std::string reason;  // CamelCase word for programs: "BackendAcked", "PolicyDenied", "BackendDown"
  std::string message;  // sentence for people
  WallTime since{};     // when `state` or `reason` last changed
  std::string socket_directory;  // domains only: the directory to be shown to the guest as /run/vservice
  std::int64_t refused_opens = 0;  // bindings only: opens a backend refused since it started
  std::vector<StatusCondition> conditions;
  std::optional<PlacementStatus> placement = {};  // of what is placed
  friend bool operator==(const Observed&, const Observed&) = default;
};

// One object as readers get it.
struct View {
  Resource resource;
  std::optional<Observed> observed;
  std::optional<Decision> decision;  // bindings only
};

using Resources = ByName<Resource>;

// Everything desired at one resource version; each list sorted by name. A copy costs little and shares what is equal: see ByName.
struct Desired {
  std::int64_t resource_version = 0;
  std::int64_t policy_generation = 0;  // +1 with each change of an access or sharing policy
  Resources domains;
  Resources services;
  Resources policies;
  Resources sharing_policies;
  Resources slas;
  Resources placements;
  Resources buffers;
  Resources bindings;
  ByName<Decision> decisions;    // by binding name
  ByName<std::string> devices;   // "DOMAIN/DEVICE" -> binding; kept by the store alone

  [[nodiscard]] const Resources& of(Kind kind) const;
  [[nodiscard]] Resources& of(Kind kind);
};

// Bindings that are to be decided anew: all, or those named.
struct Affected {
  bool all = false;
  std::vector<std::string> bindings;
};

// What counts of a binding: written in place, or of the object that it names. That object exists in a desired state that was
// stored; without it, the defaults.
const Buffers& buffers_of(const BindingSpec& binding, const Desired& desired);
const Sla& sla_of(const BindingSpec& binding, const Desired& desired);
const Placement& placement_of(const BindingSpec& binding, const Desired& desired);

}  // namespace vs
