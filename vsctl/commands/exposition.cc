#include "vsctl/commands/exposition.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

namespace vs::ctl {
namespace {

using nlohmann::json;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

// The metric that a line is about; empty for a remark.
std::string_view name_of(std::string_view line) {
  line = without_blanks(line);
  if (line.starts_with("# HELP ") || line.starts_with("# TYPE "))
    line = without_blanks(line.substr(7));
  else if (line.starts_with('#'))
    return {};
  return line.substr(0, line.find_first_of(" \t\r{"));
}

// Reads "key="value"" off the front of `rest`. Inside quotes, backslash, quote and line feed are
// escaped.
std::optional<std::pair<std::string, std::string>> take_label(std::string_view& rest) {
  const auto quote = rest.find("=\"");
  if (quote == std::string_view::npos) return std::nullopt;
  std::string key(without_blanks(rest.substr(0, quote)));
  std::string value;
  for (std::size_t i = quote + 2; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return std::pair(std::move(key), std::move(value));
    }
    if (rest[i] == '\\' && i + 1 < rest.size())
      ++i, value += rest[i] == 'n' ? '\n' : rest[i];
    else
      value += rest[i];
  }
  return std::nullopt;
}

json value_of(std::string_view text) {
  text = without_blanks(text);
  text = text.substr(0, text.find_first_of(" \t\r"));  // a time stamp may follow
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return text;
  constexpr double exact_integers_below = 9007199254740992.0;  // 2^53
  if (value == std::floor(value) && std::abs(value) < exact_integers_below)
    return static_cast<std::int64_t>(value);
  return value;
}

std::optional<json> sample_of(std::string_view line) {
  line = without_blanks(line);
  const std::string_view name = name_of(line);
  if (name.empty() || line.starts_with('#')) return std::nullopt;
  json labels = json::object();
  std::string_view rest = without_blanks(line.substr(name.size()));
  if (rest.starts_with('{')) {
    rest = without_blanks(rest.substr(1));
    while (!rest.starts_with('}')) {
      const auto label = take_label(rest);
      if (!label) return std::nullopt;
      labels[label->first] = label->second;
      rest = without_blanks(rest);
      if (rest.starts_with(',')) rest = without_blanks(rest.substr(1));
    }
    rest.remove_prefix(1);
  }
  if (without_blanks(rest).empty()) return std::nullopt;
  return json{{"name", name}, {"labels", std::move(labels)}, {"value", value_of(rest)}};
}

}  // namespace

std::string select_metrics(std::string_view exposition, std::string_view prefix) {
  std::string selected;
  for (const std::string_view line : lines_of(exposition)) {
    const std::string_view name = name_of(line);
    if (!name.empty() && name.starts_with(prefix)) selected += std::string(line) + "\n";
  }
  return selected;
}

json parse_metrics(std::string_view exposition) {
  json samples = json::array();
  for (const std::string_view line : lines_of(exposition))
    if (auto sample = sample_of(line)) samples.push_back(std::move(*sample));
  return samples;
}

}  // namespace vs::ctl
