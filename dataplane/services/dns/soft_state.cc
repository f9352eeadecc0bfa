#include "dataplane/services/dns/soft_state.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace vs::dns {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::array<std::pair<RecordType, const char*>, 3> kTypes{
    {{RecordType::a, "a"}, {RecordType::aaaa, "aaaa"}, {RecordType::ptr, "ptr"}}};
constexpr std::array<std::pair<vs_dns_result, const char*>, 3> kResults{  // TRY_AGAIN is not worth a journey
    {{VS_DNS_FOUND, "found"}, {VS_DNS_NO_NAME, "noName"}, {VS_DNS_NO_DATA, "noData"}}};

template <class Value, std::size_t count>
const char* name_of(const std::array<std::pair<Value, const char*>, count>& names, Value value) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& one) { return one.first == value; });
  return found == names.end() ? nullptr : found->second;
}

template <class Value, std::size_t count>
Value named(const std::array<std::pair<Value, const char*>, count>& names, const std::string& name) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& one) { return name == one.second; });
  if (found == names.end()) throw std::invalid_argument("unknown: " + name);
  return found->first;
}

std::uint64_t milliseconds_of(std::chrono::nanoseconds duration) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(duration).count());
}

std::string text_of(const Address& address) {
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(address.inet6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
  return text;
}

// Of the type's family.
Address address_from(const std::string& text, RecordType type) {
  Address address{.inet6 = type == RecordType::aaaa};
  if (type == RecordType::ptr || ::inet_pton(address.inet6 ? AF_INET6 : AF_INET, text.c_str(), address.bytes.data()) != 1)
    throw std::invalid_argument("no address: " + text);
  return address;
}

std::string host_from(const json& from) {
  auto name = from.get<std::string>();
  if (!judge_name(name)) throw std::invalid_argument("no name");
  return name;
}

json list_from(const json& from, const char* name, std::size_t max) {
  json list = from.value(name, json::array());
  if (!list.is_array() || list.size() > max) throw std::invalid_argument("no list, or too long");
  return list;
}

bool may_travel(const Cache::Kept& kept) {
  const auto is_host = [](const std::string& name) { return static_cast<bool>(judge_name(name)); };
  return is_host(kept.key.name) && (kept.answer.canonical_name.empty() || is_host(kept.answer.canonical_name)) &&
         std::all_of(kept.answer.names.begin(), kept.answer.names.end(), is_host) && name_of(kTypes, kept.key.type) != nullptr &&
         name_of(kResults, kept.answer.result) != nullptr && kept.left.count() > 0;
}

json encode_entry(const Cache::Kept& kept) {
  json entry{{"name", kept.key.name},
             {"type", name_of(kTypes, kept.key.type)},
             {"result", name_of(kResults, kept.answer.result)},
             {"leftMs", milliseconds_of(kept.left)}};
  if (!kept.answer.canonical_name.empty()) entry["canonical"] = kept.answer.canonical_name;
  for (const Address& address : kept.answer.addresses) entry["addresses"].push_back(text_of(address));
  for (const std::string& name : kept.answer.names) entry["names"].push_back(name);
  return entry;
}

Cache::Kept decode_entry(const json& from, milliseconds age) {
  Cache::Kept kept{.key = make_key(host_from(from.at("name")), named(kTypes, from.at("type").get<std::string>()))};
  kept.answer.result = named(kResults, from.at("result").get<std::string>());
  const json& left = from.at("leftMs");
  // Answers are kept for 2^31 s at most (RFC 2181 8).
  if (!left.is_number_unsigned() || left.get<std::uint64_t>() > (std::uint64_t{1} << 31) * 1000) throw std::invalid_argument("leftMs");
  kept.left = milliseconds(left.get<std::int64_t>()) - age;
  if (kept.left.count() <= 0) throw std::invalid_argument("outdated");
  if (from.contains("canonical")) kept.answer.canonical_name = host_from(from.at("canonical"));
  const json addresses = list_from(from, "addresses", VS_DNS_ADDRESSES_MAX), names = list_from(from, "names", VS_DNS_NAMES_MAX);
  for (const json& address : addresses) kept.answer.addresses.push_back(address_from(address.get<std::string>(), kept.key.type));
  for (const json& name : names) kept.answer.names.push_back(host_from(name));
  const bool found = !kept.answer.addresses.empty() || !kept.answer.names.empty();
  if (found != (kept.answer.result == VS_DNS_FOUND)) throw std::invalid_argument("a result that its answer is not");
  if (!kept.answer.names.empty() && kept.key.type != RecordType::ptr) throw std::invalid_argument("names of a name");
  return kept;
}

}  // namespace

json encode_state(const std::vector<Cache::Kept>& kept, WallTime as_of, std::size_t bytes_max) {
  json state{{"asOfMs", milliseconds_of(as_of.time_since_epoch())}, {"entries", json::array()}};
  std::size_t bytes = state.dump().size();
  for (const Cache::Kept& one : kept) {
    if (!may_travel(one)) continue;
    json entry = encode_entry(one);
    bytes += entry.dump().size() + 1;
    if (bytes > bytes_max || state["entries"].size() == kStateEntriesMax) break;
    state["entries"].push_back(std::move(entry));
  }
  return state["entries"].empty() ? json::object() : state;
}

DecodedState decode_state(const json& state, WallTime now) {
  DecodedState decoded;
  if (state.is_object() && state.empty()) return decoded;
  const json& as_of = state.is_object() && state.contains("asOfMs") ? state["asOfMs"] : state;
  const json& entries = state.is_object() && state.contains("entries") ? state["entries"] : state;
  if (!as_of.is_number_unsigned() || !entries.is_array() || entries.size() > kStateEntriesMax) {
    ++decoded.refused;
    return decoded;
  }
  // A node whose clock is ahead of ours does not make them younger than they are.
  const std::uint64_t now_ms = milliseconds_of(now.time_since_epoch());
  const std::uint64_t then_ms = as_of.get<std::uint64_t>();
  const milliseconds age(then_ms < now_ms ? static_cast<std::int64_t>(now_ms - then_ms) : 0);
  for (const json& entry : entries) try {
      decoded.kept.push_back(decode_entry(entry, age));
    } catch (const std::exception&) {
      ++decoded.refused;
    }
  return decoded;
}

}  // namespace vs::dns
