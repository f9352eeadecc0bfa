#include "vsctl/output/yaml.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/output/utf8.h"

namespace vs::ctl {
namespace {

constexpr std::size_t kImplicitKeyBytesMax =
    1000;  // YAML allows 1024 characters before the colon, quotes and all

// What YAML 1.1 or 1.2 reads as something else than a string, in lower case; numbers and dates
// begin with no letter.
constexpr std::array<std::string_view, 11> kWords{"y",     "n",    "yes", "no",  "on",  "off",
                                                  "false", "null", "nan", "inf", "true"};

bool stands_plain(std::string_view text) {
  if (text.empty() || text.back() == ' ') return false;
  if (std::isalpha(static_cast<unsigned char>(text[0])) == 0 && text[0] != '/') return false;
  const auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(" _./-").find(c) != std::string_view::npos;
  };
  if (!std::all_of(text.begin(), text.end(), harmless)) return false;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto point =
        first_code_point(text).value_or(CodePoint{0xfffd, 1});  // parsed JSON is UTF-8
    const auto value = static_cast<unsigned>(point.value);
    if (value == '"' || value == '\\')
      out += fmt::format("\\{}", static_cast<char>(value));
    else if (value == '\n')
      out += "\\n";
    else if (value == '\t')
      out += "\\t";
    else if (is_control(point.value))
      out += fmt::format("\\u{:04x}", value);
    else
      out += text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
  }
  return out + "\"";
}

std::string scalar(const nlohmann::json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return stands_plain(text) ? text : in_quotes(text);
  }
  std::string number = value.dump();
  // "1e+20" is a string to YAML 1.1, which wants a point.
  if (const auto e = number.find('e');
      value.is_number_float() && e != std::string::npos && number.find('.') > e)
    number.insert(e, ".0");
  return number;
}

bool nests(const nlohmann::json& value) { return value.is_structured() && !value.empty(); }

void write(const nlohmann::json& value, std::size_t indent, std::string& out);

// What stands after "key:" or "-": on the same line, or below and further in.
void write_below(const nlohmann::json& value, std::size_t indent, std::string& out) {
  if (nests(value)) {
    out += '\n';
    write(value, indent, out);
  } else {
    out += ' ';
    write(value, 0, out);
  }
}

void write_entry(const std::string& key, const nlohmann::json& value, std::size_t indent,
                 std::string& out) {
  const std::string name = scalar(key);
  if (name.size() > kImplicitKeyBytesMax) {
    out += "? " + name + "\n" + std::string(indent, ' ') + ":";
  } else {
    out += name + ":";
  }
  write_below(value, indent + 2, out);
}

void write(const nlohmann::json& value, std::size_t indent, std::string& out) {
  if (!nests(value)) {
    out += value.is_object() ? "{}" : value.is_array() ? "[]" : scalar(value);
    out += '\n';
    return;
  }
  for (auto item = value.begin(); item != value.end(); ++item) {
    out.append(indent, ' ');
    if (value.is_object()) {
      write_entry(item.key(), *item, indent, out);
    } else {
      out += '-';
      // The first entry of a nested collection begins in the line of its dash.
      std::string below;
      if (nests(*item)) write(*item, indent + 2, below);
      if (below.empty())
        write_below(*item, indent + 2, out);
      else
        out += ' ' + below.substr(indent + 2);
    }
  }
}

}  // namespace

std::string to_yaml(const nlohmann::json& document) {
  std::string out;
  write(document, 0, out);
  return out;
}

}  // namespace vs::ctl
