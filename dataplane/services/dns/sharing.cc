#include "dataplane/services/dns/sharing.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace vs::dns {
namespace {

bool covers(std::string_view pattern, std::string_view name) {
  if (!pattern.starts_with("*.")) return pattern == name;
  pattern.remove_prefix(1);
  return name.size() > pattern.size() && name.ends_with(pattern);
}

Result<SharingMode> mode_named(const std::string& name) {
  if (name == "private") return SharingMode::private_;
  if (name == "group") return SharingMode::group;
  if (name == "delayed") return SharingMode::delayed;
  if (name == "open") return SharingMode::open;
  return fail(ErrorCode::invalid, "sharing: unknown mode " + name);
}

}  // namespace

std::string Sharing::partition_of(std::string_view name) const {
  switch (mode) {
    case SharingMode::private_: return {};
    case SharingMode::group: return "group/" + group;
    case SharingMode::delayed: return "delayed";
    case SharingMode::open: break;
  }
  const bool listed = names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& one) { return covers(one, name); });
  return listed ? "open" : std::string();
}

std::set<std::string> Sharing::partitions() const {
  if (mode == SharingMode::private_) return {};
  return {mode == SharingMode::open ? std::string("open") : partition_of({})};
}

Result<Sharing> parse_sharing(const nlohmann::json& from) try {
  Sharing sharing;
  if (from.is_null()) return sharing;
  auto mode = mode_named(from.at("mode").get<std::string>());
  if (!mode) return fail(std::move(mode.error()));
  sharing.mode = *mode;
  sharing.group = from.value("group", std::string());
  sharing.travels = from.value("travels", true);
  sharing.names = from.value("names", std::vector<std::string>());
  if (sharing.mode == SharingMode::group && sharing.group.empty()) return fail(ErrorCode::invalid, "sharing: a group without a name");
  return sharing;
} catch (const nlohmann::json::exception& problem) {
  return fail(ErrorCode::invalid, std::string("sharing: ") + problem.what());
}

}  // namespace vs::dns
