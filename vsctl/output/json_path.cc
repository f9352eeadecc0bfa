#include "vsctl/output/json_path.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

std::string value_text(const json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return printable(value.get_ref<const std::string&>());
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

const json* member(const json& value, std::string_view key) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(key);
  return found == value.end() ? nullptr : &*found;
}

const json* element(const json& value, std::ptrdiff_t index) {
  if (!value.is_array()) return nullptr;
  const auto size = static_cast<std::ptrdiff_t>(value.size());
  if (index < 0) index += size;
  return index < 0 || index >= size ? nullptr : &value[static_cast<std::size_t>(index)];
}

}  // namespace

class JsonPath::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<JsonPath> run() {
    JsonPath path;
    while (at_ < text_.size()) {
      Result<Part> part = text_[at_] == '{' ? braces() : Result<Part>(plain());
      if (!part) return fail(std::move(part.error()));
      path.parts_.push_back(std::move(*part));
    }
    if (path.parts_.empty()) return fail(ErrorCode::invalid, "it is empty; a path is wanted, such as {.metadata.name}");
    return path;
  }

 private:
  [[nodiscard]] bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }
  [[nodiscard]] tl::unexpected<Error> wrong(const std::string& wanted) const {
    return fail(ErrorCode::invalid, fmt::format("at character {}: {}", at_ + 1, wanted));
  }
  bool take(char c) {
    const bool is = next_is(c);
    at_ += is ? 1 : 0;
    return is;
  }

  Part plain() {
    const std::size_t end = std::min(text_.find('{', at_), text_.size());
    Part part{.text = std::string(text_.substr(at_, end - at_))};
    at_ = end;
    return part;
  }

  Result<Part> braces() {
    ++at_;
    if (next_is('"') || next_is('\'')) {
      auto text = quoted();
      if (!text) return fail(std::move(text.error()));
      if (!take('}')) return wrong("a } is wanted");
      return Part{.text = std::move(*text)};
    }
    Part part{.path = true};
    take('$');  // the root, which every path begins at
    while (!take('}')) {
      auto step = next_is('[') ? subscript() : key();
      if (!step) return fail(std::move(step.error()));
      if (!std::holds_alternative<std::string>(*step) || !std::get<std::string>(*step).empty())
        part.steps.push_back(std::move(*step));
    }
    return part;
  }

  // "." alone is the root itself.
  Result<Step> key() {
    if (!take('.')) return wrong("a path is wanted, such as {.metadata.name}");
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view(".[]{}\"'()?@*, ").find(text_[at_]) == std::string_view::npos) ++at_;
    if (at_ == begin && !next_is('}') && !next_is('[')) return wrong("a member's name is wanted");
    return Step(std::string(text_.substr(begin, at_ - begin)));
  }

  Result<Step> subscript() {
    ++at_;
    if (take('*')) return closed(Every{});
    if (next_is('\'') || next_is('"')) {
      auto name = quoted();
      if (!name) return fail(std::move(name.error()));
      return closed(std::move(*name));
    }
    std::ptrdiff_t index = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), index);
    if (error != std::errc{}) return wrong("a number, * or a name in quotes is wanted");
    at_ = static_cast<std::size_t>(end - text_.data());
    return closed(index);
  }

  Result<Step> closed(Step step) {
    if (!take(']')) return wrong("a ] is wanted");
    return step;
  }

  Result<std::string> quoted() {
    const char quote = text_[at_++];
    std::string text;
    while (at_ < text_.size() && text_[at_] != quote) {
      char c = text_[at_++];
      if (c == '\\' && at_ < text_.size()) {
        c = text_[at_++];
        c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
      }
      text += c;
    }
    if (!take(quote)) return wrong("the quote is not closed");
    return text;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<JsonPath> JsonPath::parse(std::string_view text) {
  if (text.size() > kJsonPathBytesMax)
    return fail(ErrorCode::invalid, fmt::format("it has more than {} bytes", kJsonPathBytesMax));
  return Parser(text).run();
}

std::vector<const json*> JsonPath::inside(const std::vector<const json*>& values, const Step& step) {
  std::vector<const json*> found;
  for (const json* value : values) {
    if (std::holds_alternative<Every>(step)) {
      if (value->is_structured())
        for (const json& each : *value) found.push_back(&each);
      continue;
    }
    const auto* name = std::get_if<std::string>(&step);
    const json* one = name != nullptr ? member(*value, *name) : element(*value, std::get<std::ptrdiff_t>(step));
    if (one != nullptr) found.push_back(one);
  }
  return found;
}

std::string JsonPath::apply(const json& document) const {
  std::string out;
  for (const Part& part : parts_) {
    if (!part.path) {
      out += part.text;
      continue;
    }
    std::vector<const json*> found{&document};
    for (const Step& step : part.steps) found = inside(found, step);
    for (std::size_t i = 0; i < found.size(); ++i) out += (i == 0 ? "" : " ") + value_text(*found[i]);
  }
  return out;
}

}  // namespace vs::ctl
