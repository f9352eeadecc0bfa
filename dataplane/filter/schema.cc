#include "dataplane/filter/schema.h"

#include <algorithm>

namespace vs::filter {
namespace {

bool begins_name(std::string_view name, std::string_view prefix) {
  return name.size() > prefix.size() + 1 && name.starts_with(prefix) && name[prefix.size()] == '.';
}

}  // namespace

Result<Slot> Schema::declare(std::string_view name, Type type) {
  if (slots_.contains(name)) return fail(ErrorCode::invalid, std::string(name) + ": declared twice");
  return add(name, type);
}

Result<Slot> Schema::use(std::string_view name) {
  if (const auto known = find(name)) return *known;
  const bool free = std::any_of(open_.begin(), open_.end(), [&](const auto& prefix) { return begins_name(name, prefix); });
  if (!free) return fail(ErrorCode::not_found, std::string(name) + ": no such name");
  return add(name, Type::dynamic);
}

bool Schema::is_prefix(std::string_view name) const {
  return std::find(open_.begin(), open_.end(), name) != open_.end() ||
         std::any_of(names_.begin(), names_.end(), [&](const auto& known) { return begins_name(known, name); });
}

std::optional<Slot> Schema::find(std::string_view name) const {
  const auto found = slots_.find(name);
  return found == slots_.end() ? std::nullopt : std::optional(found->second);
}

Result<Slot> Schema::add(std::string_view name, Type type) {
  if (name.empty() || name.size() > kNameBytesMax)
    return fail(ErrorCode::invalid, "a name has 1 to " + std::to_string(kNameBytesMax) + " bytes");
  if (names_.size() == kSlotsMax)
    return fail(ErrorCode::exhausted, std::string(name) + ": more than " + std::to_string(kSlotsMax) + " names");
  const Slot slot{static_cast<std::uint32_t>(names_.size()), type};
  names_.emplace_back(name);
  slots_.emplace(name, slot);
  return slot;
}

}  // namespace vs::filter
