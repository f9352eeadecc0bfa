#include "base/json.h"

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

template class nlohmann::basic_json<>;  // for all files: see cmake/headers.h

namespace vs {
namespace {

using nlohmann::json;

// Builds the value out of the parser's events. A key is looked up once, when its member is made:
// one that is there already stands twice.
class Builder {
 public:
  bool null() { return place(nullptr); }
  bool boolean(bool value) { return place(value); }
  bool number_integer(json::number_integer_t value) { return place(value); }
  bool number_unsigned(json::number_unsigned_t value) { return place(value); }
  bool number_float(json::number_float_t value, const std::string&) { return place(value); }
  bool string(std::string& value) { return place(std::move(value)); }
  bool binary(json::binary_t&) { return refuse("not text"); }  // no text has it
  bool start_object(std::size_t) { return open(json::value_t::object); }
  bool start_array(std::size_t) { return open(json::value_t::array); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& key) {
    const auto [member, fresh] = open_.back()->get_ref<json::object_t&>().try_emplace(key);
    member_ = &member->second;
    return fresh || refuse(fmt::format("key \"{}\" stands twice in one object", key));
  }

  bool parse_error(std::size_t byte, const std::string&, const json::exception& problem) {
    const bool grammar = dynamic_cast<const json::parse_error*>(&problem) != nullptr;
    if (!grammar) return refuse(problem.what());  // a number out of range
    error_ = fmt::format("not JSON at byte {}: {}", byte, problem.what());
    return false;
  }

  [[nodiscard]] json take() { return std::move(root_); }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool refuse(const std::string& what) {
    error_ = "JSON refused: " + what;
    return false;
  }

  // Where `value` now stands. A list that grows moves its items, but only the last can be open.
  json* put(json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    if (open_.back()->is_array()) return &open_.back()->emplace_back(std::move(value));
    return &(*member_ = std::move(value));
  }
  bool place(json value) {
    put(std::move(value));
    return true;
  }
  bool open(json::value_t type) {
    if (open_.size() == kJsonDepthMax)
      return refuse(fmt::format("nested deeper than {} levels", kJsonDepthMax));
    open_.push_back(put(type));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  json root_;
  std::vector<json*> open_;
  json* member_ = nullptr;  // whose value comes next, when an object is open
  std::string error_;
};

}  // namespace

Result<json> parse_json(std::string_view text) {
  Builder builder;
  if (json::sax_parse(text, &builder)) return builder.take();
  return fail(ErrorCode::invalid, builder.error());
}

std::string pointer_token(std::string_view key) {
  std::string token;
  for (const char c : key) {
    if (c == '~') token += "~0";
    else if (c == '/') token += "~1";
    else token += c;
  }
  return token;
}

}  // namespace vs
