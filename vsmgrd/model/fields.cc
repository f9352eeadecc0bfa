#include "vsmgrd/model/fields.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"

namespace vs {
namespace {

using nlohmann::json;

// Only what a rule matches has a least size.
constexpr const char* kMatchAllHint = "leave it out to match all";

// Text is shown on terminals and in logs: nothing that moves a cursor.
bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
  });
}

Result<> check_text(std::string_view text) {
  if (text.size() > kTextBytesMax)
    return fail(ErrorCode::invalid,
                fmt::format("has {} bytes, at most {} are allowed", text.size(), kTextBytesMax));
  if (has_control(text)) return fail(ErrorCode::invalid, "has a control character");
  return {};
}

// YAML reads 8080 and true as number and truth; who wants the text must quote it.
std::string quotes_hint(const json& value) {
  if (value.is_number() || value.is_boolean())
    return fmt::format("put it in quotes: \"{}\"", value.dump());
  return {};
}

// What stands at `pointer`, for a message: `"spec"`, `entry 2 of "rules"`.
std::string noun_of(std::string_view pointer) {
  if (pointer.empty()) return "a document";
  const std::size_t last = pointer.rfind('/');
  const std::string_view token = pointer.substr(last + 1);
  if (token.find_first_not_of("0123456789") != std::string_view::npos) return in_quotes(token);
  const std::string_view parent = pointer.substr(0, last);
  return fmt::format("entry {} of {}", token, in_quotes(parent.substr(parent.rfind('/') + 1)));
}

}  // namespace

std::string describe(const json& value) {
  switch (value.type()) {
    case json::value_t::null: return "nothing";
    case json::value_t::boolean: return value.get<bool>() ? "true" : "false";
    case json::value_t::string: return "text " + in_quotes(value.get_ref<const std::string&>());
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
    case json::value_t::number_float: return "the number " + value.dump();
    case json::value_t::array: return "a list";
    case json::value_t::object: return "a map";
    case json::value_t::binary:
    case json::value_t::discarded: break;
  }
  return "not a value";
}

Fields::Fields(const json& value, std::string pointer, std::vector<Problem>& problems)
    : object_(value.is_object() ? &value : nullptr),
      pointer_(std::move(pointer)),
      problems_(problems) {
  if (!object_)
    problems_.push_back(
        {.pointer = pointer_,
         .message = fmt::format("{} must be a map, is {}", noun_of(pointer_), describe(value)),
         .code = "wrong_type"});
}

std::string Fields::pointer_of(std::string_view key) const {
  return pointer_ + '/' + pointer_token(key);
}

void Fields::note(std::string_view key, std::string message, std::string hint, std::string code) {
  problems_.push_back({.pointer = pointer_of(key),
                       .message = fmt::format("\"{}\"{}", key, message),
                       .hint = std::move(hint),
                       .code = std::move(code)});
}

const json* Fields::take(std::string_view key, Need need) {
  known_.emplace_back(key);
  if (!object_) return nullptr;
  const auto found = object_->find(key);
  if (found != object_->end()) return &*found;
  if (need == Need::required) missing_.emplace(key);
  return nullptr;
}

const json* Fields::take_text(std::string_view key, Need need) {
  const json* value = take(key, need);
  if (!value || value->is_string()) return value;
  note(key, " must be text, is " + describe(*value), quotes_hint(*value), "wrong_type");
  return nullptr;
}

bool Fields::text(std::string_view key, std::string& into, Need need) {
  const json* value = take_text(key, need);
  if (!value) return false;
  const auto& text = value->get_ref<const std::string&>();
  if (const auto checked = check_text(text); !checked) {
    note(key, " " + checked.error().message);
    return false;
  }
  if (text.empty() && need == Need::required) {
    note(key, " must not be empty");
    return false;
  }
  into = text;
  return true;
}

bool Fields::name(std::string_view key, std::string& into, Need need) {
  const json* value = take_text(key, need);
  if (!value) return false;
  const auto& name = value->get_ref<const std::string&>();
  if (const auto checked = check_name(name); !checked) {
    note(key, ": " + checked.error().message);
    return false;
  }
  into = name;
  return true;
}

bool Fields::choice(std::string_view key, std::string& into, Need need,
                    const std::vector<std::string>& choices) {
  const json* value = take_text(key, need);
  if (!value) return false;
  const auto& word = value->get_ref<const std::string&>();
  if (std::find(choices.begin(), choices.end(), word) == choices.end()) {
    const std::string wanted = choices.size() == 1
                                   ? fmt::format(" must be \"{}\"", choices.front())
                                   : fmt::format(" must be one of {}", fmt::join(choices, ", "));
    note(key, fmt::format("{}, is {}", wanted, in_quotes(word)), did_you_mean(word, choices));
    return false;
  }
  into = word;
  return true;
}

bool Fields::flag(std::string_view key, bool& into) {
  const json* value = take(key, Need::optional);
  if (!value) return false;
  if (!value->is_boolean()) {
    note(key, " must be true or false, is " + describe(*value), {}, "wrong_type");
    return false;
  }
  into = value->get<bool>();
  return true;
}

bool Fields::number(std::string_view key, std::uint32_t& into, std::uint32_t min,
                    std::uint32_t max) {
  const json* value = take(key, Need::optional);
  if (!value) return false;
  // JSON keeps a number that has no sign as unsigned; so a signed one is negative, or was made by a
  // program.
  const bool whole = value->is_number_integer();
  const bool negative = whole && !value->is_number_unsigned() && value->get<std::int64_t>() < 0;
  if (whole && !negative) {
    if (const auto count = value->get<std::uint64_t>(); count >= min && count <= max) {
      into = static_cast<std::uint32_t>(count);
      return true;
    }
  }
  note(key,
       fmt::format(" must be a whole number from {} to {}, is {}", min, max, describe(*value)));
  return false;
}

bool Fields::duration(std::string_view key, std::chrono::milliseconds& into,
                      std::chrono::milliseconds max, std::chrono::milliseconds min) {
  const json* value = take(key, Need::optional);
  if (!value) return false;
  if (!value->is_string()) {
    note(key, " must be a duration, is " + describe(*value),
         value->is_number() ? fmt::format("give it a unit: \"{}ms\"", value->dump()) : "",
         "wrong_type");
    return false;
  }
  const auto duration = parse_duration(value->get_ref<const std::string&>());
  if (!duration) {
    note(key, ": " + duration.error().message);
    return false;
  }
  if (*duration < min || *duration > max) {
    note(key, fmt::format(" must be from {} to {}, is {}", format_duration(min), format_duration(max),
                          format_duration(*duration)));
    return false;
  }
  into = *duration;
  return true;
}

bool Fields::fine_duration(std::string_view key, std::chrono::microseconds& into,
                           std::chrono::microseconds max) {
  const json* value = take(key, Need::optional);
  if (!value) return false;
  if (!value->is_string()) {
    note(key, " must be a duration, is " + describe(*value),
         value->is_number() ? fmt::format("give it a unit: \"{}us\"", value->dump()) : "",
         "wrong_type");
    return false;
  }
  const auto duration = parse_fine_duration(value->get_ref<const std::string&>());
  if (!duration) {
    note(key, ": " + duration.error().message);
    return false;
  }
  if (duration->count() < 1 || *duration > max) {
    note(key, fmt::format(" must be from 1us to {}, is {}", format_fine_duration(max),
                          format_fine_duration(*duration)));
    return false;
  }
  into = *duration;
  return true;
}

bool Fields::percent(std::string_view key, std::uint32_t& into) {
  const json* value = take(key, Need::optional);
  if (!value) return false;
  if (!value->is_string()) {
    note(key, " must be a percentage, is " + describe(*value),
         value->is_number() ? fmt::format("write \"{}%\"", value->dump()) : "", "wrong_type");
    return false;
  }
  const auto ppm = parse_percent(value->get_ref<const std::string&>());
  if (!ppm) {
    note(key, ": " + ppm.error().message);
    return false;
  }
  into = *ppm;
  return true;
}

bool Fields::choices(std::string_view key, std::vector<std::string>& into,
                     const std::vector<std::string>& words) {
  std::vector<std::string> given;
  const auto any = [](std::string_view) { return Result<>(); };
  if (!texts(key, given, 1, words.size(), any)) return false;
  bool known = true;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (std::find(words.begin(), words.end(), given[i]) != words.end()) continue;
    known = false;
    problems_.push_back(
        {.pointer = fmt::format("{}/{}", pointer_of(key), i),
         .message = fmt::format("\"{}\": {} is none of {}", key, in_quotes(given[i]),
                                fmt::join(words, ", ")),
         .hint = did_you_mean(given[i], words),
         .code = "wrong_value"});
  }
  if (known) into = std::move(given);
  return known;
}

bool Fields::texts(std::string_view key, std::vector<std::string>& into, std::size_t min,
                   std::size_t max, Result<> (*check)(std::string_view)) {
  const json* value = take(key, Need::optional);
  if (!value) return false;
  if (!value->is_array()) {
    const bool one = value->is_string() && check(value->get_ref<const std::string&>());
    note(key, " must be a list, is " + describe(*value),
         one ? fmt::format("write [{}]", value->dump()) : "", "wrong_type");
    return false;
  }
  if (value->empty() && min > 0) {
    note(key, " must not be an empty list", kMatchAllHint);
    return false;
  }
  if (value->size() > max) {
    note(key, fmt::format(" has {} entries, at most {} are allowed", value->size(), max));
    return false;
  }
  const std::size_t problems_before = problems_.size();
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < value->size(); ++i) {
    const json& entry = (*value)[i];
    const auto note_entry = [&](std::string message, std::string hint = {}) {
      problems_.push_back({.pointer = fmt::format("{}/{}", pointer_of(key), i),
                           .message = fmt::format("\"{}\": {}", key, message),
                           .hint = std::move(hint),
                           .code = "wrong_value"});
    };
    if (!entry.is_string()) {
      note_entry("each entry must be text, this is " + describe(entry), quotes_hint(entry));
      continue;
    }
    const auto& text = entry.get_ref<const std::string&>();
    if (const auto checked = check(text); !checked) note_entry(checked.error().message);
    if (!seen.insert(text).second) note_entry(fmt::format("{} stands twice", in_quotes(text)));
  }
  if (problems_.size() != problems_before) return false;
  into = value->get<std::vector<std::string>>();
  return true;
}

bool Fields::labels(std::string_view key, Labels& into, std::size_t min) {
  const json* value = take(key, Need::optional);
  if (!value) return false;
  if (!value->is_object()) {
    note(key, " must be a map of text to text, is " + describe(*value), "", "wrong_type");
    return false;
  }
  if (value->size() < min) {
    note(key, " must not be empty", kMatchAllHint);
    return false;
  }
  if (value->size() > kLabelsMax) {
    note(key, fmt::format(" has {} labels, at most {} are allowed", value->size(), kLabelsMax));
    return false;
  }
  const std::size_t problems_before = problems_.size();
  Labels labels;
  for (const auto& item : value->items()) {
    const std::string& label = item.key();
    const json& content = item.value();
    const auto note_label = [&](std::string message, std::string hint = {}, bool at_key = false) {
      problems_.push_back({.pointer = pointer_of(key) + '/' + pointer_token(label),
                           .message = fmt::format("label {} {}", in_quotes(label), message),
                           .hint = std::move(hint),
                           .at_key = at_key,
                           .code = "wrong_value"});
    };
    if (!is_label_key(label))
      note_label(fmt::format("must be 1 to {} of letters, digits and - _ . /, with a letter or "
                             "digit at either end",
                             kNameBytesMax),
                 "", true);
    if (!content.is_string()) {
      note_label("must be text, is " + describe(content), quotes_hint(content));
      continue;
    }
    const auto& text = content.get_ref<const std::string&>();
    if (const auto checked = check_text(text); !checked) note_label(checked.error().message);
    labels.emplace(label, text);
  }
  if (problems_.size() != problems_before) return false;
  into = std::move(labels);
  return true;
}

void Fields::finish() {
  if (!object_) return;
  for (const auto& item : object_->items()) {
    const std::string& key = item.key();
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    problems_.push_back({.pointer = pointer_of(key),
                         .message = "unknown key " + in_quotes(key),
                         .hint = did_you_mean(key, known_),
                         .at_key = true,
                         .code = "unknown_key"});
    // A misspelt key is one mistake, not an unknown and a missing one.
    std::erase_if(missing_, [&](const std::string& missing) {
      return !did_you_mean(key, {missing}).empty();
    });
  }
  for (const std::string& key : missing_)
    problems_.push_back({.pointer = pointer_,
                         .message = fmt::format("\"{}\" is missing", key),
                         .code = "missing"});
}

}  // namespace vs
