#include "vsctl/client/fields.h"

namespace vs::ctl {

const nlohmann::json& field(const nlohmann::json& object, std::string_view key) {
  static const nlohmann::json none;
  if (!object.is_object()) return none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

std::string text(const nlohmann::json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string text(const nlohmann::json& object, std::string_view key) {
  return text(field(object, key));
}

std::int64_t number(const nlohmann::json& object, std::string_view key) {
  const nlohmann::json& value = field(object, key);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

bool is_true(const nlohmann::json& object, std::string_view key) {
  const nlohmann::json& value = field(object, key);
  return value.is_boolean() && value.get<bool>();
}

}  // namespace vs::ctl
