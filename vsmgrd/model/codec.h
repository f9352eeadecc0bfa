// The wire form of resources: JSON documents in, checked resources out, and back.
//
// YAML reaches this as JSON too (policy/loader), so a file and a REST body meet the same checks.
//
//   apiVersion: vservices/v1
//   kind:       Domain | Service | AccessPolicy | SharingPolicy | Sla | Placement | Buffers |
//               Binding
//   metadata:   {name, labels, and made by the server: uid, generation, resourceVersion,
//               createdAt, updatedAt, sources}
//   spec:       Domain        {type, description, memoryMiB}
//               Service       {kind, parameters: {nameservers, timeout, tries, cache}}
//               AccessPolicy  {rules: [{id, effect, mode, message, match: {domains,
//                             domainLabels, domainTypes, services, kinds, nodes, nodeLabels}}]}
//               SharingPolicy {match, mode, group, names}
//               Sla           {priority, rate, burst, class, objectives: {latencyP50, latencyP99,
//                             latencyP999, rate, loss, freshness, availability, window},
//                             contentClasses: [{name, when, priority, objectives}]}
//               Placement     {cpus | count, options, mode}
//               Buffers       {wait, batchMessages, batchMicroseconds, requestBytes,
//                             responseBytes}
//               Binding       {domain, service, device, and buffers, sla, placement: each the
//                             spec of such an object, or the name of one}
//   status:     made by the server: {observedGeneration, state, reason, message, since,
//               conditions: [{type, status, reason, message, since}], socketDirectory,
//               refusedOpens, decision, sharing}
//
// Durations are text ("2s"), ratios text ("99.95%"), times RFC 3339 in UTC with milliseconds,
// versions and generations numbers.
//
// Pure functions, thread-safe. Errors: every problem of the document at once, each with its
// pointer; never only the first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "vsmgrd/model/resource.h"

namespace vs {

inline constexpr std::size_t kNameBytesMax = 63;  // also of a label's key
inline constexpr std::size_t kLabelsMax = 64;
inline constexpr std::size_t kTextBytesMax = 1024;   // descriptions, messages, label values
inline constexpr std::size_t kRulesMax = 1000;       // per policy
inline constexpr std::size_t kMatchNamesMax = 1000;  // per list of a rule
inline constexpr std::size_t kNameserversMax = 8;
inline constexpr std::chrono::milliseconds kDnsTtlMax{std::chrono::hours(7 * 24)};  // RFC 8767 4
inline constexpr std::chrono::milliseconds kDnsFailureTtlMax{std::chrono::minutes(5)};  // RFC 2308 7.1
inline constexpr std::uint32_t kDnsEntriesMax = 1'000'000;
inline constexpr std::uint32_t kDnsGuestKibMax = 1 << 20;
inline constexpr std::uint32_t kDnsKibMax = 64 << 20;
inline constexpr std::uint32_t kDnsTriesMax = 10;
inline constexpr std::chrono::milliseconds kDnsTimeoutMax{60'000};
inline constexpr std::uint32_t kMemoryMibMax = 65'536;
inline constexpr std::uint32_t kRingBytesMin = 4096;
inline constexpr std::uint32_t kRingBytesMax = 67'108'864;
inline constexpr std::uint32_t kBatchMessagesMax = 65'536;
inline constexpr std::uint32_t kBatchUsMax = 1'000'000;
inline constexpr std::uint32_t kRateMax = 100'000'000;
inline constexpr std::uint32_t kBurstMax = 1'000'000'000;
inline constexpr std::chrono::microseconds kLatencyMax{std::chrono::seconds{60}};
inline constexpr std::chrono::milliseconds kFreshnessMax{std::chrono::hours{24}};
inline constexpr std::chrono::milliseconds kWindowMax{std::chrono::hours{24 * 31}};
inline constexpr std::size_t kContentClassesMax = 16;
inline constexpr std::chrono::microseconds kRequestCostMax{std::chrono::seconds{1}};
inline constexpr std::uint32_t kCpusMax = 4096;
inline constexpr std::size_t kCpupoolBytesMax = 64;  // of a cpupool's name

// Reads one document {apiVersion, kind, metadata{name, labels}, spec}. Unknown keys, wrong types
// and values out of range are problems; server-owned metadata and `status` are accepted and
// ignored, so that `get -o yaml` can be applied again.
Checked<Resource> decode(const nlohmann::json& document);
// The same for who reads many documents: appends every problem, without limit, and yields nothing
// when there was one.
std::optional<Resource> decode(const nlohmann::json& document, std::vector<Problem>& problems);

// The document as REST and `vsctl get -o json` show it; `status` when observed or decided. Of the
// sources it shows those of the document and of each rule.
nlohmann::json encode(const View& view);
nlohmann::json encode_spec(const Resource& resource);  // spec alone, defaults filled in
nlohmann::json encode(const Decision& decision);
nlohmann::json encode(const StatusCondition& condition);
// A decision with all that is in it but its number, as it is stored, and back.
nlohmann::json encode_stored(const Decision& decision);
Result<Decision> decode_stored_decision(const nlohmann::json& stored);
Result<StatusCondition> decode_stored_condition(const nlohmann::json& stored);
nlohmann::json encode(const PlacementStatus& placement);
Result<PlacementStatus> decode_stored_placement(const nlohmann::json& stored);
nlohmann::json encode(const Sharing& sharing);
nlohmann::json encode(const Problem& problem);
nlohmann::json encode(const Source& source);

// Durations are written "250ms", "2s", "1m", "1h"; one number, one unit.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);
// The same down to "50us".
Result<std::chrono::microseconds> parse_fine_duration(std::string_view text);
std::string format_fine_duration(std::chrono::microseconds duration);
// "99.95%", with at most four decimals, as parts per million.
Result<std::uint32_t> parse_percent(std::string_view text);
std::string format_percent(std::uint32_t ppm);
// "2-3,6": CPU numbers below kCpusMax, none twice, nothing between them. Sorted. The error says at
// which position.
Result<std::vector<std::uint32_t>> parse_cpus(std::string_view text);
std::string format_time(WallTime time);  // RFC 3339, UTC, ms
Result<WallTime> parse_time(std::string_view text);

Result<> check_name(std::string_view name);
bool is_label_key(std::string_view key);  // letters, digits and - _ . /, at most kNameBytesMax
Result<> check_nameserver(std::string_view text);  // "ADDRESS", "ADDRESS:PORT", "[ADDRESS6]:PORT"

// `text` in double quotes for a message: control characters escaped, cut when it is long.
std::string in_quotes(std::string_view text);

struct Reference {
  Kind kind;
  std::string name;
  std::string pointer;  // where in the referring document
};
// The objects `resource` cannot be without (a binding's domain, service, and what it names). Rules of a policy may
// name what does not exist yet.
std::vector<Reference> references(const Resource& resource);

inline constexpr std::size_t kCandidatesMax =
    10'000;  // of did_you_mean(); beyond, it gives no hint

// The best of `candidates` within edit distance 2 of `word`, as `did you mean "x"?`; empty when
// there is none. A word of one or two letters is not guessed at all: everything short is near it.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace vs
